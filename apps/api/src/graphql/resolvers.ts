import type { IncomingHttpHeaders } from 'node:http';
import type { Actor } from '@muster/access/actor';

/** What every resolver knows of the operation it works for. */
export interface GraphqlContext {
  actor: Actor;
  /** Of the request that asks, or that opened the socket. */
  headers: IncomingHttpHeaders;
}

/** Arguments come without those that are null; each resolver checks its own. */
export type Resolver = (parent: never, args: never, context: GraphqlContext) => unknown;

export interface SubscriptionResolver {
  /** What the iterator yields is the field's value. */
  subscribe: (parent: never, args: never, context: GraphqlContext) => AsyncIterable<unknown>;
}

/** Type → field → resolver. Fields without one are members of their parent. */
export type Resolvers = Record<string, Record<string, Resolver>>;
export type SubscriptionResolvers = Record<string, SubscriptionResolver>;
