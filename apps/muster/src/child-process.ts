import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Log } from '@muster/platform/log';
import { stopMarginMs } from '@muster/platform/process';
import type { Running } from '@muster/platform/running';

/** A process of the cluster that could not be started; it has said why on stderr itself. */
export class ChildFailed extends Error {
  readonly code = 'child-failed';
}

export interface ChildSpec {
  name: string;
  main: URL;
  /** Arguments for Node. */
  nodeArgs?: readonly string[];
  /** Where it answers /readyz. */
  probePort: number;
  env: Record<string, string | undefined>;
  /** How long it may take to stop beside what every process may, milliseconds. */
  stopsWithinMs?: number;
}

const readyWithinMs = 20_000;
const restartPauseMs = 1_000;

/**
 * Starts one process of the cluster and waits until it is ready. When it dies later it is started again,
 * as an orchestrator would.
 *
 * @throws ChildFailed when the first start fails.
 */
export async function startChild(spec: ChildSpec, log: Log): Promise<Running> {
  let stopping = false;
  let child = launch(spec);
  const watch = (watched: ChildProcess): void => {
    void once(watched, 'exit').then(async () => {
      if (stopping) return;
      log.warn({ process: spec.name }, 'process ended; starting it again');
      await sleep(restartPauseMs);
      if (stopping) return;
      child = launch(spec);
      watch(child);
    });
  };
  try {
    await ready(spec, child);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  watch(child);
  // It cuts itself off before.
  const stopsWithinMs = (spec.stopsWithinMs ?? 0) + stopMarginMs + 1_000;
  return {
    stopsWithinMs,
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const cut = setTimeout(() => child.kill('SIGKILL'), stopsWithinMs);
      await gone;
      clearTimeout(cut);
    },
  };
}

function launch(spec: ChildSpec): ChildProcess {
  return spawn(
    process.execPath,
    [...(spec.nodeArgs ?? []), '--enable-source-maps', fileURLToPath(spec.main)],
    {
      env: spec.env,
      // a group of its own: Ctrl-C reaches the cluster, which stops its processes in order
      detached: true,
      // the channel tells the child when the cluster is gone
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
}

async function ready(spec: ChildSpec, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (child.exitCode !== null)
      throw new ChildFailed(`${spec.name} could not start: the line above says why`);
    const answer = await fetch(`http://127.0.0.1:${spec.probePort}/readyz`, {
      signal: AbortSignal.timeout(1_000),
    }).catch(() => null);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new ChildFailed(`${spec.name} was not ready within ${readyWithinMs / 1_000} s`);
}
