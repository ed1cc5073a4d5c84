import type { Report } from '@muster/messages/report-frame';
import { AgentToServer, configStatus, type AgentToServerFields } from '@muster/opamp/opamp';
import { describe, expect, it } from 'vitest';
import { agentIdFromBytes } from './agent-id.ts';
import { foldReports } from './report-folding.ts';
import { testReport, type TestReport } from './test-report.setup.ts';

const uidBytes = Buffer.from('0190a0b0c0d070008000000000000001', 'hex');
const uid = agentIdFromBytes(uidBytes);

const report = (fields: TestReport) => testReport(uid, fields);

async function fold(...reports: Report[]) {
  const { agents, notes } = await foldReports([{ gateway: 'gateway-1', reports }]);
  return { agent: agents[0]!, agents, notes };
}

const status = (hash: string, state: number, errorMessage = ''): AgentToServerFields => ({
  remoteConfigStatus: { lastRemoteConfigHash: Buffer.from(hash), status: state, errorMessage },
});
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });

describe('foldReports', () => {
  it('keeps the last value of each field, whatever order the reports come in', async () => {
    const early = report({ sequenceNum: 2, say: { health: { healthy: true }, capabilities: 0x803 } });
    const late = report({ sequenceNum: 3, say: { health: { healthy: false, lastError: 'boom' } } });
    for (const reports of [
      [early, late],
      [late, early],
      [late, early, late, early],
    ]) {
      const { agent } = await fold(...reports);
      expect(agent.health).toMatchObject({ value: { healthy: false }, order: [10, 3] });
      expect(agent.capabilities).toEqual({ value: 0x803, order: [10, 2] });
      expect(agent).toMatchObject({ epoch: 10, sequenceNum: 3 });
    }
  });

  it('orders by epoch before sequence_num', async () => {
    const { agent } = await fold(
      report({ epoch: 11, sequenceNum: 0, say: { capabilities: 2 } }),
      report({ epoch: 10, sequenceNum: 900, say: { capabilities: 1 } }),
    );
    expect(agent.capabilities).toEqual({ value: 2, order: [11, 0] });
    expect(agent).toMatchObject({ epoch: 11, sequenceNum: 0 });
  });

  it('takes capabilities 0 for not said', async () => {
    expect((await fold(report({ say: { capabilities: 0, health: {} } }))).agent.capabilities).toBeNull();
  });

  it('shows an agent by host.name, else service.name, else its uid', async () => {
    const named = async (say: AgentToServerFields) => (await fold(report({ say }))).agent.description!.value;
    const service = { identifyingAttributes: [attribute('service.name', 'otelcol')] };
    const host = {
      nonIdentifyingAttributes: [attribute('host.name', 'web-1'), attribute('os.type', 'linux')],
    };
    expect(await named({ agentDescription: { ...service, ...host } })).toMatchObject({
      name: 'web-1',
      hostname: 'web-1',
      type: 'otelcol',
      os: 'linux',
    });
    expect(await named({ agentDescription: service })).toMatchObject({ name: 'otelcol', hostname: '' });
    expect(await named({ agentDescription: {} })).toMatchObject({ name: uid, attributes: '{}' });
  });

  it('makes text of every kind of attribute, for selectors', async () => {
    const { agent } = await fold(
      report({
        say: {
          agentDescription: {
            identifyingAttributes: [
              { key: 'whole', value: { intValue: 7 } },
              { key: 'flag', value: { boolValue: true } },
              { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: 1 }] } } },
              { key: 'unset', value: {} },
            ],
          },
        },
      }),
    );
    expect(JSON.parse(agent.description!.value.attributes)).toEqual({
      whole: '7',
      flag: 'true',
      list: '["a",1]',
      unset: '',
    });
  });

  it.each([
    ['healthy', { healthy: true }, true],
    ['unhealthy with an error', { healthy: false, lastError: 'boom' }, false],
    ['unhealthy and running', { healthy: false, startTimeUnixNano: 5 }, false],
    ['not healthy yet: no error, not started', { healthy: false }, null],
  ])('judges health: %s', async (_, health, expected) => {
    expect((await fold(report({ say: { health } }))).agent.health!.value.healthy).toBe(expected);
  });

  it('keeps a failure and an APPLIED that a later report of the batch covers', async () => {
    const { agent } = await fold(
      report({ sequenceNum: 2, say: status('bad', configStatus.failed, 'no such exporter') }),
      report({ sequenceNum: 3, say: status('good', configStatus.applied), receivedAt: 3000 }),
      report({ sequenceNum: 4, say: status('next', configStatus.applying) }),
    );
    expect(agent.failures).toMatchObject([{ hash: Buffer.from('bad'), error: 'no such exporter' }]);
    expect(agent.applied).toEqual({ value: { hash: Buffer.from('good'), at: 3000 }, order: [10, 3] });
    expect(agent.remoteConfigStatus!.value).toMatchObject({ hash: Buffer.from('next'), status: 2 });
  });

  it('keeps one failure for each configuration, the latest', async () => {
    const failed = (hash: string, error: string, receivedAt: number) =>
      report({ say: status(hash, configStatus.failed, error), receivedAt });
    const { agent } = await fold(
      failed('a', 'second', 2000),
      failed('b', 'other', 1500),
      failed('a', 'first', 1000),
    );
    expect(agent.failures.map(({ error }) => error)).toEqual(['second', 'other']);
  });

  it('does not let a connection that ended end a newer one', async () => {
    const reports = [
      report({ epoch: 10, connected: true }),
      report({ epoch: 11, connected: true, transport: 'http' }),
      report({ epoch: 10, disconnected: true, sequenceNum: 99 }),
    ];
    expect((await fold(...reports)).agent).toMatchObject({
      connected: { value: true },
      peer: { value: { transport: 'http' } },
    });
    expect((await fold(...reports.toReversed())).agent.connected!.value).toBe(true);
  });

  it('lets the end of a connection win over its reports, whatever their sequence_num', async () => {
    const reports = [
      report({ connected: true, sequenceNum: 7 }),
      report({ disconnected: true, sequenceNum: 7 }),
    ];
    expect((await fold(...reports)).agent.connected!.value).toBe(false);
    expect((await fold(...reports.toReversed())).agent.connected!.value).toBe(false);
  });

  it('orders offers that follow one report by time', async () => {
    const offer = (hash: string, receivedAt: number) =>
      report({ offeredConfigHash: Buffer.from(hash), receivedAt });
    expect((await fold(offer('second', 2), offer('first', 1))).agent.offered!.value.hash).toEqual(
      Buffer.from('second'),
    );
  });

  it('takes neither an offer nor an end for a sign that an agent is there', async () => {
    const { agent } = await fold(
      report({ disconnected: true }),
      report({ offeredConfigHash: Buffer.from('x') }),
    );
    expect(agent).toMatchObject({ enrols: false, lastSeenAt: 0 });
    expect([...agent.changes]).toEqual(['disconnected', 'configStatus']);
  });

  it('says what changed', async () => {
    const { agent } = await fold(
      report({
        connected: true,
        say: {
          agentDescription: {},
          effectiveConfig: {},
          packageStatuses: {},
          availableComponents: {},
          capabilities: 1,
        },
      }),
    );
    expect([...agent.changes].sort()).toEqual(
      ['capabilities', 'components', 'connected', 'description', 'effectiveConfig', 'packages'].sort(),
    );
  });

  it('keeps contents as they came, addressed by their SHA-256', async () => {
    const effectiveConfig = { configMap: { configMap: { '': { body: Buffer.from([0xff, 0xfe]) } } } };
    const [one, other] = [uidBytes, Buffer.alloc(16, 7)].map((instanceUid) =>
      report({ instanceUid, say: { effectiveConfig } }),
    );
    const { agents } = await fold(one!, other!);
    expect(agents).toHaveLength(2);
    expect(agents[0]!.effectiveConfig!.value.hash).toEqual(agents[1]!.effectiveConfig!.value.hash);
  });

  it('leaves a malformed part out, keeps the rest and says so', async () => {
    const whole = AgentToServer.encode({ capabilities: 5, health: { healthy: true } }).finish();
    const malformedDescription = Buffer.from([0x1a, 2, 0x0a, 0x7f]);
    const { agent, notes } = await fold(
      report({ agentToServer: Buffer.concat([whole, malformedDescription]) }),
    );
    expect(agent).toMatchObject({ description: null, health: { value: { healthy: true } } });
    expect(notes).toMatchObject([{ agent: uid, problem: expect.stringContaining('agent_description') }]);
  });

  it('survives bytes that are no message, and an instance_uid that is none', async () => {
    const { agent, agents, notes } = await fold(
      report({ agentToServer: Buffer.from([0xff]), connected: true }),
      report({ instanceUid: Buffer.from('short') }),
    );
    expect(agents).toHaveLength(1);
    expect(agent.connected!.value).toBe(true);
    expect(notes).toHaveLength(2);
  });

  it('removes from text what PostgreSQL cannot keep, and says so of attributes', async () => {
    const { agent, notes } = await fold(
      report({
        say: {
          agentDescription: {
            identifyingAttributes: [attribute('service.name', 'a\0b'), attribute('n\0', '\0')],
          },
        },
      }),
      report({ sequenceNum: 2, say: status('x', configStatus.failed, 'no\0') }),
    );
    expect(agent.description!.value).toMatchObject({
      type: 'ab',
      attributes: '{"service.name":"ab","n":""}',
    });
    expect(agent.failures[0]!.error).toBe('no');
    expect(notes).toEqual([{ agent: uid, problem: 'agent_description: changed to fit the database' }]);
  });

  it('leaves attributes out that are far too large to select by, and says so', async () => {
    const { agent, notes } = await fold(
      report({
        say: {
          agentDescription: {
            identifyingAttributes: [
              attribute('service.name', 'otelcol'),
              attribute('blob', 'x'.repeat(5_000_000)),
            ],
          },
        },
      }),
    );
    expect(JSON.parse(agent.description!.value.attributes)).toEqual({ 'service.name': 'otelcol' });
    expect(agent.description!.value.body.length).toBeGreaterThan(5_000_000);
    expect(notes).toHaveLength(1);
  });

  it('cuts long texts', async () => {
    const { agent } = await fold(
      report({ say: status('x', configStatus.failed, '\u{1F600}'.repeat(100_000)) }),
    );
    const { error } = agent.remoteConfigStatus!.value;
    expect(error.length).toBeLessThanOrEqual(65_536);
    expect(error.isWellFormed()).toBe(true);
  });
});
