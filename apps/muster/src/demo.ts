import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '@muster/platform/local-server';
import { assemble } from '@muster/platform/process';
import type { Running } from '@muster/platform/running';
import { SimulatorPool, type ChildProgram } from '@muster/simulator/simulator-pool';
import { startAllInOne } from './all-in-one.ts';
import { DemoFailed, tellStory } from './demo-story.ts';
import type { AllInOneEnv } from './env.ts';

const agents = 200;
const connectedWithinMs = 60_000;

/**
 * All-in-one with a live fleet for a look: 200 simulated agents of three kinds, of which a few fail, are unhealthy
 * or break off. `program` runs the agents' process. Without a data directory of one's own everything is gone at
 * the end.
 */
export async function startDemo(
  settings: AllInOneEnv,
  print: (text: string) => void,
  program: ChildProgram,
): Promise<Running> {
  return assemble(async (keep) => {
    const env = {
      ...settings,
      MUSTER_DATA_DIR: await dataDirectory(settings, keep),
      MUSTER_OPAMP_PORT: settings.MUSTER_OPAMP_PORT || (await freePort()),
      MUSTER_API_PORT: settings.MUSTER_API_PORT || (await freePort()),
    };
    keep(await startAllInOne(env, () => {}));
    const url = `http://${env.MUSTER_HOST}:${env.MUSTER_API_PORT}/`;
    const { adminKey, adminKeyFile, token } = credentials(env);
    const fleet = new SimulatorPool(
      {
        urls: [`ws://${env.MUSTER_HOST}:${env.MUSTER_OPAMP_PORT}/v1/opamp`],
        token,
        agents,
        kinds: ['contrib', 'k8s', 'desktop'],
        details: true,
        heartbeatSeconds: 10,
        applyMs: 1_500,
        failShare: 0.02,
        unhealthyShare: 0.04,
        vanishShare: 0.03,
        churnPerMinute: 0.1,
      },
      1,
      program,
    );
    keep({ stop: () => fleet.stop() });
    await fleet.begin();
    // some may break off before the last has come
    await fleet.untilOnline(agents * 0.9, connectedWithinMs);
    const ended = new AbortController();
    keep({ stop: async () => ended.abort() });
    print(banner(url, adminKeyFile, env.MUSTER_DATA_DIR));
    void tellStory(url, adminKey, (text) => print(`${text}\n`)).catch((error: Error) => {
      if (!ended.signal.aborted)
        process.stderr.write(`muster: the demo's story broke off: ${error.message}\n`);
    });
  });
}

async function dataDirectory(
  { MUSTER_DATA_DIR }: AllInOneEnv,
  keep: (part: Running) => Running,
): Promise<string> {
  if (process.env['MUSTER_DATA_DIR']) return MUSTER_DATA_DIR;
  const made = await mkdtemp(join(tmpdir(), 'muster-demo-'));
  keep({ stop: () => rm(made, { recursive: true, force: true }) });
  return made;
}

/** Those that are preset, or those that the first start wrote. */
function credentials(env: AllInOneEnv): { adminKey: string; adminKeyFile: string | null; token: string } {
  const file = resolve(env.MUSTER_DATA_DIR, 'admin-key');
  const supervisor = resolve(env.MUSTER_DATA_DIR, 'supervisor.yaml');
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const adminKey = env.MUSTER_ADMIN_TOKEN ?? read(file).trim();
  const token = env.MUSTER_ENROLLMENT_TOKEN ?? /Bearer (\S+)/.exec(read(supervisor))?.[1] ?? '';
  if (adminKey === '' || token === '') {
    throw new DemoFailed(
      `${env.MUSTER_DATA_DIR} has no admin-key or no supervisor.yaml: set MUSTER_ADMIN_TOKEN and MUSTER_ENROLLMENT_TOKEN, or another MUSTER_DATA_DIR`,
    );
  }
  return { adminKey, adminKeyFile: env.MUSTER_ADMIN_TOKEN === undefined ? file : null, token };
}

function banner(url: string, adminKeyFile: string | null, dataDir: string): string {
  return [
    '',
    'The demo is ready.',
    '',
    `  Web UI and API   ${url}`,
    `  Admin key        ${adminKeyFile === null ? 'MUSTER_ADMIN_TOKEN' : `in ${adminKeyFile}`}`,
    `  Data             ${dataDir}`,
    `  Agents           ${agents}, simulated: see muster simulate --help`,
    '',
    'Ctrl-C stops it. Meanwhile:',
    '',
    '',
  ].join('\n');
}
