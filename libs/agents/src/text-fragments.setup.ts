/** What texts are made of that may take long to read: one of them, repeated, or some of them one after the other. */
export const fragments: readonly string[] = [
  ...['pwd: ab1\n', '#pwd:\n', 'pwd:', 'pwd=', 'password: ', 'token: "', "api_key: '", '"\\x70wd": ', 'pwd: [a]\n'],
  ...['pwd: a #', '{pwd: a #', '!pwd: ', '&pwd: ', 'pwd: bearer ', 'pwd: "{{', 'pwd: {{ ${', '"pwd": "\\"', 'pwd: |\n'],
  ...['- pwd:\n', '- ', '? ', '? pwd\n: ', '!!str ', '!a ', '&a ', '&a x ', '*a ', '<<: *a\n', '{', '[', '}', ']', ','],
  ...['{a: ', '[a, ', '"', "'", "''", '\\', '"\\', '\\"', '\\n', '\\x70', '\n', '\r\n', '\t', ' ', '  ', 'a', 'a: ', 'a: b\n'],
  ...['a:\n', '#', ' #', '# a\n', '%', '%YAML 1.2\n', '---\n', '...\n', '|\n', '>\n', 'é', '\u{1f600}', '\0', '\u2028'],
  ...['{{', '}}', '{{ a }}', '{%', '%}', '{% if a %}', '{% assign pwd = "x1" %}', 'capture pwd ', '${env:', '${', ':-'],
  ...['AKIAIOSFODNN7EXAMPLE ', 'ghp_', 'eyJhbGciOi.', 'A1b2', 'https://u:p4@h ', '://', '@', '/a@tcp(', 'a=', 'musterOutputX'],
  ...['-----BEGIN PRIVATE KEY-----\n', 'PRIVATE KEY-----', '--password ', '--', 'name: x-api-key\n', 'value: ', 'key: '],
  ...['inline: ', 'htpasswd: ', 'bearer ', '=', ';', '(', ')', 'in (a)', '!', '[REDACTED:', 'service:\n', '  pipelines:\n'],
];

/** Pairs and triples that one run looks at. */
const sampled = 15;

/** Fragments, and pairs and triples of them: one of `share` of all a day, or all with GROWTH=full. */
export function* mixtures(share = 1, seed = new Date().getUTCDate()): Generator<string> {
  const full = process.env['GROWTH'] === 'full';
  yield* fragments.filter((_, index) => full || index % share === seed % share);
  let state = seed;
  const next = (): string => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return fragments[(state >> 8) % fragments.length]!;
  };
  if (full) for (const first of fragments) for (const second of fragments) yield first + second;
  for (let i = 0; i < (full ? 5_000 : sampled / share); i++) {
    yield next() + next();
    yield next() + next() + next();
  }
}
