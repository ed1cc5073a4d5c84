import { setTimeout as pause } from 'node:timers/promises';
import { agentCapability } from '@muster/opamp/capabilities';
import { asksFullState, checkNoError, checkNoFullState } from '../answers.ts';
import { encode, field, numberField } from '../messages.ts';
import { check, NotTestable } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overWebSocket } from '../transport.ts';
import { closedWithoutFrame } from '../raw-websocket.ts';
import { ScriptedAgent } from '../scripted-agent.ts';

const head = { over: overBoth, maturity: 'S' } as const;
const unknownField = 999;
const unknownStatus = 9;
const settledMs = 1_500;

/** Checklist 22 and 23: connecting again, interoperability. */
export const reconnectRows: Row[] = [
  {
    ...head,
    over: overWebSocket,
    number: '22.1',
    level: 'MUST°',
    section: 'Restoring WebSocket Connection',
    rule: 'an agent that comes back is served, also while its old connection still looks alive',
    needs: 'wire',
    async run(context) {
      const old = await context.webSocket();
      const agent = await context.reported({}, old);
      await agent.heartbeat();
      old.socket.answersPings = false;
      old.socket.answersClose = false;
      old.socket.stopReading();
      agent.moveTo(await context.webSocket());
      const answer = await agent.heartbeat();
      checkNoError(answer, 'the first heartbeat on the new connection');
      checkNoFullState(answer, 'the first heartbeat on the new connection');
      check(!answer.agentIdentification, 'taken for a duplicate of itself');
      await pause(2_000);
      const later = await agent.heartbeat();
      check(!later.agentIdentification, 'taken for a duplicate of itself');
      if (!context.mayHaveOperator) return;
      await context.operator.assignConfig(agent.key, 'receivers: {} # to the new\n');
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'the new connection gets no pushes');
    },
  },
  {
    ...head,
    number: '22.2',
    level: 'MUST°',
    section: 'RemoteConfigStatus.last_remote_config_hash',
    rule: 'an agent that returns gets what changed while it was away',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await agent.exchange({ agentDisconnect: {} });
      agent.link.cut();
      await context.shows(agent, ({ connected }) => !connected, 'still shown as connected');
      await context.operator.assignConfig(agent.key, 'receivers: {} # meanwhile\n');
      await pause(settledMs); // an order may take effect a little after it was taken
      agent.moveTo(await context.link());
      await agent.heartbeat();
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'the configuration did not come');
    },
  },
  {
    ...head,
    number: '22.3',
    level: 'MUST°',
    section: 'ServerToAgent.flags',
    rule: 'after a restart the server knows its agents, or asks for their full state',
    needs: 'operator',
    alone: true,
    deadlineMs: 90_000,
    async run(context) {
      const { restartServer } = context.operator;
      if (!restartServer) throw new NotTestable('the operator cannot restart the server');
      const agent = await context.listed();
      await agent.exchange({ health: { healthy: false, startTimeUnixNano: 1, lastError: 'before' } });
      await context.shows(
        agent,
        ({ healthy }) => healthy === false,
        'the health before the restart is not shown',
      );
      agent.link.cut();
      await restartServer();
      agent.moveTo(await context.link());
      const answer = await agent.heartbeat();
      checkNoError(answer, 'the first heartbeat after the restart');
      if (asksFullState(answer)) await agent.report();
      const isKept = ({ connected, identifying, effectiveConfig }: ShownParts) =>
        connected && identifying['service.name'] === 'conformance' && effectiveConfig !== null;
      await context.shows(agent, isKept, 'not shown as it was before the restart', 30_000);
    },
  },
  {
    ...head,
    over: overWebSocket,
    number: '22.4',
    level: 'MAY',
    section: 'Duplicate WebSocket Connections',
    rule: 'a second connection of a client may be refused or the first one closed, with a Close frame',
    needs: 'wire',
    async run(context) {
      const first = await context.webSocket();
      const agent = await context.reported({}, first);
      const second = await context.webSocket();
      agent.moveTo(second);
      checkNoError(await agent.heartbeat(), 'a heartbeat on the second connection');
      const late = new ScriptedAgent(first, { uid: agent.uid, key: agent.key });
      late.sequenceNum = agent.sequenceNum;
      const before = first.received.length;
      await first.send(late.next());
      await late.until(
        () => first.received.length > before || first.socket.isClosed,
        'the first connection is mute',
      );
      if (!first.socket.isClosed) return;
      check(
        (await first.socket.closed) !== closedWithoutFrame,
        'the first connection was cut without a Close frame',
      );
    },
  },
  {
    ...head,
    number: '23.1',
    level: 'MUST°',
    section: 'Ignorable Capability Extensions',
    rule: 'unknown fields are ignored at every level',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      const strange = field(unknownField, Buffer.from('what is this'));
      const strangeNumber = numberField(unknownField, 7);
      const report = Buffer.concat([
        encode({ instanceUid: agent.uid, sequenceNum: 1, capabilities: agentCapability.ReportsStatus }),
        field(3, strange), // inside the description
        field(5, Buffer.concat([strangeNumber, strange])), // inside health
        strange,
        strangeNumber,
      ]);
      agent.sequenceNum = 1;
      const { message } = await agent.exchangeRaw(report);
      checkNoError(message, 'a report with unknown fields');
      checkNoFullState(await agent.heartbeat(), 'the heartbeat after it');
    },
  },
  {
    ...head,
    number: '23.2',
    level: 'MUST°',
    section: 'Protobuf Schema Stability',
    rule: 'unknown values of an enum are no error',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      const status = field(7, Buffer.concat([field(1, Buffer.from('hash')), numberField(2, unknownStatus)]));
      const { message } = await agent.exchangeRaw(Buffer.concat([agent.next(), status]));
      checkNoError(message, `a configuration status of ${unknownStatus}`);
      if (!context.mayHaveOperator) return;
      const isShown = ({ remoteConfigStatus: shown }: { remoteConfigStatus: { status: string } | null }) =>
        shown?.status === String(unknownStatus);
      await context.shows(agent, isShown, `the status ${unknownStatus} is not shown`);
    },
  },
  {
    ...head,
    number: '23.3',
    level: 'MUST',
    section: 'Non-Ignorable Capability Extensions',
    rule: 'reserved bits are sent as 0, a header other than 0 never',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      await agent.heartbeat();
      const definedServerBits = 0x7f;
      for (const { message } of agent.received) {
        const bits = Number(message.capabilities);
        check(bits === (bits & definedServerBits), `capabilities are ${bits.toString(16)}`);
        check(Number(message.flags) <= 3, `flags are ${Number(message.flags).toString(16)}`);
      }
      if ('violations' in agent.link) {
        const [violation] = agent.link.violations as string[];
        check(violation === undefined, `the server sent ${violation}`);
      }
    },
  },
  {
    ...head,
    number: '23.4',
    level: 'SHOULD°',
    section: 'Interoperability of Partial Implementations',
    rule: 'an agent that has nothing optional is served',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent({ capabilities: agentCapability.ReportsStatus });
      for (let beat = 0; beat < 3; beat++) checkNoError(await agent.heartbeat(), 'a heartbeat');
      if (!context.mayHaveOperator) return;
      await context.shows(agent, ({ connected }) => connected, 'not listed');
    },
  },
];

interface ShownParts {
  connected: boolean;
  identifying: Record<string, unknown>;
  effectiveConfig: object | null;
}
