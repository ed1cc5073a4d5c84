import type { Range } from './scalar-ranges.ts';

/** Filters whose argument becomes a part of what they give; those of `replace` or `split` do not. */
const givingFilters = new Set(['default', 'append', 'prepend']);

/**
 * The texts in a template's value that may become the value: literals of its `{{ … }}` (`{{ "x" }}`,
 * `| default: "x"`), and what stands between its `{% … %}`.
 */
export function templateLiterals(value: string): Range[] {
  const literals: Range[] = [];
  const hasBlocks = value.includes('{%');
  let from = 0;
  for (const part of templateParts(value)) {
    if (hasBlocks) literals.push({ start: from, end: part.start });
    if (part.isOutput) {
      const output = value.slice(part.start + 2, part.end);
      for (const literal of literalsOfOutput(output, part.start + 2)) literals.push(literal);
    }
    from = part.end;
  }
  if (hasBlocks && from > 0) literals.push({ start: from, end: value.length });
  return literals.filter(({ start, end }) => /\w/.test(value.slice(start, end)));
}

/** Each `{{ … }}` and `{% … %}`. */
function* templateParts(value: string): Generator<Range & { isOutput: boolean }> {
  const opening = /\{[{%]/g;
  for (let open = opening.exec(value); open; open = opening.exec(value)) {
    const isOutput = open[0] === '{{';
    const close = value.indexOf(isOutput ? '}}' : '%}', open.index + 2);
    if (close === -1) return;
    opening.lastIndex = close + 2;
    yield { start: open.index, end: close + 2, isOutput };
  }
}

function literalsOfOutput(output: string, offset: number): Range[] {
  const literals: Range[] = [];
  let isGiven = true;
  for (const token of output.matchAll(/\| {0,64}(\w+)|(\[ {0,64})?(?:"([^"]*)"|'([^']*)')/g)) {
    const [, filter, before = ''] = token;
    if (filter !== undefined) isGiven = givingFilters.has(filter);
    else if (isGiven && !before.startsWith('[')) {
      const start = offset + token.index + before.length + 1;
      literals.push({ start, end: offset + token.index + token[0].length - 1 });
    }
  }
  return literals;
}

/** What `{% assign name = "…" %}` and `{% capture name %}…{% endcapture %}` set, with its name. */
export function* assignedLiterals(text: string): Generator<Range & { name: string }> {
  for (const match of text.matchAll(/\bassign\s+([\w-]{1,128})\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    const value = match[2] ?? match[3] ?? '';
    const end = match.index + match[0].length - 1;
    yield { name: match[1]!, start: end - value.length, end };
  }
  for (const match of text.matchAll(/\bcapture\s+([\w-]{1,128})\s*-?%\}([^{]*)/g)) {
    const end = match.index + match[0].length;
    yield { name: match[1]!, start: end - match[2]!.length, end };
  }
}
