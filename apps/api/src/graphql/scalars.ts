import {
  GraphQLError,
  Kind,
  valueFromASTUntyped,
  type GraphQLScalarType,
  type ValueNode,
} from 'graphql/index.js';

type Scalar = Partial<Pick<GraphQLScalarType, 'parseValue' | 'parseLiteral'>>;

/** The contract's own scalars; answers hold them ready to send. */
export const scalars: Record<string, Scalar> = {
  DateTime: {
    parseValue: readDateTime,
    parseLiteral: (node: ValueNode) => readDateTime(node.kind === Kind.STRING ? node.value : null),
  },
  JSON: {
    parseValue: (value) => value,
    parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
  },
};

function readDateTime(value: unknown): string {
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) {
    throw new GraphQLError('must be an RFC 3339 time');
  }
  return value;
}
