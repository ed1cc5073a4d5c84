import {
  Composer,
  Document,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  Parser,
  visit,
  YAMLParseError,
  type CST,
  type DocumentOptions,
  type ParseOptions,
  type ScalarTag,
  type SchemaOptions,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { InvalidTemplate } from './errors.ts';
import { inTextOrder, type Problem } from './problem.ts';
import { TextPlaces } from './text-places.ts';

/** Collectors nest a tenth of that; deeper texts exhaust the stack of whoever reads them. */
const maxDepth = 100;

/** A text that was read as YAML; `document.errors` says what is wrong with it. */
export interface YamlText {
  readonly text: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** Errors of a text that are told one by one: whoever has so many mends the first and looks again. */
const mostErrors = 100;

type Options = ParseOptions & DocumentOptions & SchemaOptions;

/**
 * Reads one document; several, and one nested too deeply to be read, are errors. Keys that are there twice and
 * aliases without an anchor are not: see `yamlProblems`.
 */
export function parseYaml(text: string): YamlText {
  return read(text, {});
}

/**
 * The same with every scalar as it is written: a number stays the digits of its author when the document is
 * written again, whose meaning (0644, 1e3, 12345678901234567890) is the collector's to decide.
 */
export function parseYamlVerbatim(text: string): YamlText {
  return read(text, { schema: 'failsafe', resolveKnownTags: false, customTags: verbatim });
}

function read(text: string, schema: Options): YamlText {
  const { stackTraceLimit } = Error;
  // The library makes an error of each finding, and a stack of each would cost more than all else.
  Error.stackTraceLimit = 0;
  try {
    return readTokens(text, schema);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function readTokens(text: string, schema: Options): YamlText {
  const lines = new LineCounter();
  const options = { ...schema, prettyErrors: false, uniqueKeys: false, lineCounter: lines };
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== null) {
    const document = new Document(null, options);
    document.errors.push(
      new YAMLParseError([deep, deep + 1], 'RESOURCE_EXHAUSTION', `nested more than ${maxDepth} deep`),
    );
    return { text, document, lines };
  }
  const [document, second] = new Composer(options).compose(tokens, true, text.length);
  if (second) {
    document!.errors.push(
      new YAMLParseError([second.range[0], second.range[0] + 1], 'MULTIPLE_DOCS', 'several documents'),
    );
  }
  return { text, document: document as Document, lines };
}

/**
 * What is wrong with a text as YAML, and warnings; keys that are there twice and aliases without anchor too. In the
 * order of the text.
 */
export function yamlProblems({ text, document, lines }: YamlText): Problem[] {
  const told = [
    ...document.errors.map((error) => ({ severity: 'error' as const, error })),
    ...document.warnings.map((error) => ({ severity: 'warning' as const, error })),
  ]
    .toSorted((a, b) => a.error.pos[0] - b.error.pos[0])
    .toSorted((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'))
    .slice(0, mostErrors)
    .toSorted((a, b) => a.error.pos[0] - b.error.pos[0]);
  const places = new TextPlaces(text);
  const syntax = told.map(({ severity, error }) => syntaxProblem(severity, error, places));
  return inTextOrder([...syntax, ...nodeProblems(document, lines)]);
}

/** Why a text cannot be read as YAML, as an error in `place`; null: it can. */
export function yamlError(place: string, text: YamlText): InvalidTemplate | null {
  const error = yamlProblems(text).find(({ severity }) => severity === 'error');
  if (!error) return null;
  return new InvalidTemplate(place, error.message, null, { line: error.line!, column: error.column! });
}

/** Where the first collection begins that is nested too deeply. Not by recursion, which is what it prevents. */
function tooDeep(tokens: readonly CST.Token[]): number | null {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (depth > maxDepth) return token.offset;
    const within = depth + ('items' in token ? 1 : 0);
    const parts = 'items' in token ? token.items : [token];
    for (const part of parts) {
      if ('key' in part && part.key) open.push({ token: part.key, depth: within });
      if ('value' in part && part.value) open.push({ token: part.value, depth: within });
    }
  }
  return null;
}

/** An empty value within `{}` and `[]`: `{debug:}` is a key "debug:" to the collector's reader. */
const verbatim = (tags: unknown[]): ScalarTag[] => [absent, ...(tags as ScalarTag[]).map(withEmpty)];

function withEmpty(tag: ScalarTag): ScalarTag {
  if (tag.tag !== 'tag:yaml.org,2002:str') return tag;
  return {
    ...tag,
    stringify(item, context, ...hooks) {
      const isEmpty = item.value === '' && item.type === 'PLAIN' && !item.tag;
      return isEmpty && context.inFlow ? 'null' : tag.stringify!(item, context, ...hooks);
    },
  };
}

/** What a key has that stands alone, as in `{a}`. Nothing that is written is read as it. */
const absent: ScalarTag = {
  identify: (value) => value === null,
  default: true,
  tag: 'tag:yaml.org,2002:null',
  resolve: () => null,
  stringify: () => 'null',
};

function syntaxProblem(severity: Problem['severity'], error: YAMLError, places: TextPlaces): Problem {
  const place = places.next(error.pos[0]);
  if (error.code !== 'MULTIPLE_DOCS') return { severity, message: error.message, ...place };
  const message = 'the text holds several YAML documents; one is allowed';
  return { severity, message, ...place, path: null };
}

/** The parser misplaces duplicate keys and does not look for unknown aliases. */
function nodeProblems(document: Document, lines: LineCounter): Problem[] {
  const problems: Problem[] = [];
  const anchors = new Set<string>();
  const report = (node: unknown, above: readonly unknown[], name: string[], message: string): void => {
    if (problems.length === mostErrors) return;
    const path = [...keysAbove(above), ...name];
    const { line, col } = lines.linePos((isNode(node) && node.range?.[0]) || 0);
    problems.push({ severity: 'error', message, path: path.join('.') || null, line, column: col });
  };
  visit(document, {
    Value: (_key, node) => void (node.anchor && anchors.add(node.anchor)),
    Alias: (_key, node, above) =>
      void (anchors.has(node.source) || report(node, above, [], `"*${node.source}" has no anchor`)),
    Map: (_key, map, above) => {
      if (map.anchor) anchors.add(map.anchor);
      for (const key of repeatedKeys(map)) {
        const name = String(key);
        const remedy = name === '<<' ? ': give it a list, as in <<: [*a, *b]' : '';
        report(key, above, [name], `"${name}" is there twice in this mapping${remedy}`);
      }
    },
  });
  return problems;
}

function keysAbove(nodes: readonly unknown[]): string[] {
  return nodes.filter((node) => isPair(node)).map(({ key }) => String(key));
}

function repeatedKeys(map: YAMLMap): unknown[] {
  const seen = new Set<unknown>();
  return map.items
    .map((pair) => pair.key)
    .filter((key) => isScalar(key) && seen.size === seen.add(key.value).size);
}
