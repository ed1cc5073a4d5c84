/** No enrollment token has this id. */
export class UnknownEnrollmentToken extends Error {
  readonly code = 'unknown-enrollment-token';
  readonly field = 'id';

  constructor(id: string) {
    super(`no enrollment token has the id ${id}`);
  }
}

/** The token lets nobody in any more, so there is nothing to change about it. */
export class EnrollmentTokenRevoked extends Error {
  readonly code = 'enrollment-token-revoked';
  readonly field = 'id';

  constructor(id: string) {
    super(`the enrollment token ${id} was revoked: make a new one`);
  }
}

/** The cursor is not one that a page of this list gave out. */
export class InvalidCursor extends Error {
  readonly code = 'invalid-cursor';
  readonly field = 'after';

  constructor() {
    super('not a cursor of this list: pass the `next` of the page before');
  }
}
