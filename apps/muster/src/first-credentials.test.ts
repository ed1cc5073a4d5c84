import { expect, it } from 'vitest';
import { supervisorYaml as shownInTheUi } from '../../web/src/enrollment-tokens/supervisor-yaml.ts';
import { supervisorYaml } from './first-credentials.ts';

it('prints the supervisor.yaml that the web UI shows', () => {
  const [endpoint, token] = ['ws://127.0.0.1:4320/v1/opamp', 'mus_enroll_secret'];
  expect(supervisorYaml(endpoint, token)).toBe(shownInTheUi(endpoint, token));
});
