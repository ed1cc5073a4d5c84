import { agentCapability, serverCapability } from '@muster/opamp/capabilities';
import type { ServerToAgentMessage } from '@muster/opamp/opamp';
import { asksComponents, asksFullState, checkNoError, checkNoFullState } from '../answers.ts';
import { allCapabilities, usualCapabilities } from '../messages.ts';
import { check } from '../outcome.ts';
import type { Maturity, Row } from '../row.ts';
import { overBoth, overWebSocket } from '../transport.ts';
import type { RowContext } from '../row-context.ts';

const head = { over: overBoth, section: 'AgentToServer.capabilities' } as const;
const quietMs = 2_000;
const { ReportsStatus } = agentCapability;
const unknownBit = 2 ** 40;

/** An agent without the bit, which can do all else, never gets what the bit stands for. */
function gate(
  number: string,
  maturity: Maturity,
  name: keyof typeof agentCapability,
  what: string,
  offers: number,
  has: (message: ServerToAgentMessage) => boolean,
): Row {
  return {
    ...head,
    number,
    level: 'MUST',
    maturity,
    rule: `without ${name} an agent gets no ${what}`,
    offers,
    needs: 'wire',
    async run(context) {
      const agent = await context.reported({ capabilities: allCapabilities & ~agentCapability[name] });
      const heard = [...agent.received, ...(await agent.listen(context.quiet(quietMs)))];
      check(!heard.some(({ message }) => has(message)), `sent ${what} without the bit`);
    },
  };
}

/** A full report that lacks what the agent cannot report is not asked for again and again. */
async function checkNoLoop(context: RowContext, without: number, part: string): Promise<void> {
  const agent = await context.agent({ capabilities: usualCapabilities & ~without });
  const report = { ...agent.fullState, [part]: null };
  agent.skip(4);
  const first = await agent.exchange(report);
  if (asksFullState(first))
    checkNoFullState(await agent.exchange(report), 'the full report without that part');
  checkNoFullState(await agent.heartbeat(), 'the heartbeat after a full report without that part');
}

const { OffersConnectionSettings, OffersPackages } = serverCapability;

