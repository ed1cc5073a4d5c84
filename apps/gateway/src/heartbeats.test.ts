import { agentCapability } from '@muster/opamp/capabilities';
import { AgentToServer, ServerToAgent, type AgentToServerFields } from '@muster/opamp/opamp';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { createMemoryOfferCache } from '@muster/configs/offer-cache.memory';
import { silentLog } from '@muster/platform/log';
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentLink } from './agent-link.ts';
import { Checkpoints } from './checkpoints.ts';
import { DesiredConfigs } from './desired-configs.ts';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { Heartbeats } from './heartbeats.ts';
import { Connection, type Session } from './session.ts';
import { Sessions } from './sessions.ts';

const uid = Buffer.from('0192b1d000007000800000000000abcd', 'hex');
const other = Buffer.from('0192b1d000007000800000000000abce', 'hex');
const capabilities = agentCapability.ReportsStatus | agentCapability.AcceptsRemoteConfig;
const configHash = Buffer.alloc(32, 7);

const checkpoints = new Set<Checkpoints>();
afterEach(async () => {
  for (const each of checkpoints) await each.stop();
  checkpoints.clear();
});

/** A connection with agents that have reported, the number 300 last. */
function rig(...uids: Buffer[]) {
  const sessions = new Sessions(createGatewayMetrics());
  const kept = new Checkpoints('gateway-a', createMemoryPresence(), silentLog, () => undefined);
  checkpoints.add(kept);
  const sent: Buffer[] = [];
  const link: AgentLink = {
    transport: 'websocket',
    remoteAddress: '127.0.0.1',
    send: (message) => sent.push(Buffer.from(message)) > 0,
    refuse: () => undefined,
    close: () => undefined,
    ping: () => undefined,
  };
  const token = { enrollmentTokenId: 'token', expiresAt: null, limited: false };
  const connection = new Connection(link, token as never);
  const here = uids.map((each) => {
    const session = sessions.enter(connection, each);
    Object.assign(session, { claimed: true, announced: true, known: true, sequenceNum: 300, capabilities });
    session.record.statusKnown = true;
    return session;
  });
  const heartbeats = new Heartbeats(sessions, kept);
  const say = (message: Partial<AgentToServerFields>, header = 0) => {
    const body = AgentToServer.encode({ instanceUid: uid, capabilities, ...message } as never).finish();
    return heartbeats.take(connection, Buffer.concat([Buffer.of(header), body]), 5_000);
  };
  return { session: here[0]!, here, sent, say };
}

const desiredBy = (session: Session) => {
  session.desired = new DesiredConfigs(createMemoryOfferCache()).find(configHash.toString('hex'));
};

describe('heartbeats', () => {
  it('are answered with the uid and the capabilities, and remembered', () => {
    const { session, sent, say } = rig(uid);
    expect(say({ sequenceNum: 301 })).toBe(true);
    expect(say({ sequenceNum: 302, capabilities: 0 })).toBe(true);
    expect(session).toMatchObject({ sequenceNum: 302, lastSeen: 5_000, dirty: true });
    expect(sent).toHaveLength(2);
    const answer = ServerToAgent.decode(sent[1]!.subarray(1));
    expect(Buffer.from(answer.instanceUid!)).toEqual(uid);
    expect(Number(answer.capabilities)).toBeGreaterThan(0);
  });

  it('are told apart where several agents speak through one connection', () => {
    const { here, sent, say } = rig(uid, other);
    expect(say({ instanceUid: other, sequenceNum: 301 })).toBe(true);
    expect(here.map(({ sequenceNum }) => sequenceNum)).toEqual([300, 301]);
    expect(Buffer.from(ServerToAgent.decode(sent[0]!.subarray(1)).instanceUid!)).toEqual(other);
  });

  it.each<[string, Partial<AgentToServerFields>]>([
    ['a gap', { sequenceNum: 302 }],
    ['the same number again', { sequenceNum: 300 }],
    ['no number', {}],
    ['other capabilities', { sequenceNum: 301, capabilities: 1 }],
    ['a flag', { sequenceNum: 301, flags: 1 }],
    ['something to report', { sequenceNum: 301, health: { healthy: true } }],
    ['another agent', { sequenceNum: 301, instanceUid: other }],
    ['a uid of another length', { sequenceNum: 301, instanceUid: uid.subarray(1) }],
  ])('go the usual way with %s', (_name, message) => {
    const { session, sent, say } = rig(uid);
    expect(say(message)).toBe(false);
    expect(session).toMatchObject({ sequenceNum: 300, dirty: false });
    expect(sent).toEqual([]);
  });

  it('go the usual way with another header', () => {
    expect(rig(uid).say({ sequenceNum: 301 }, 1)).toBe(false);
  });

  it.each<[string, (session: Session) => void]>([
    ['a configuration waits', desiredBy],
    [
      'it is not known which configuration it has',
      (session) => {
        desiredBy(session);
        session.record.setReported(configHash);
        session.record.statusKnown = false;
      },
    ],
    ['a full state is owed', (session) => (session.record.fullStateOwed = true)],
    ['a full state was asked for', (session) => (session.fullStateAsked = true)],
    ['a restart waits', (session) => (session.restartWaits = true)],
    ['a list of components is wanted', (session) => (session.componentsWanted = true)],
    ['earlier messages wait', (session) => (session.inbox = [])],
    ['the agent is not claimed', (session) => (session.claimed = false)],
    ['nobody was told that it is here', (session) => (session.announced = false)],
  ])('go the usual way while %s', (_name, prepare) => {
    const { session, sent, say } = rig(uid);
    prepare(session);
    expect(say({ sequenceNum: 301 })).toBe(false);
    expect(sent).toEqual([]);
  });

  it('are answered when the agent has the configuration it should have', () => {
    const { session, say } = rig(uid);
    desiredBy(session);
    session.record.setReported(configHash);
    expect(say({ sequenceNum: 301 })).toBe(true);
  });
});
