import { setTimeout as sleep } from 'node:timers/promises';
import type { LostAgents } from '@muster/agents/lost-agents';
import type { PresenceUpkeep } from '@muster/agents/presence-upkeep';
import type { Transport } from '@muster/messages/report-frame';
import type { Log } from '@muster/platform/log';
import type { Running } from '@muster/platform/running';

export interface UpkeepTimes {
  /** Between two looks at leases. */
  sweepMs: number;
  /** How long agents may take to come back after a start before they count as gone. */
  lostAfterMs: number;
  /** How long an agent on plain HTTP may be silent: those come back with their next poll. */
  httpSilenceMs: number;
  /** Between two looks at a page of the agents for those that are lost. */
  lostPageMs: number;
}

/**
 * Says when: sweeps expired gateways and looks for lost agents all along, and looks once, soon after the start, for
 * agents of each kind that a crash left as connected.
 */
export function startUpkeep(
  upkeep: PresenceUpkeep,
  lostAgents: LostAgents,
  times: UpkeepTimes,
  log: Log,
): Running {
  const stopping = new AbortController();
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
      return true;
    } catch (error) {
      log.warn({ err: error }, `${what} failed and will be tried again`);
      return false;
    }
  };
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});
  const sweep = async () => {
    for (await pause(times.sweepMs); !stopping.signal.aborted; await pause(times.sweepMs)) {
      await attempt('keeping presence', async () => {
        await upkeep.seed();
        await upkeep.releaseExpired(Date.now());
      });
    }
  };
  const markLost = async (transport: Transport, afterMs: number) => {
    for (await pause(afterMs); !stopping.signal.aborted; await pause(times.sweepMs)) {
      if (await attempt('looking for lost agents', () => upkeep.markLost(transport))) return;
    }
  };
  const lookForLost = async () => {
    for (await pause(times.lostPageMs); !stopping.signal.aborted; await pause(times.lostPageMs)) {
      await attempt('the look for lost agents', () => lostAgents.turn(Date.now()));
    }
  };
  const running = Promise.all([
    sweep(),
    lookForLost(),
    markLost('websocket', times.lostAfterMs),
    markLost('http', Math.max(times.lostAfterMs, times.httpSilenceMs)),
  ]);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
