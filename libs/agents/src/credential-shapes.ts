import { escapedScalars } from './escaped-scalars.ts';
import { kindOfName } from './secret-names.ts';
import { ScalarRanges } from './scalar-ranges.ts';
import { literalsOf, secretValues, secretValuesOf, type CredentialFinding } from './secret-values.ts';

export type { CredentialFinding };

/** No token that is known by its looks is shorter, nor its part that nothing interrupts. */
const shortestToken = 20;
/** Looked at, in characters; only JWTs are longer, and their beginning says what they are. */
const longestToken = 4096;
/** How far from an AWS key id its secret is looked for, in characters. */
const awsNeighbourhood = 300;
const longestUserinfo = 300;
/** A text in a text in a text: more nobody writes. */
const deepestEscapes = 3;

const tokenCharacter = characterTable('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/+.~');

const shapes: readonly (readonly [kind: string, shape: string])[] = [
  ['aws-access-key', '(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])'],
  ['gcp-api-key', 'AIza[\\w-]{35}'],
  ['gcp-oauth', 'ya29\\.[\\w-]{20,}|GOCSPX-[\\w-]{28}'],
  ['azure-client-secret', '[\\w.]{3}8Q~[\\w.~-]{31,34}'],
  ['github-token', 'gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\\w{22,255}'],
  ['gitlab-token', 'gl(?:pat|ptt|rt|dt|cbt|ft|soat|agent|oas)-[\\w.-]{20,}'],
  [
    'slack-token',
    'xox[abeoprs]-[\\w-]{10,}|xapp-\\d-[\\w-]{10,}|hooks\\.slack\\.com/services/T\\w+/B\\w+/\\w+',
  ],
  ['stripe-key', '[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{24,}'],
  ['npm-token', 'npm_[A-Za-z0-9]{36}'],
  ['new-relic-key', 'NRAK-[A-Z0-9]{27}|NRII-[\\w-]{32}|[A-Za-z0-9]{36}NRAL'],
  ['honeycomb-key', 'hc[a-z]{2}[a-z]?k_[A-Za-z0-9]{40,}'],
  ['grafana-token', 'glc_[A-Za-z0-9+/]{32,}|glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}'],
  ['dynatrace-token', 'dt0[a-z]\\d\\d\\.[A-Z0-9]{24}\\.[A-Z0-9]{64}'],
  ['sendgrid-key', 'SG\\.[\\w-]{16,}\\.[\\w-]{16,}'],
  ['vault-token', 'hv[sbr]\\.[\\w-]{20,}'],
  ['ai-key', 'sk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}'],
  ['muster-token', 'mus_[a-z]+_[\\w-]{43}'],
  ['jwt', 'eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]*'],
];
const anyToken = shapes.map(([, shape]) => `(${shape})`).join('|');
const knownToken = new RegExp(`(?<![A-Za-z0-9_-])(?:${anyToken})`, 'g');
const tokenAtStart = new RegExp(`^(?:${anyToken})`);

/**
 * Every credential in a text that is known by its form (keys of clouds and vendors, JWTs, private keys,
 * passwords in URLs), and every literal value of a key that is secret by its name (`password`, `api_key`,
 * a header `Authorization`…): YAML, JSON, a template of them, or `name=value`. References such as
 * `${env:NAME}` and `{{ variable }}` are no findings; a default within them is. In the order of the text,
 * without overlaps. Takes time linear in the length; a clean text costs a few ns for each of its lines.
 */
export function findCredentials(text: string): CredentialFinding[] {
  return findWithin(text, 0);
}

function findWithin(text: string, depth: number): CredentialFinding[] {
  const found = [...knownForms(text), ...secretValues(text)];
  if (depth === deepestEscapes || !text.includes('\\')) return apart(found);
  return apart([...found, ...escapedCredentials(text, depth)]);
}

/** The same in the value of something that has a name: a label, a variable, an attribute. */
export function findCredentialsInValue(name: string, value: string): CredentialFinding[] {
  const kind = kindOfName(name);
  const whole =
    kind === null ? authorizationIn(value) : literalsOf(value, { start: 0, end: value.length }, kind);
  return apart([...findCredentials(value), ...whole]);
}

/** Does a token begin here, whatever is before it? In protobuf that is a length. */
export function isTokenAt(text: string, at: number): boolean {
  for (let next = at; next < at + shortestToken; next++) {
    if (tokenCharacter[text.charCodeAt(next)] !== 1) return false;
  }
  let end = at + shortestToken;
  while (end < at + longestToken && tokenCharacter[text.charCodeAt(end)] === 1) end++;
  return mayBeToken(text, at, end) && tokenAtStart.test(text.slice(at, end));
}

