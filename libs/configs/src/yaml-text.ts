import {
  Composer,
  Document,
  isNode,
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
import type { Problem } from './problem.ts';

/** Collectors nest a tenth of that; deeper texts exhaust the stack of whoever reads them. */
const maxDepth = 100;

/** A text that was read as YAML; `document.errors` says what is wrong with it. */
export interface YamlText {
  readonly document: Document;
  readonly lines: LineCounter;
}

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
  const lines = new LineCounter();
  const options = { ...schema, prettyErrors: false, uniqueKeys: false, lineCounter: lines };
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== null) {
    const document = new Document(null, options);
    document.errors.push(
      new YAMLParseError([deep, deep + 1], 'RESOURCE_EXHAUSTION', `nested more than ${maxDepth} deep`),
    );
    return { document, lines };
  }
  const [document, second] = new Composer(options).compose(tokens, true, text.length);
  if (second) {
    document!.errors.push(
      new YAMLParseError([second.range[0], second.range[0] + 1], 'MULTIPLE_DOCS', 'several documents'),
    );
  }
  return { document: document as Document, lines };
}

/** What is wrong with a text as YAML, and warnings; keys that are there twice and aliases without anchor too. */
export function yamlProblems({ document, lines }: YamlText): Problem[] {
  return [
    ...document.errors.map((error) => syntaxProblem('error', error, lines)),
    ...document.warnings.map((warning) => syntaxProblem('warning', warning, lines)),
    ...nodeProblems(document, lines),
  ];
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

function syntaxProblem(severity: Problem['severity'], error: YAMLError, lines: LineCounter): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const message =
    error.code === 'MULTIPLE_DOCS' ? 'the text holds several YAML documents; one is allowed' : error.message;
  return { severity, message, path: null, line, column: col };
}

/** The parser misplaces duplicate keys and does not look for unknown aliases. */
function nodeProblems(document: Document, lines: LineCounter): Problem[] {
  const problems: Problem[] = [];
  const anchors = new Set<string>();
  const report = (node: unknown, message: string): void => {
    const { line, col } = lines.linePos((isNode(node) && node.range?.[0]) || 0);
    problems.push({ severity: 'error', message, path: null, line, column: col });
  };
  visit(document, {
    Value: (_key, node) => void (node.anchor && anchors.add(node.anchor)),
    Alias: (_key, node) => void (anchors.has(node.source) || report(node, `"*${node.source}" has no anchor`)),
    Map: (_key, map) => {
      if (map.anchor) anchors.add(map.anchor);
      for (const key of repeatedKeys(map)) report(key, `"${String(key)}" is there twice in this mapping`);
    },
  });
  return problems;
}

function repeatedKeys(map: YAMLMap): unknown[] {
  const seen = new Set<unknown>();
  return map.items
    .map((pair) => pair.key)
    .filter((key) => isScalar(key) && key.value !== '<<' && seen.size === seen.add(key.value).size);
}
