import {
  defaultOptions,
  TagToken,
  Tokenizer,
  TypeGuards,
  type FilteredValueToken,
  type Token,
  type TopLevelToken,
} from 'liquidjs';
import { InvalidTemplate } from './errors.ts';

const { isOperatorToken, isPropertyAccessToken, isQuotedToken } = TypeGuards;

/** How braces that are not for templates come through. */
export const keepBraces = 'braces that are not for templates stay between {% raw %} and {% endraw %}';

/** What is quoted to come through as it is, such as `{{ '{{' }}`. */
const braces = /\{\{|\}\}|\{%|%\}/;
const longestQuote = 60;

/**
 * Liquid takes any braces for its own, and `[0-9]{{2}}` would become `[0-9]2` without a word. Says of the first
 * `{{ … }}` of a text that Liquid can read that it cannot be a reference to what templates know: it names no
 * variable, or Liquid would leave a part of it out. Null: there is none.
 */
export function foreignBraces(text: string, place: string): InvalidTemplate | null {
  let comment: TagToken | null = null;
  for (const token of new Tokenizer(text).readTopLevelTokens(defaultOptions)) {
    if (token instanceof TagToken) {
      if (token.name === 'comment') comment ??= token;
      if (token.name === 'endcomment') comment = null;
    } else if (comment === null) {
      const reason = whyForeign(token);
      if (reason !== null) return refusal(token, place, reason);
    }
  }
  return null;
}

function refusal(token: Token, place: string, reason: string): InvalidTemplate {
  const [line, column] = token.getPosition() as [number, number];
  const quoted = token.getText().replaceAll(/\s+/g, ' ');
  const shown = quoted.length > longestQuote ? `${quoted.slice(0, longestQuote)}…` : quoted;
  return new InvalidTemplate(place, `${shown} ${reason}: ${keepBraces}`, null, { line, column });
}

/** Null: it is plain text, or reads something. */
function whyForeign(token: TopLevelToken): string | null {
  const range = (token as Partial<{ contentRange: [number, number] }>).contentRange;
  if (range === undefined) return null;
  const reader = new Tokenizer(token.input, undefined, undefined, range);
  reader.skipBlank();
  if (reader.peek() === '.') return 'begins with a dot, which no variable of a template does';
  const value = reader.readFilteredValue();
  reader.skipBlank();
  if (reader.p < range[1] || valuesIn(value) !== 1) return 'is more than one value of a template';
  return readsSomething(value) ? null : 'reads no variable';
}

/** What is left when its operators have worked; Liquid would show the last and drop the others. */
function valuesIn({ initial }: FilteredValueToken): number {
  let values = 0;
  for (const token of initial.postfix) {
    if (!isOperatorToken(token)) values++;
    else if (token.operator !== 'not') values--;
  }
  return values;
}

function readsSomething({ initial, filters }: FilteredValueToken): boolean {
  const args = filters.flatMap((filter) => filter.args.map((arg) => (Array.isArray(arg) ? arg[1] : arg)));
  return [...initial.postfix, ...args].some(
    (token) => isPropertyAccessToken(token) || (isQuotedToken(token) && braces.test(token.getText())),
  );
}
