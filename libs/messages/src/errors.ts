/** The bus cannot take or answer anything now. Trying again helps. */
export class BusUnavailable extends Error {
  readonly code = 'bus-unavailable';
  readonly retryable = true;
}

/** The responder failed; its message is safe to log, not to show. */
export class RequestFailed extends Error {
  readonly code = 'request-failed';
  readonly retryable = false;
}

/** No answer from the gateway: gone, or too slow. */
export class GatewayUnreachable extends Error {
  readonly code = 'gateway-unreachable';
  readonly retryable = true;
  /** Nobody listens under its name: it runs no more. False: it may run and be slow, or the bus is away. */
  readonly isGone: boolean;

  constructor(message: string, { isGone = false, ...options }: ErrorOptions & { isGone?: boolean } = {}) {
    super(message, options);
    this.isGone = isGone;
  }
}

/** The message is larger than the bus carries; sending it again does not help, splitting it does. */
export class MessageTooLarge extends Error {
  readonly code = 'message-too-large';
  readonly retryable = false;

  constructor(subject: string, bytes: number, limit: number) {
    super(`a message of ${bytes} bytes on ${subject} is larger than the bus carries (${limit} bytes)`);
  }
}

/** A dead letter that no consumer would take: its subject is none of the bus, or its bytes do not fit it. */
export class NotReplayable extends Error {
  readonly code = 'not-replayable';
  readonly retryable = false;
}

/** No such dead letter: deleted, replayed, or so old that it went by itself. */
export class UnknownDeadLetter extends Error {
  readonly code = 'unknown-dead-letter';
  readonly field = 'id';

  constructor(id: string) {
    super(`no dead letter has the id ${id}`);
  }
}
