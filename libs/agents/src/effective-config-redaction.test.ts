import { EffectiveConfig } from '@muster/opamp/opamp';
import { decodeEffectiveConfig } from '@muster/opamp/effective-config';
import { expect, test } from 'vitest';
import { redactEffectiveConfig } from './effective-config-redaction.ts';

const token = 'ghp_aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbC';

const config = (files: Record<string, Buffer>) =>
  EffectiveConfig.encode({
    configMap: {
      configMap: Object.fromEntries(
        Object.entries(files).map(([name, body]) => [name, { body, contentType: '' }]),
      ),
    },
  }).finish();

const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();

test.each([
  ['UTF-16', (text: string) => Buffer.from(text, 'utf16le'), (bytes: Buffer) => bytes.toString('utf16le')],
  ['UTF-16, the other way round', bigEndian, (bytes: Buffer) => bytes.swap16().toString('utf16le')],
])('a file in %s is searched and stays what it was', (_what, write, read) => {
  for (const mark of ['', '\ufeff']) {
    const redacted = redactEffectiveConfig(config({ a: write(`${mark}x: ä\nä: 1\npassword: hunter2\n`) }))!;
    expect(redacted.findings).toEqual([{ file: 'a', line: 3, column: 11, kind: 'password' }]);
    const [file] = decodeEffectiveConfig(redacted.body);
    expect(read(Buffer.from(file!.body))).toBe(`${mark}x: ä\nä: 1\npassword: [REDACTED:password]\n`);
    expect(redactEffectiveConfig(config({ a: write(`${mark}x: 1\n`) }))).toBeNull();
  }
});

test('a token in the name of a file is taken out, and no file is lost', () => {
  const other = token.replace('3', '4');
  const redacted = redactEffectiveConfig(
    config({ [`${token}.yaml`]: Buffer.from('a: 1'), [`${other}.yaml`]: Buffer.from('b: 1') }),
  )!;
  expect(redacted.findings).toHaveLength(2);
  expect(
    decodeEffectiveConfig(redacted.body).map(({ name, body }) => [name, Buffer.from(body).toString()]),
  ).toEqual([
    ['[REDACTED:github-token].yaml', 'a: 1'],
    ['[REDACTED:github-token].yaml (2)', 'b: 1'],
  ]);
});

test('a file that begins with a token is searched, whatever its length', () => {
  for (let length = 40; length < 400; length++) {
    const redacted = redactEffectiveConfig(config({ a: Buffer.from(`${token} `.padEnd(length)) }));
    expect(redacted?.findings).toEqual([{ file: 'a', line: 1, column: 1, kind: 'github-token' }]);
  }
});

test('binary files and what cannot be read are left as they are', () => {
  expect(redactEffectiveConfig(config({ a: Buffer.from([0, 1, 0, 2, 3]) }))).toBeNull();
  expect(redactEffectiveConfig(Buffer.from([0x0a, 0x05, 0]))).toBeNull();
});
