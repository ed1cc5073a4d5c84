/** One thing wrong with a request. */
export interface FieldError {
  /** Dotted path in the body, or the name of a parameter. */
  field: string;
  detail: string;
}

/** The request does not have the shape or the values it must have. */
export class InvalidRequest extends Error {
  readonly code = 'invalid-request';
  readonly field: string;
  readonly errors: readonly FieldError[];

  constructor(first: FieldError, ...others: FieldError[]) {
    super(`${first.field}: ${first.detail}`);
    this.field = first.field;
    this.errors = [first, ...others];
  }
}

/** No valid API key and no session. */
export class Unauthenticated extends Error {
  readonly code = 'unauthenticated';

  constructor() {
    super('send an API key as "Authorization: Bearer <key>", or sign in');
  }
}

/** Wrong credentials come from the address of the client more often than they may. */
export class TooManyWrongCredentials extends Error {
  readonly code = 'too-many-wrong-credentials';
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super(
      `too many wrong credentials came from this address; try again in ${retryAfterSeconds} s with one that is right`,
    );
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A browser sent this from a page of another origin. */
export class CrossOrigin extends Error {
  readonly code = 'cross-origin';

  constructor() {
    super('requests from pages of another origin are refused');
  }
}

/** Nothing is served under this method and path. */
export class UnknownRoute extends Error {
  readonly code = 'unknown-route';

  constructor() {
    super('nothing is served here under this method and path; the API is described at /api/openapi.json');
  }
}

/** The GraphQL operation asks for more than one operation may. */
export class QueryTooComplex extends Error {
  readonly code = 'query-too-complex';
}

/** Subscriptions are for the WebSocket. */
export class SubscriptionOverHttp extends Error {
  readonly code = 'subscription-over-http';
  readonly field = 'query';

  constructor() {
    super('subscriptions need a WebSocket that speaks graphql-transport-ws');
  }
}
