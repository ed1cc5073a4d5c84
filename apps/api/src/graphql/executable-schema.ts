import {
  buildSchema,
  GraphQLObjectType,
  GraphQLScalarType,
  type GraphQLFieldMap,
  type GraphQLSchema,
} from 'graphql/index.js';
import type { GraphqlContext, Resolvers, SubscriptionResolvers } from './resolvers.ts';
import { scalars } from './scalars.ts';

// The CommonJS build by its file: Mercurius requires that one, and a schema works only with the instance
// of the library that made it.
/** The schema with its resolvers. A resolver for a field that does not exist is an error at start. */
export function executableSchema(
  typeDefinitions: string,
  resolvers: Resolvers,
  subscriptions: SubscriptionResolvers,
): GraphQLSchema {
  const schema = buildSchema(typeDefinitions);
  for (const [name, members] of Object.entries(scalars)) {
    const scalar = schema.getType(name);
    if (!(scalar instanceof GraphQLScalarType)) throw new Error(`the schema has no scalar ${name}`);
    Object.assign(scalar, members);
  }
  for (const [type, fields] of Object.entries(resolvers)) {
    for (const [name, resolver] of Object.entries(fields)) {
      const call = resolver as (parent: unknown, args: unknown, context: GraphqlContext) => unknown;
      fieldOf(schema, type, name).resolve = (parent, args: object, context: GraphqlContext) =>
        call(parent, withoutNulls(args), context);
    }
  }
  for (const [name, resolver] of Object.entries(subscriptions)) {
    const subscribe = resolver.subscribe as (
      parent: unknown,
      args: unknown,
      context: GraphqlContext,
    ) => unknown;
    const field = fieldOf(schema, 'Subscription', name);
    field.subscribe = (parent, args: object, context: GraphqlContext) =>
      subscribe(parent, withoutNulls(args), context);
    field.resolve = (event: unknown) => event;
  }
  return schema;
}

function fieldOf(
  schema: GraphQLSchema,
  type: string,
  name: string,
): GraphQLFieldMap<unknown, GraphqlContext>[string] {
  const object = schema.getType(type);
  const field = object instanceof GraphQLObjectType ? object.getFields()[name] : undefined;
  if (!field) throw new Error(`the schema has no field ${type}.${name}`);
  return field;
}

/** An argument that is null counts as left out. */
function withoutNulls(args: object): object {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
}
