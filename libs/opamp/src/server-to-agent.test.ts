import { describe, expect, it } from 'vitest';
import { encodeRemoteConfig } from './remote-config.ts';
import { ServerToAgent } from './opamp.ts';
import {
  agentIdentification,
  answer,
  badRequest,
  RemoteConfigOffer,
  restartCommand,
  unavailable,
  withoutHeader,
} from './server-to-agent.ts';

const uid = Buffer.from('0123456789abcdef');
const otherUid = Buffer.from('fedcba9876543210');

function read(message: Uint8Array): Record<string, unknown> {
  expect(message[0]).toBe(0);
  const decoded = ServerToAgent.decode(withoutHeader(message));
  return JSON.parse(
    JSON.stringify({ ...decoded, instanceUid: Buffer.from(decoded.instanceUid).toString() }),
  ) as Record<string, unknown>;
}

describe('server-to-agent writers', () => {
  it('writes the plain answer in few bytes', () => {
    const message = answer(uid, 0x17);
    expect(message.length).toBe(21);
    expect(Number(ServerToAgent.decode(message.subarray(1)).flags)).toBe(0);
    expect(Number(ServerToAgent.decode(message.subarray(1)).capabilities)).toBe(0x17);
    expect(Number(ServerToAgent.decode(answer(uid, 0x17, 1).subarray(1)).flags)).toBe(1);
  });

  it('writes errors with nothing beside them but the uid', () => {
    expect(read(badRequest(uid, 'what was wrong'))).toEqual({
      instanceUid: uid.toString(),
      errorResponse: { type: 1, errorMessage: 'what was wrong' },
    });
    expect(read(badRequest(null, 'x'))['instanceUid']).toBe('');
    const error = ServerToAgent.decode(unavailable(uid, 'later', 30).subarray(1)).errorResponse!;
    expect(error.type).toBe(2);
    expect(String(error.retryInfo!.retryAfterNanoseconds)).toBe('30000000000');
  });

  it('writes a restart as an empty command that is on the wire', () => {
    expect(Buffer.from(restartCommand(uid)).subarray(-2)).toEqual(Buffer.from('4a00', 'hex'));
  });

  it('writes a new uid beside the old one', () => {
    const message = ServerToAgent.decode(agentIdentification(uid, otherUid, 1).subarray(1));
    expect(Buffer.from(message.instanceUid)).toEqual(uid);
    expect(Buffer.from(message.agentIdentification!.newInstanceUid!)).toEqual(otherUid);
  });

  it('addresses one encoded offer to many agents', () => {
    const { remoteConfig, configHash } = encodeRemoteConfig([
      { name: '', body: Buffer.alloc(9_000, 'x'), contentType: 'text/yaml' },
    ]);
    const offer = new RemoteConfigOffer(remoteConfig, 0x17);
    for (const agent of [uid, otherUid]) {
      const message = ServerToAgent.decode(Buffer.from(offer.addressedTo(agent)).subarray(1));
      expect(Buffer.from(message.instanceUid)).toEqual(agent);
      expect(Buffer.from(message.remoteConfig!.configHash!)).toEqual(configHash);
      expect(message.remoteConfig!.config!.configMap!['']!.body!.length).toBe(9_000);
      expect(Number(message.capabilities)).toBe(0x17);
    }
    expect(offer.size).toBe(offer.addressedTo(uid).length);
  });
});
