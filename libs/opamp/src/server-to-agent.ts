import protobuf from 'protobufjs/minimal.js';
import { ServerToAgent, serverError, type ServerToAgentFields } from './opamp.ts';

/*
 * Writers of ServerToAgent messages. Each result is a WebSocket message: the header byte 0, then the
 * protobuf. Plain HTTP sends it without the first byte (`withoutHeader`).
 */

const uidLength = 16;
const uidTag = 0x0a;
const flagsTag = 0x30;
const capabilitiesTag = 0x38;
const remoteConfigTag = 0x1a;
/** Where the uid is in every message that has one: after the header byte, its tag and its length. */
export const answerUidAt = 3;

/** The protobuf of a written message, for a transport without the header byte. */
export function withoutHeader(message: Uint8Array): Uint8Array {
  return message.subarray(1);
}

/**
 * The plain answer: uid and capabilities, and flags when there are any. `capabilities` and `flags` are
 * below 128: all that are defined are.
 */
export function answer(uid: Uint8Array, capabilities: number, flags = 0): Uint8Array {
  const message = Buffer.allocUnsafe(flags === 0 ? 21 : 23);
  writeUid(message, uid);
  message[19] = capabilitiesTag;
  message[20] = capabilities;
  if (flags !== 0) {
    message[21] = flagsTag;
    message[22] = flags;
  }
  return message;
}

function writeUid(message: Uint8Array, uid: Uint8Array): void {
  message[0] = 0;
  message[1] = uidTag;
  message[2] = uidLength;
  message.set(uid, answerUidAt);
}

/** BadRequest: what was wrong, and where. `uid` is null when the sender is not known. */
export function badRequest(uid: Uint8Array | null, errorMessage: string): Uint8Array {
  return errorResponse(uid, { type: serverError.badRequest, errorMessage });
}

/** Unavailable: the server cannot take the message now. */
export function unavailable(uid: Uint8Array, errorMessage: string, retryAfterSeconds: number): Uint8Array {
  const retryInfo = { retryAfterNanoseconds: retryAfterSeconds * 1e9 };
  return errorResponse(uid, { type: serverError.unavailable, errorMessage, retryInfo });
}

/** Unknown: the server failed inside; the agent does not try again. */
export function internalError(uid: Uint8Array | null): Uint8Array {
  return errorResponse(uid, {
    type: serverError.unknown,
    errorMessage: 'the server failed to handle the message',
  });
}

/** An error_response excludes every other field but the uid (spec "ServerToAgent.error_response"). */
function errorResponse(
  instanceUid: Uint8Array | null,
  error: ServerToAgentFields['errorResponse'],
): Uint8Array {
  return write({ ...(instanceUid && { instanceUid }), errorResponse: error ?? null });
}

/** A restart, alone in its message: the agent would drop whatever came with it (spec "ServerToAgent.command"). */
export function restartCommand(uid: Uint8Array): Uint8Array {
  return write({ instanceUid: uid, command: {} });
}

/** Gives the agent `uid` the name `newUid`. */
export function agentIdentification(uid: Uint8Array, newUid: Uint8Array, capabilities: number): Uint8Array {
  return write({ instanceUid: uid, capabilities, agentIdentification: { newInstanceUid: newUid } });
}

function write(message: ServerToAgentFields): Uint8Array {
  return ServerToAgent.encode(message, protobuf.Writer.create().uint32(0)).finish();
}

/** An offer of one remote configuration to any number of agents: encoded once, addressed again for each. */
export class RemoteConfigOffer {
  readonly #message: Buffer;

  /** `remoteConfig` is an encoded AgentRemoteConfig. */
  constructor(remoteConfig: Uint8Array, capabilities: number) {
    const length = new protobuf.Writer().uint32(remoteConfig.length).finish();
    const head = Buffer.alloc(answerUidAt + uidLength);
    writeUid(head, new Uint8Array(uidLength));
    this.#message = Buffer.concat(
      [head, [capabilitiesTag, capabilities, remoteConfigTag], length, remoteConfig].map((part) =>
        Buffer.from(part),
      ),
    );
  }

  /** Size of the message in bytes, with its header. */
  get size(): number {
    return this.#message.length;
  }

  /** The message for one agent. The same memory is used for the next: send or copy it before. */
  addressedTo(uid: Uint8Array): Uint8Array {
    this.#message.set(uid, answerUidAt);
    return this.#message;
  }
}
