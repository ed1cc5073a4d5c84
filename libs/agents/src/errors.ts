/** The text is not a label selector. Trying again does not help. */
export class InvalidSelector extends Error {
  readonly code = 'invalid-selector';
  readonly field = 'selector';
  readonly reason: string;
  /** Offset in the text, from 0; the text's length when it ends too early. */
  readonly position: number;

  constructor(reason: string, position: number) {
    super(`${reason} at character ${position + 1}`);
    this.reason = reason;
    this.position = position;
  }
}

/** The cursor of a page was not made by this server. */
export class InvalidCursor extends Error {
  readonly code = 'invalid-cursor';
  readonly field = 'after';

  constructor() {
    super('not a cursor of this list; leave it out to begin at the first page');
  }
}

/** No such agent, or deleted. */
export class UnknownAgent extends Error {
  readonly code = 'unknown-agent';
  readonly field: string;

  /** `field`: where the uid was given. */
  constructor(uid: string, field = 'uid') {
    super(`no agent has the uid ${uid}`);
    this.field = field;
  }
}

/** A label's name or value that no selector could be written for. */
export class InvalidLabel extends Error {
  readonly code = 'invalid-label';
  readonly field: string;

  constructor(label: string, reason: string) {
    super(reason);
    this.field = `labels.${label}`;
  }
}

/** The agent has no connection now, so a command cannot reach it. */
export class AgentOffline extends Error {
  readonly code = 'agent-offline';

  constructor(uid: string) {
    super(`agent ${uid} is not connected`);
  }
}

/** The agent is connected and cannot take the command; the message says why. */
export class CommandRefused extends Error {
  readonly code = 'command-refused';
}

/** PostgreSQL does not take what an agent reported. Trying the same again does not help. */
export class ReportRefused extends Error {
  readonly code = 'report-refused';

  constructor(uid: string, cause: unknown) {
    super(`what agent ${uid} reported cannot be stored`, { cause });
  }
}
