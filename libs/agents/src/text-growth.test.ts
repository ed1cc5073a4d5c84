import { expectLinear, repeated } from '@muster/opamp/growth.setup';
import { AvailableComponents, ComponentHealth, EffectiveConfig } from '@muster/opamp/opamp';
import { subMessageField } from '@muster/opamp/scan-agent-to-server';
import { expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { findCredentials, findCredentialsInMessage, findCredentialsInValue } from './credential-shapes.ts';
import { mostFindings, redactEffectiveConfig } from './effective-config-redaction.ts';
import { readSubMessage } from './sub-message-reading.ts';
import { parseSelector } from './selector.ts';
import { mixtures } from './text-fragments.setup.ts';

const uid = '0190a0b0-0000-7000-8000-000000000001' as AgentId;

const configOf = (files: Record<string, string>) =>
  EffectiveConfig.encode({
    configMap: {
      configMap: Object.fromEntries(
        Object.entries(files).map(([name, text]) => [name, { body: Buffer.from(text), contentType: '' }]),
      ),
    },
  }).finish();

const works: Record<string, (text: string) => unknown> = {
  findCredentials,
  findCredentialsInMessage,
  findCredentialsInValue: (text) => findCredentialsInValue('password', text),
  redactEffectiveConfig: (text) => redactEffectiveConfig(configOf({ a: text })),
  'an attribute': (text) =>
    readSubMessage(
      subMessageField.health,
      uid,
      ComponentHealth.encode({
        attributes: [{ key: 'a', value: { stringValue: text } }],
        lastError: text,
      }).finish(),
    ),
  parseSelector,
};

it.each(Object.keys(works))('%s takes time linear in its text', { timeout: 240_000 }, (name) => {
  const size = name === 'parseSelector' ? 1024 : 16 * 1024;
  for (const mixture of mixtures())
    expectLinear(works[name]!, repeated(mixture), { size, what: `${name} of ${JSON.stringify(mixture)}` });
});

/** Each of these is different from the others, as repeated fragments are not. */
const counted: Record<string, (index: number) => string> = {
  anchors: (index) => `&a${index} x\npwd: *a${index}\n`,
  'anchors in one line': (index) => `&a${index} x `,
  'names of keys': (index) => `pwd${index}_pwd: ab${index}\n`,
  'aliases in one line': (index) => `pwd: *a${index} `,
};
it.each(Object.entries(counted))('%s', (what, fragment) => {
  const text = (size: number) => {
    const parts: string[] = [];
    for (let index = 0, length = 0; length < size; index++) {
      parts.push(fragment(index));
      length += parts.at(-1)!.length;
    }
    return `${parts.join('')}\n${parts.map((_, index) => `pwd: *a${index}\n`).join('')}`;
  };
  expectLinear(findCredentials, text, { size: 64 * 1024, what });
});

it.each(['${:-', '${env:A:-b', '${:-}', '{{ a :-', '${a:-{{', 'Bearer ${:-'])(
  'references such as %j',
  (fragment) => {
    const work = (text: string) => [
      findCredentials(`pwd: ${text}`),
      findCredentialsInValue('password', text),
    ];
    expectLinear(work, repeated(fragment), { size: 64 * 1024, what: fragment });
  },
);

it('files with names like a credential', () => {
  const files = (count: number) =>
    configOf(
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`password=hunter${index}x`, 'a: b'])),
    );
  expectLinear(redactEffectiveConfig, files, { size: 2_000 });
  const clean = redactEffectiveConfig(files(3))!;
  expect(Buffer.from(clean.body).toString()).not.toContain('hunter');
});

it('components with names like a credential', () => {
  const body = (count: number) =>
    AvailableComponents.encode({
      hash: Buffer.from('1'),
      components: Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`ghp_${'a'.repeat(35)}${i % 10} ${i}`, {}]),
      ),
    }).finish();
  expectLinear((bytes: Uint8Array) => redactEffectiveConfig(bytes), body, { size: 2_000 });
});

it('what exhausted the stack is redacted', { timeout: 60_000 }, () => {
  const long = redactEffectiveConfig(configOf({ a: `{pwd: ${'a'.repeat(16_000_000)}}` }))!;
  expect(long.body.length).toBeLessThan(100);
  const many = 'pwd: ab1\n'.repeat(150_000);
  const attribute = { key: 'a', value: { stringValue: many } };
  const health = ComponentHealth.encode({ attributes: [attribute] }).finish();
  const { value } = readSubMessage(subMessageField.health, uid, health);
  expect(Buffer.from(value.body).includes('ab1')).toBe(false);
});

it('of many findings the first are kept, with their places, and the others counted', () => {
  const { findings, omitted, body } = redactEffectiveConfig(configOf({ a: 'pwd: ab1\n'.repeat(3_000) }))!;
  expect(findings).toHaveLength(mostFindings);
  expect(findings.at(-1)).toEqual({ file: 'a', line: mostFindings, column: 6, kind: 'password' });
  expect(omitted).toBe(2_000);
  expect(Buffer.from(body).includes('ab1')).toBe(false);
});
