import type { Mark, Presence } from '@muster/agents/presence';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { silentLog } from '@muster/platform/log';
import { afterEach, describe, expect, it } from 'vitest';
import { Checkpoints } from './checkpoints.ts';
import { Session } from './session.ts';

const gateway = 'gateway-a';
const open = new Set<Checkpoints>();
afterEach(async () => {
  for (const checkpoints of open) await checkpoints.stop();
  open.clear();
});

/** An agent that has reported, and what Presence is told of it. */
async function rig() {
  const presence = createMemoryPresence();
  const marks: Mark[] = [];
  const fails = { next: false };
  const told: Presence = Object.create(presence, {
    checkpoint: {
      value: async (holder: string, given: readonly Mark[]) => {
        if (fails.next) {
          fails.next = false;
          throw new Error('Presence is away');
        }
        marks.push(...given);
        return presence.checkpoint(holder, given);
      },
    },
  });
  const checkpoints = new Checkpoints(gateway, told, silentLog, () => undefined);
  open.add(checkpoints);
  const session = new Session(Buffer.alloc(16, 1));
  const [claimed] = await presence.claim(gateway, [{ agent: session.agent, now: 1_000 }]);
  Object.assign(session, {
    claimed: true,
    known: true,
    epoch: claimed!.kind === 'claimed' ? claimed!.epoch : 0,
  });
  session.record.setReported(Buffer.alloc(32, 7));
  const beat = async () => {
    session.sequenceNum += 1;
    session.dirty = true;
    await checkpoints.saveNow(session);
  };
  return { session, presence, marks, beat, fails };
}

describe('checkpoints', () => {
  it('send the record of an agent when it has changed, and for heartbeats alone the number', async () => {
    const { session, marks, beat, presence } = await rig();
    await beat();
    await beat();
    session.record.setOffered(Buffer.alloc(32, 8));
    await beat();
    await beat();
    expect(marks.map(({ sequenceNum }) => sequenceNum)).toEqual([1, 2, 3, 4]);
    expect(marks.map(({ fingerprints }) => fingerprints !== null)).toEqual([true, false, true, false]);
    const [next] = await presence.claim('gateway-b', [{ agent: session.agent, now: 2_000 }]);
    const previous = next?.kind === 'claimed' ? next.previous : null;
    expect(previous?.sequenceNum).toBe(4);
    expect(Buffer.from(previous!.fingerprints!)).toEqual(Buffer.from(session.record.bytes));
  });

  it('send it again when Presence did not get it', async () => {
    const { marks, beat, fails } = await rig();
    fails.next = true;
    await beat();
    await beat();
    expect(marks.map(({ fingerprints }) => fingerprints !== null)).toEqual([true]);
  });

  it('send it again now and then, for a Presence that lost its last second', async () => {
    const { marks, beat } = await rig();
    for (let count = 0; count < 40; count++) await beat();
    const sent = marks.filter(({ fingerprints }) => fingerprints !== null).length;
    expect(sent).toBeGreaterThan(2);
    expect(sent).toBeLessThan(6);
  });
});