/** Checklist 7, the agent's bits. */
export const agentCapabilityRows: Row[] = [
  {
    ...head,
    number: '7.3',
    level: 'MUST',
    maturity: 'S',
    section: 'Interoperability of Partial Implementations',
    rule: 'the server uses nothing that the agent does not support',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed({ capabilities: ReportsStatus });
      await context.operator.assignConfig(agent.key, 'receivers: {} # unasked\n');
      await context.operator.restartAgent(agent.uuid);
      for (const { message } of await agent.listen(context.quiet(quietMs))) {
        const { remoteConfig, command, connectionSettings, packagesAvailable } = message;
        check(!remoteConfig, 'got a configuration');
        check(!command, 'got a command');
        check(!connectionSettings && !packagesAvailable, 'got settings or packages');
      }
    },
  },
  {
    ...head,
    number: '7.4',
    level: 'MUST°',
    maturity: 'S',
    section: 'Non-Ignorable Capability Extensions',
    rule: 'bits of the agent that nobody knows are no error',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported({ capabilities: usualCapabilities + unknownBit });
      const answer = await agent.heartbeat();
      checkNoError(answer, 'a heartbeat');
      checkNoFullState(answer, 'a heartbeat');
    },
  },
  {
    ...head,
    number: '7.5',
    level: 'MUST°',
    maturity: 'S',
    rule: 'capabilities of 0 mean not said: what was said before still counts',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      checkNoError(await agent.exchange({ capabilities: 0 }), 'a heartbeat without capabilities');
      await context.operator.assignConfig(agent.key, 'receivers: {} # still\n');
      agent.capabilities = 0;
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'not offered any more');
    },
  },
  {
    ...head,
    number: '7.13',
    level: 'MUST°',
    maturity: 'S',
    rule: 'an agent that does not even set ReportsStatus is answered',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported({ capabilities: 0 });
      checkNoError(await agent.heartbeat(), 'a heartbeat');
    },
  },
  {
    ...head,
    number: '7.14',
    level: 'MUST',
    maturity: 'S',
    section: 'Configuration',
    rule: 'without AcceptsRemoteConfig an agent gets no configuration',
    offers: serverCapability.OffersRemoteConfig,
    needs: 'operator',
    async run(context) {
      const agent = await context.listed({
        capabilities: usualCapabilities & ~agentCapability.AcceptsRemoteConfig,
      });
      await context.operator.assignConfig(agent.key, 'receivers: {} # gated\n');
      const heard = await agent.listen(context.quiet(quietMs));
      check(!heard.some(({ message }) => message.remoteConfig), 'got a configuration without the bit');
    },
  },
  {
    ...head,
    number: '7.15',
    level: 'MUST°',
    maturity: 'S',
    section: 'Configuration',
    rule: 'without ReportsEffectiveConfig a full report needs no effective configuration',
    needs: 'wire',
    run: (context) => checkNoLoop(context, agentCapability.ReportsEffectiveConfig, 'effectiveConfig'),
  },
  gate(
    '7.16',
    'B',
    'AcceptsPackages',
    'packages',
    OffersPackages,
    (message) => message.packagesAvailable != null,
  ),
  {
    ...head,
    number: '7.17',
    level: 'MUST°',
    maturity: 'B',
    rule: 'without ReportsPackageStatuses a full report needs no package statuses',
    needs: 'wire',
    run: (context) => checkNoLoop(context, agentCapability.ReportsPackageStatuses, 'packageStatuses'),
  },
  gate('7.18', 'B', 'ReportsOwnTraces', 'settings for traces', OffersConnectionSettings, (message) =>
    Boolean(message.connectionSettings?.ownTraces),
  ),
  gate('7.19', 'B', 'ReportsOwnMetrics', 'settings for metrics', OffersConnectionSettings, (message) =>
    Boolean(message.connectionSettings?.ownMetrics),
  ),
  gate('7.20', 'B', 'ReportsOwnLogs', 'settings for logs', OffersConnectionSettings, (message) =>
    Boolean(message.connectionSettings?.ownLogs),
  ),
  gate(
    '7.21',
    'B',
    'AcceptsOpAMPConnectionSettings',
    'OpAMP credentials or certificates',
    OffersConnectionSettings,
    ({ connectionSettings }) =>
      Boolean(connectionSettings?.opamp?.headers ?? connectionSettings?.opamp?.certificate ?? null),
  ),
  gate(
    '7.22',
    'B',
    'AcceptsOtherConnectionSettings',
    'settings for others',
    OffersConnectionSettings,
    (message) => Boolean(Object.keys(message.connectionSettings?.otherConnections ?? {}).length),
  ),
  {
    ...head,
    number: '7.23',
    level: 'MUST',
    maturity: 'B',
    section: 'ServerToAgentCommand',
    rule: 'without AcceptsRestartCommand an agent gets no command, and the operator a refusal',
    needs: 'operator',
    async run(context) {
      const capabilities = usualCapabilities & ~agentCapability.AcceptsRestartCommand;
      const agent = await context.listed({ capabilities });
      const refusal = await context.operator.restartAgent(agent.uuid);
      check(refusal, 'the order was taken');
      const heard = await agent.listen(context.quiet(quietMs));
      check(!heard.some(({ message }) => message.command), 'got a command without the bit');
    },
  },
  {
    ...head,
    number: '7.24',
    level: 'MUST°',
    maturity: 'S',
    rule: 'without ReportsHealth health is unknown, not bad',
    needs: 'operator',
    async run(context) {
      const agent = await context.agent({ capabilities: usualCapabilities & ~agentCapability.ReportsHealth });
      checkNoFullState(await agent.exchange({ ...agent.fullState, health: null }), 'the full report');
      const shown = await context.shows(agent, ({ connected }) => connected, 'not shown as connected');
      check(shown.healthy === null, `shown as ${shown.healthy ? 'healthy' : 'unhealthy'}`);
    },
  },
  {
    ...head,
    number: '7.25',
    level: 'MUST°',
    maturity: 'S',
    rule: 'without ReportsRemoteConfig no status follows an offer: it is sent once',
    offers: serverCapability.OffersRemoteConfig,
    needs: 'operator',
    async run(context) {
      const agent = await context.agent({
        capabilities: usualCapabilities & ~agentCapability.ReportsRemoteConfig,
      });
      checkNoError(await agent.exchange({ ...agent.fullState, remoteConfigStatus: null }), 'the full report');
      await context.shows(agent, ({ connected }) => connected, 'not shown as connected');
      await context.operator.assignConfig(agent.key, 'receivers: {} # mute\n');
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'nothing was offered');
      await agent.listen(context.quiet(quietMs));
      for (let beat = 0; beat < 10; beat++) await agent.heartbeat();
      const offers = agent.received.filter(({ message }) => message.remoteConfig).length;
      check(offers === 1, `the configuration was offered ${offers} times`);
    },
  },
  {
    ...head,
    over: overWebSocket,
    number: '7.26',
    level: 'MUST°',
    maturity: 'D',
    section: 'OpAMPConnectionSettings.heartbeat_interval_seconds',
    rule: 'without ReportsHeartbeat silence on a live connection is not death',
    needs: 'operator',
    deadlineMs: 100_000,
    async run(context) {
      const agent = await context.listed({
        capabilities: usualCapabilities & ~agentCapability.ReportsHeartbeat,
      });
      await agent.listen(75_000);
      check(!agent.link.ended(), `after 75 s of silence ${agent.link.ended()}`);
      await context.shows(
        agent,
        ({ connected }) => connected,
        'after 75 s of silence shown as disconnected',
        0,
      );
    },
  },
  {
    ...head,
    number: '7.27',
    level: 'MUST°',
    maturity: 'D',
    section: 'AvailableComponents',
    rule: 'without ReportsAvailableComponents an agent is not asked for components',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent({ capabilities: usualCapabilities });
      const availableComponents = { hash: Buffer.from(agent.uid) };
      const answers = [
        await agent.exchange({ ...agent.fullState, availableComponents }),
        await agent.heartbeat(),
      ];
      check(!answers.some(asksComponents), 'asked for components');
    },
  },
  {
    ...head,
    number: '7.28',
    level: 'MUST°',
    maturity: 'D',
    section: 'ConnectionSettingsStatus',
    rule: 'without ReportsConnectionSettingsStatus no status of settings is waited for',
    offers: OffersConnectionSettings,
    needs: 'elsewhere',
    why: 'settings would have to be offered',
  },
];
