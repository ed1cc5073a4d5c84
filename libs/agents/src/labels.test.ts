import { expect, test } from 'vitest';
import { checkLabels } from './labels.ts';

const token = 'ghp_aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbC';

test.each([
  [{ password: 'hunter2secret' }, 'labels.password'],
  [{ team: token }, 'labels.team'],
  [{ [token]: 'x' }, 'labels.[REDACTED:github-token]'],
])('a label that holds a credential is refused: %j', (labels, field) => {
  const check = () => checkLabels(labels);
  expect(check).toThrow(
    expect.objectContaining({
      field,
      message: expect.stringMatching(/holds a credential \(.*\$\{env:NAME\}/),
    }),
  );
});

test('what only speaks of one is a label', () => {
  expect(() => checkLabels({ 'secret-name': 'x', password: '', token: 'true', team: 'a' })).not.toThrow();
});
