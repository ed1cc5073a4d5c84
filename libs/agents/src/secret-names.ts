const mostKnown = 4096;

/** Names that say their value is a secret, by their end; without case, `_`, `-` and dots. */
const secretNames: readonly (readonly [kind: string, end: RegExp])[] = [
  ['password', /(?:password|passwd|passphrase|pwd|passwords)$/],
  ['authorization', /authorization$/],
  ['token', /tokens?$/],
  ['connection-string', /connectionstring$/],
  ['credentials', /credentials?$/],
  ['azure-sas', /^sig$|^sharedaccesssignature$/],
  [
    'api-key',
    /(?:api|app|application|access|secret|private|license|ingest|ingestion|write|account|shared|signing|encryption|master|storage|instrumentation|integration|insert|service|customer)keys?$|honeycombteam$|^(?:private)?keypem$/,
  ],
  ['secret', /secrets?$/],
];
/** Other words end so too (`compass`): these must stand alone. */
const shortPassword = /(?:^|[_.-])(?:pw|pass)$|[a-z\d](?:Pw|Pass)$/;

/**
 * By the last three letters of those names, and of names that need a look at what is before them: 1, or where many
 * other names end so (`compression`), what the three letters before must be, plus 2.
 */
const endings = new Uint16Array(0x8000);
for (const ending of 'ord rds swd pwd ass ken ens key eys eam pem sig ret ets lue phrase zation string ential ntials nature inline'.split(
  ' ',
)) {
  endings[endingAt(ending, ending.length - 1)] = ending.length === 3 ? 1 : endingAt(ending, 2) + 2;
}
for (let before = 0; before < 32; before++) {
  endings[endingAt(`${String.fromCharCode(64 + before)}pw`, 2)] = 1;
}

/** The three letters up to `last` as a number, in whatever case. */
function endingAt(text: string, last: number): number {
  return (
    ((text.charCodeAt(last - 2) & 31) << 10) |
    ((text.charCodeAt(last - 1) & 31) << 5) |
    (text.charCodeAt(last) & 31)
  );
}

/** The cheap question first: may a name whose last character is here be one of those? */
export function mayEndSecretName(text: string, last: number): boolean {
  const before = endings[endingAt(text, last)]!;
  return before === 1 || (before > 1 && before === endingAt(text, last - 3) + 2);
}

/** Configurations use the same few names: what was found out of one is kept. */
const known = new Map<string, string | null>();

/** What the value of this name is (`password`, `token`…), or null: nothing secret. */
export function kindOfName(name: string): string | null {
  const kept = known.get(name);
  if (kept !== undefined) return kept;
  const plainName = name.toLowerCase().replaceAll(/[_.-]/g, '');
  const kind =
    secretNames.find(([, end]) => end.test(plainName))?.[0] ??
    (shortPassword.test(name) || shortPassword.test(name.toLowerCase()) ? 'password' : null);
  if (known.size >= mostKnown) known.clear();
  known.set(name, kind);
  return kind;
}