/** The same in a message, where `token: unexpected end` is prose: a value is one word that something ends. */
export function findCredentialsInMessage(text: string): CredentialFinding[] {
  const named = secretValues(text).flatMap(({ kind, start, end }) => {
    const word = /^[^\s"'`,;)\]}]+(?=$|["'`,;)\]}\n])/.exec(text.slice(start, end))?.[0];
    return word === undefined ? [] : [{ kind, start, end: start + word.length }];
  });
  return apart([...knownForms(text), ...named]);
}

/** The text with `[REDACTED:<kind>]` for each of the findings, which are in order and apart. */
export function redact(text: string, findings: readonly CredentialFinding[]): string {
  let from = 0;
  const parts: string[] = [];
  for (const { kind, start, end } of findings) {
    parts.push(text.slice(from, start), `[REDACTED:${kind}]`);
    from = end;
  }
  return parts.join('') + text.slice(from);
}

/** What an agent says of itself in words, without the credentials it may quote. */
export function redactMessage(text: string): string {
  const findings = text === '' ? [] : findCredentialsInMessage(text);
  return findings.length === 0 ? text : redact(text, findings);
}

/** What double-quoted scalars hide behind escapes: names of keys, tokens, and whole documents. */
function escapedCredentials(text: string, depth: number): CredentialFinding[] {
  const found: CredentialFinding[] = [];
  const scalars = new ScalarRanges(text);
  for (const { start, end, value, sourceOf } of escapedScalars(text)) {
    const colon = /^" *:/.exec(text.slice(end, end + 8))?.[0].length;
    if (colon !== undefined) {
      const key = { name: value, start: start - 1, sign: end + colon - 1 };
      for (const finding of secretValuesOf(text, scalars, key)) found.push(finding);
    }
    for (const { kind, ...range } of findWithin(value, depth + 1)) {
      found.push({ kind, start: sourceOf(range.start), end: sourceOf(range.end) });
    }
  }
  return found;
}

const authorization = /^(?:bearer|basic|splunk|apikey) +(?=\S*\d)(\S{8,})$/i;

/** Is a value nothing but an authorization? Prose that begins so has no digit in one word. */
export function isAuthorization(value: string): boolean {
  const credential = authorization.exec(value)?.[1];
  return credential !== undefined && !isReference(credential);
}

function authorizationIn(value: string): CredentialFinding[] {
  if (!isAuthorization(value)) return [];
  return [{ kind: 'bearer-token', start: value.lastIndexOf(' ') + 1, end: value.length }];
}

function knownForms(text: string): CredentialFinding[] {
  const found = [...privateKeys(text), ...urlPasswords(text), ...tokens(text)];
  if (!found.some(({ kind }) => kind === 'aws-access-key')) return found;
  return [...found, ...awsSecrets(text, found)];
}

function privateKeys(text: string): CredentialFinding[] {
  const found: CredentialFinding[] = [];
  const label = 'PRIVATE KEY-----';
  for (let at = text.indexOf(label); at !== -1; at = text.indexOf(label, at)) {
    const start =
      at -
      40 +
      text
        .slice(Math.max(0, at - 40), at)
        .padStart(40)
        .lastIndexOf('-----BEGIN');
    if (start === at - 41) {
      at += label.length;
      continue;
    }
    // One that is cut short goes on to the end.
    const endLabel = text.indexOf(label, at + label.length);
    const end = endLabel === -1 ? text.length : endLabel + label.length;
    found.push({ kind: 'private-key', start, end });
    at = end;
  }
  return found;
}

/** `scheme://user:password@host`, and `user:password@tcp(host)` of MySQL's data source names. */
function urlPasswords(text: string): CredentialFinding[] {
  const found: CredentialFinding[] = [];
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const before = text.slice(Math.max(0, at - longestUserinfo), at);
    const scheme = before.lastIndexOf('://');
    const isMysql = text.startsWith('tcp(', at + 1);
    const userinfo = isMysql ? lastWord(before) : scheme === -1 ? '' : before.slice(scheme + 3);
    const password = /^[^\s/@"':]*:([^\s/"']+)$/.exec(userinfo)?.[1];
    if (password === undefined || isReference(password)) continue;
    // A password may hold what it should not.
    const rest = /^[^\s/"'@]*@/.exec(text.slice(at + 1, at + longestUserinfo))?.[0] ?? '';
    found.push({ kind: 'url-password', start: at - password.length, end: at + rest.length });
    at += rest.length;
  }
  return found;
}

/** What nothing interrupts that is neither a user nor a password. */
function lastWord(text: string): string {
  let start = text.length;
  while (start > 0 && !/[\s"'/]/.test(text[start - 1]!)) start--;
  return text.slice(start);
}

function isReference(value: string): boolean {
  return (
    value.includes('${') || value.includes('{{') || value.includes('[REDACTED') || /^[*x]+$/i.test(value)
  );
}

/**
 * Looks only where a run of characters is long enough for a token: backwards from where it would end at the
 * earliest, so that of other text few characters are looked at.
 */
function tokens(text: string): CredentialFinding[] {
  const found: CredentialFinding[] = [];
  const { length } = text;
  for (let last = shortestToken - 1; last < length;) {
    let before = last;
    while (before > last - shortestToken && tokenCharacter[text.charCodeAt(before)] === 1) before--;
    if (before > last - shortestToken) {
      last = before + shortestToken;
      continue;
    }
    let end = last + 1;
    while (end < length && tokenCharacter[text.charCodeAt(end)] === 1) end++;
    if (mayBeToken(text, before + 1, end)) takeTokens(text, before + 1, end, found);
    last = end + shortestToken;
  }
  return found;
}

/** Names and paths are small letters with few digits; a token is not. */
function mayBeToken(text: string, start: number, end: number): boolean {
  let digits = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code >= 65 && code <= 90) return true;
    if (code >= 48 && code <= 57 && ++digits === 3) return true;
  }
  return false;
}

function takeTokens(text: string, start: number, end: number, found: CredentialFinding[]): void {
  const run = text.slice(start, end);
  const before = found.length;
  for (const match of run.matchAll(knownToken)) {
    const kind = shapes[match.findIndex((group, index) => index > 0 && group !== undefined) - 1]![0];
    found.push({ kind, start: start + match.index, end: start + match.index + match[0].length });
  }
  if (found.length > before || text.charCodeAt(start - 1) !== 32) return;
  const scheme = /(?:^|\W)(bearer|basic|splunk|apikey) +$/i.exec(text.slice(Math.max(0, start - 12), start));
  if (!scheme) return;
  const kind = scheme[1]!.toLowerCase() === 'basic' ? 'basic-auth' : 'bearer-token';
  const isCredential =
    kind === 'basic-auth' ? Buffer.from(run, 'base64').includes(':') : /\d/.test(run) && !run.includes('//');
  if (!isCredential) return;
  let padded = end;
  while (text[padded] === '=' && padded < end + 2) padded++;
  found.push({ kind, start, end: padded });
}

function awsSecrets(text: string, found: readonly CredentialFinding[]): CredentialFinding[] {
  return found
    .filter(({ kind }) => kind === 'aws-access-key')
    .flatMap(({ start, end }) => {
      const from = Math.max(0, start - awsNeighbourhood);
      const around = text.slice(from, end + awsNeighbourhood);
      return [...around.matchAll(/(?<![\w/+])[A-Za-z0-9/+]{40}(?![\w/+])/g)].map(({ index }) => ({
        kind: 'aws-secret-key',
        start: from + index,
        end: from + index + 40,
      }));
    });
}

/** Of findings that overlap one is left, as wide as both: of the two kinds the form's, which is listed first. */
function apart(found: CredentialFinding[]): CredentialFinding[] {
  if (found.length < 2) return found;
  const rank = new Map(found.map((finding, index) => [finding, index]));
  const ordered = found.toSorted((a, b) => a.start - b.start || rank.get(a)! - rank.get(b)!);
  const left: (CredentialFinding & { rank: number })[] = [];
  for (const finding of ordered) {
    const last = left.at(-1);
    const own = rank.get(finding)!;
    if (!last || finding.start >= last.end) {
      left.push({ ...finding, rank: own });
      continue;
    }
    const { kind } = own < last.rank ? finding : last;
    left[left.length - 1] = {
      kind,
      start: last.start,
      end: Math.max(last.end, finding.end),
      rank: Math.min(own, last.rank),
    };
  }
  return left.map(({ kind, start, end }) => ({ kind, start, end }));
}

function characterTable(characters: string): Uint8Array {
  const table = new Uint8Array(0x10000);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
