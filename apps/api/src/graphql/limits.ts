import {
  getArgumentValues,
  getNamedType,
  getNullableType,
  getOperationAST,
  isListType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';
import { QueryTooComplex } from '../http/errors.ts';

/** Room for the usual introspection query, and twice what the UI needs. */
const maxDepth = 15;
/** A page of 500 agents with all that lists show costs about a half. */
const maxCost = 25_000;
/** More tokens than this are not even parsed. */
export const maxTokens = 5_000;

const rootCost = 100;
/** Lists that take no `limit` are short. */
const listLength = 10;
/** Fields of an agent that are read one agent at a time. */
const detailCost = 50;
const details = new Set([
  'identifyingAttributes',
  'nonIdentifyingAttributes',
  'health',
  'effectiveConfig',
  'components',
  'packages',
  'remoteConfigStatus',
  'connection',
]);

/**
 * Refuses an operation that nests too deep or asks for too much; counts what could be read, before it is
 * read. Expects a document that is valid.
 *
 * @throws QueryTooComplex
 */
export function checkLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName?: string | null,
  variables?: Record<string, unknown> | null,
): void {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return;
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
  new Meter(schema, fragments, variables ?? {}).add(operation.selectionSet, root, 1, 1);
}

class Meter {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Map<string, FragmentDefinitionNode>;
  readonly #variables: Record<string, unknown>;
  #cost = 0;

  constructor(
    schema: GraphQLSchema,
    fragments: Map<string, FragmentDefinitionNode>,
    variables: Record<string, unknown>,
  ) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#variables = variables;
  }

  /** Adds the cost of a selection that is read `times` times; throws as soon as it is too much. */
  add(selections: SelectionSetNode, type: GraphQLNamedType, times: number, depth: number): void {
    if (depth > maxDepth) throw new QueryTooComplex(`the operation nests deeper than ${maxDepth} levels`);
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) {
        this.#addField(selection, type, times, depth);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        this.add(selection.selectionSet, type, times, depth);
      } else {
        this.#addCost(times);
        this.add(this.#fragments.get(selection.name.value)!.selectionSet, type, times, depth);
      }
    }
  }

  #addField(node: FieldNode, type: GraphQLNamedType, times: number, depth: number): void {
    const field = isObjectType(type) ? type.getFields()[node.name.value] : undefined;
    this.#addCost(times * this.#costOf(node, type));
    if (!node.selectionSet) return;
    if (!field) return this.add(node.selectionSet, type, times, depth + 1); // introspection
    this.add(node.selectionSet, getNamedType(field.type), times * this.#length(node, type, field), depth + 1);
  }

  #costOf(node: FieldNode, type: GraphQLNamedType): number {
    if (type === this.#schema.getQueryType() || type === this.#schema.getMutationType()) return rootCost;
    return type.name === 'Agent' && details.has(node.name.value) ? detailCost : 1;
  }

  /** How many values a field may have. */
  #length(node: FieldNode, type: GraphQLNamedType, field: GraphQLField<unknown, unknown>): number {
    const { limit } = getArgumentValues(field, node, this.#variables);
    if (typeof limit === 'number') return Math.max(1, limit);
    const isCountedByItsPage = (type as GraphQLObjectType).name.endsWith('Page');
    return isListType(getNullableType(field.type)) && !isCountedByItsPage ? listLength : 1;
  }

  #addCost(cost: number): void {
    this.#cost += cost;
    if (this.#cost > maxCost) throw new QueryTooComplex('the operation asks for too much at once; ask for less');
  }
}
