import { expect, test } from 'vitest';
import { readConfigurationText, refuseCredentials, type ConfigurationInput } from './configuration-input.ts';

const body = 'receivers: {nop: }\n';
const token = 'ghp_aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbC';

test.each<[ConfigurationInput, string]>([
  [{ body: `${body}x: {password: hunter2}` }, 'body'],
  [{ body: `${body}x: {password: {{ variables.pw | default: "hunter2" }}}` }, 'body'],
  [{ body: `{% assign a = "hunter2" %}${body}x: {password: {{ a }}}` }, 'body'],
  [{ body, files: { 'a.yaml': 'password: hunter2' } }, 'files["a.yaml"]'],
  [{ body, files: { [token]: 'a: 1' } }, 'files["…"]'],
  [{ body, overlays: [{ body: 'a: 1' }, { body: 'password: hunter2' }] }, 'overlays[1].body'],
  [{ body, overlays: [{ selector: `team=${token}`, body: 'a: 1' }] }, 'overlays[0].selector'],
  [{ body, overlays: [{ file: token, body: 'a: 1' }] }, 'overlays[0].file'],
])('a credential is refused with the text that holds it: %j', (input, field) => {
  const read = () => readConfigurationText(input);
  expect(read).toThrow(expect.objectContaining({ field, message: expect.stringContaining('${env:NAME}') }));
  expect(read).not.toThrow(/hunter2|ghp_/);
});

test('a comment is prose, and holds none either', () => {
  expect(() => refuseCredentials('comment', 'fix the token: see the wiki, no secret here')).not.toThrow();
  for (const prose of [`use ${token}`, 'with password: hunter2']) {
    expect(() => refuseCredentials('comment', prose)).toThrow(
      expect.objectContaining({
        field: 'comment',
        message: expect.stringMatching(/^comment: there is a credential/),
      }),
    );
  }
});
