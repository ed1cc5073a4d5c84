import {
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql/index.js';
import { QueryTooComplex } from '../http/errors.ts';
import { maxDepth } from './document-shape.ts';

/** A page of 500 agents with all that lists show costs about a half. */
const maxCost = 25_000;

/** Each field of the root is a query of its own, or a change. */
const rootCost = 500;
/** Of those that count the whole fleet, or ask real collectors, ten are too many at once. */
const costlyRootCost = 3_000;
const costly = new Set(['overview', 'previewRollout', 'validateConfiguration']);
/** What a `limit` may be at most. */
const longestPage = 500;
/** Lists that take no `limit` are short. */
const listLength = 10;
/** How many of each the schema describes, about; what is not here is one, or as good as none. */
const introspectionLength: Partial<Record<string, number>> = {
  types: 60,
  fields: 6,
  inputFields: 2,
  enumValues: 2,
  args: 2,
  directives: 5,
};
/** The schema is in memory. */
const introspectionCost = 0.2;
/** Fields of an agent that are read one agent at a time. */
const detailCost = 50;
const details = new Set([
  'identifyingAttributes',
  'nonIdentifyingAttributes',
  'health',
  'effectiveConfig',
  'findings',
  'drift',
  'components',
  'packages',
  'remoteConfigStatus',
  'connection',
]);

/**
 * Refuses operations that nest too deep or ask for too much; counts what could be read, before it is
 * read. Expects a document that is valid.
 *
 * @throws QueryTooComplex
 */
export function checkLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown> | null | undefined,
): void {
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const root = schema.getRootType(definition.operation)!;
    new Meter(schema, fragments, variables ?? {}).add(definition.selectionSet, root, 1, 1);
  }
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
    if (!field) return this.#addIntrospection(node, times, depth);
    this.add(node.selectionSet, getNamedType(field.type), times * this.#length(node, type, field), depth + 1);
  }

  #addIntrospection(node: FieldNode, times: number, depth: number): void {
    const meta = this.#schema.getType(node.name.value === '__schema' ? '__Schema' : '__Type')!;
    this.add(node.selectionSet!, meta, times, depth + 1);
  }

  #costOf(node: FieldNode, type: GraphQLNamedType): number {
    if (type.name.startsWith('__')) return introspectionCost;
    if (type === this.#schema.getQueryType() || type === this.#schema.getMutationType())
      return costly.has(node.name.value) ? costlyRootCost : rootCost;
    return type.name === 'Agent' && details.has(node.name.value) ? detailCost : 1;
  }

  /** How many values a field may have. */
  #length(node: FieldNode, type: GraphQLNamedType, field: GraphQLField<unknown, unknown>): number {
    const parameter = field.args.find(({ name }) => name === 'limit');
    if (parameter) return this.#limitOf(node) ?? Number(parameter.defaultValue);
    if (type.name.startsWith('__')) return introspectionLength[node.name.value] ?? 1;
    const isCountedByItsPage = type.name.endsWith('Page');
    return isListType(getNullableType(field.type)) && !isCountedByItsPage ? listLength : 1;
  }

  /** The `limit` a field is given; one that is not told here counts as the longest. */
  #limitOf(node: FieldNode): number | null {
    const value = node.arguments?.find(({ name }) => name.value === 'limit')?.value;
    if (!value || value.kind === Kind.NULL) return null;
    const limit =
      value.kind === Kind.VARIABLE ? this.#variables[value.name.value] : (value as { value?: unknown }).value;
    return Math.max(1, Number(limit ?? longestPage) || longestPage);
  }

  #addCost(cost: number): void {
    this.#cost += cost;
    if (this.#cost > maxCost)
      throw new QueryTooComplex('the operation asks for too much at once; ask for less');
  }
}
