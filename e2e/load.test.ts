import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SimulatorPool } from '@muster/simulator/simulator-pool';
import { k6 } from './harness/binaries.ts';
import { showOnFailure } from './harness/failure.ts';
import { logged, Muster, repository } from './harness/muster.ts';

const seconds = 15;
/** The scripts' own 250 ms are for a machine that does nothing else. */
const p99Ms = 5_000;

describe.skipIf(!k6.found)('under load by k6, within the thresholds of its scripts', () => {
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode: 'all-in-one' });
  });
  afterAll(() => muster?.dispose());

  async function run(script: string, env: Record<string, string>): Promise<void> {
    const path = k6.found ? k6.paths.k6 : '';
    const child = spawn(path, ['run', '--quiet', '--no-usage-report', join(repository, 'loadtest', script)], {
      env: { ...process.env, SECONDS: String(seconds), P99_MS: String(p99Ms), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = await once(child, 'close');
    expect(code, output).toBe(0);
  }

  test('agents over WebSocket, in binary protobuf', async () => {
    await run('opamp.js', {
      MUSTER_OPAMP: muster.opamp[0]!,
      MUSTER_TOKEN: muster.enrollmentToken,
      AGENTS: '100',
    });
    // each was stored with what it said
    await expect
      .poll(() => muster.rest.agents('limit=500&selector=service.name=k6-agent'), { timeout: 10_000 })
      .toHaveLength(100);
  });

  test('the admin API, beside a live fleet', async () => {
    const fleet = new SimulatorPool({
      urls: muster.opamp,
      token: muster.enrollmentToken,
      agents: 500,
      heartbeatSeconds: 2,
    });
    try {
      await fleet.start();
      await run('admin-api.js', { MUSTER_URL: muster.url, MUSTER_KEY: muster.adminKey, READERS: '3' });
      expect((await fleet.stats()).dropped).toBe(0);
    } finally {
      await fleet.stop();
    }
  });
});
