import {
  GraphQLError,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  validate,
  visit,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql/index.js';
import { QueryTooComplex } from '../http/errors.ts';
import { checkShape } from './document-shape.ts';

/** Characters of a document. Texts of configurations belong into variables. */
const longestDocument = 256 * 1024;
/** Tokens of a document; more are not even parsed. */
export const maxTokens = 5_000;
/** Brackets of any kind in one another: the parser calls itself for each. */
const maxBrackets = 64;
const maxOperations = 10;
const maxFragments = 100;
const maxDirectives = 100;
/** Each error costs a search for its line, from the first one. */
const maxLines = 20_000;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const validateOptions = { maxErrors: 5 };

/** A document that GraphQL's own rules refuse; `errors` say why. */
export class InvalidDocument extends Error {
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super('the document is not valid');
    this.errors = errors;
  }
}

/**
 * Reads a GraphQL document. What costs more than it is long (nesting, cycles, the same field over and over) is
 * refused before anything follows it: the rules of graphql-js compare fields in pairs and call themselves.
 *
 * @throws QueryTooComplex
 * @throws GraphQLError when it is no GraphQL, or too long
 * @throws InvalidDocument
 */
export function readDocument(schema: GraphQLSchema, source: string): DocumentNode {
  if (source.length > longestDocument)
    throw new QueryTooComplex(
      `the document has more than ${longestDocument} characters; pass long texts as variables`,
    );
  if (hasManyLines(source)) throw new QueryTooComplex(`the document has more than ${maxLines} lines`);
  checkTokens(source);
  const document = parse(source, { maxTokens });
  checkCounts(document);
  checkShape(document);
  const errors = validate(schema, document, undefined, validateOptions);
  if (errors.length > 0) throw new InvalidDocument(errors);
  return document;
}

function hasManyLines(source: string): boolean {
  let lines = 0;
  for (let at = 0; at < source.length && lines <= maxLines; at++) {
    const code = source.charCodeAt(at);
    if (code === lineFeed || code === carriageReturn) lines++;
  }
  return lines > maxLines;
}

function checkTokens(source: string): void {
  const lexer = new Lexer(new Source(source));
  let [tokens, brackets] = [0, 0];
  for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
    if (++tokens > maxTokens) throw new GraphQLError(`The document has more than ${maxTokens} tokens.`);
    if (opening.has(kind)) brackets++;
    else if (closing.has(kind)) brackets--;
    if (brackets > maxBrackets)
      throw new QueryTooComplex(`the document nests brackets deeper than ${maxBrackets} levels`);
  }
}

const opening = new Set<TokenKind>([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const closing = new Set<TokenKind>([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

function checkCounts(document: DocumentNode): void {
  const count = (kind: Kind) => document.definitions.filter((definition) => definition.kind === kind).length;
  let directives = 0;
  visit(document, { Directive: () => void directives++ });
  if (count(Kind.OPERATION_DEFINITION) > maxOperations)
    throw new QueryTooComplex(`the document holds more than ${maxOperations} operations`);
  if (count(Kind.FRAGMENT_DEFINITION) > maxFragments)
    throw new QueryTooComplex(`the document holds more than ${maxFragments} fragments`);
  if (directives > maxDirectives)
    throw new QueryTooComplex(`the document holds more than ${maxDirectives} directives`);
}
