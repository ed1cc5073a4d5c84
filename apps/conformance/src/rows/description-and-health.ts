import type { AgentToServerFields, ComponentHealthFields, KeyValueFields } from '@muster/opamp/opamp';
import { checkNoError } from '../answers.ts';
import { encode, field, keyAttribute, nested, text } from '../messages.ts';
import { check } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';

const head = { over: overBoth, needs: 'operator' } as const;
const description = { section: 'AgentDescription', maturity: 'S' } as const;
const health = { section: 'ComponentHealth', maturity: 'B' } as const;
const componentHealthMap = 8;
const deepLevels = 10_000;

/** 2^53 + 1, which a double cannot hold. */
const beyondDoubles = { low: 1, high: 0x20_0000, unsigned: false };
const beyondDoublesText = '9007199254740993';

/** 1790000000123456789 nanoseconds. */
const exactTime = 1_790_000_000_123_456_789n;
const fixed64 = {
  low: Number(BigInt.asIntN(32, exactTime)),
  high: Number(exactTime >> 32n),
  unsigned: true,
} as unknown as number;

/** One attribute of each kind of AnyValue, and how it looks as JSON. */
const kinds: Record<string, [NonNullable<KeyValueFields['value']>, unknown[]]> = {
  string: [{ stringValue: 'völlig ok' }, ['völlig ok']],
  bool: [{ boolValue: true }, [true]],
  int: [{ intValue: 42 }, [42, '42']],
  long: [{ intValue: beyondDoubles as unknown as number }, [beyondDoublesText]],
  double: [{ doubleValue: 0.5 }, [0.5]],
  bytes: [{ bytesValue: Buffer.from([1, 2, 255]) }, ['AQL/']],
  array: [{ arrayValue: { values: [{ stringValue: 'a' }, { intValue: 1 }] } }, [['a', 1]]],
  map: [{ kvlistValue: { values: [text('inner', 'x')] } }, [{ inner: 'x' }]],
  unset: [{}, [null]],
};

/** A health report with the members that a row is not about. */
const report = (fields: ComponentHealthFields): AgentToServerFields => ({
  health: { healthy: true, startTimeUnixNano: 1, ...fields },
});

/** Checklist 10 and 11: AgentDescription and health. */
export const descriptionAndHealthRows: Row[] = [
  {
    ...head,
    ...description,
    number: '10.1',
    level: 'MUST°',
    rule: 'identifying and other attributes are kept apart',
    async run(context) {
      const agent = await context.reported();
      const isApart = (own: Record<string, unknown>, other: Record<string, unknown>) =>
        own['service.name'] === 'conformance' && !('os.type' in own) && other['os.type'] === 'linux';
      await context.shows(
        agent,
        ({ identifying, nonIdentifying }) => isApart(identifying, nonIdentifying),
        'the two kinds are not shown apart',
      );
    },
  },
  {
    ...head,
    ...description,
    number: '10.2',
    level: 'MUST°',
    rule: 'values of every kind are kept, whole numbers beyond 2^53 exactly',
    async run(context) {
      const agent = await context.agent();
      const attributes = Object.entries(kinds).map(([key, [value]]) => ({ key, value }));
      const agentDescription = { nonIdentifyingAttributes: [...attributes, text(keyAttribute, agent.key)] };
      checkNoError(await agent.exchange({ ...agent.fullState, agentDescription }), 'the report');
      const shown = await context.shows(agent, ({ connected }) => connected, 'not shown');
      for (const [key, [, wanted]] of Object.entries(kinds)) {
        const seen = JSON.stringify(shown.nonIdentifying[key]);
        const isRight = wanted.some((value) => JSON.stringify(value) === seen);
        check(isRight, `a value of kind ${key} is shown as ${seen}`);
      }
    },
  },
  {
    ...head,
    ...description,
    number: '10.3',
    level: 'MUST°',
    rule: 'no attribute is required, none is forbidden; service.instance.id need not be the uid',
    async run(context) {
      const empty = await context.agent();
      checkNoError(
        await empty.exchange({ ...empty.fullState, agentDescription: {} }),
        'an empty description',
      );
      await context.shows(
        empty,
        ({ connected }) => connected,
        'an agent with an empty description is not shown',
      );
      const strange = await context.agent();
      const identifyingAttributes = [text('service.instance.id', 'mine'), text('foo.bar', 'x')];
      await strange.exchange({ ...strange.fullState, agentDescription: { identifyingAttributes } });
      const isKept = ({ identifying }: { identifying: Record<string, unknown> }) =>
        identifying['foo.bar'] === 'x' && identifying['service.instance.id'] === 'mine';
      await context.shows(strange, isKept, 'attributes that are not standard are not shown');
    },
  },
  {
    ...head,
    ...description,
    section: 'Configuration',
    number: '10.4',
    level: 'MAY',
    rule: 'what an agent says of itself may decide what it is offered',
    async run(context) {
      const agent = await context.listed();
      const other = `${agent.key}-moved`;
      await context.operator.assignConfig(agent.key, 'receivers: {} # first\n');
      await context.operator.assignConfig(other, 'receivers: {} # moved\n');
      const offered = (note: string) => (message: { remoteConfig?: unknown }) =>
        JSON.stringify(bodiesOf(message)).includes(note);
      await agent.hear(offered('# first'), 'the first configuration was not offered');
      const agentDescription = { nonIdentifyingAttributes: [text(keyAttribute, other)] };
      await agent.exchange({ agentDescription });
      await agent.hear(offered('# moved'), 'a new attribute did not bring the other configuration', {
        withinMs: 15_000,
      });
    },
  },
  {
    ...head,
    ...health,
    number: '11.1',
    level: 'MUST°',
    rule: 'components nest to any depth; what is absurdly deep harms nothing',
    async run(context) {
      const agent = await context.listed();
      const map = (name: string, inner: ComponentHealthFields) => ({
        healthy: true,
        componentHealthMap: { [name]: inner },
      });
      const levels = map('1', map('2', map('3', map('4', { healthy: false, lastError: 'deep' }))));
      checkNoError(await agent.exchange(report(levels)), 'health of five levels');
      const isDeep = ({ health: top }: { health: { components: Record<string, unknown> } | null }) =>
        JSON.stringify(top?.components ?? {}).includes('"deep"');
      await context.shows(agent, isDeep, 'five levels are not shown');
      const message = Buffer.concat([
        encode({
          instanceUid: agent.uid,
          sequenceNum: agent.sequenceNum + 1,
          capabilities: agent.capabilities,
        }),
        field(5, nested(deepLevels, componentHealthMap)),
      ]);
      const { message: answer } = await agent.exchangeRaw(message);
      if (!answer.errorResponse) agent.sequenceNum++;
      checkNoError(await agent.heartbeat(), `a heartbeat after health of ${deepLevels} levels`);
    },
  },
  {
    ...head,
    ...health,
    number: '11.2',
    level: 'MUST°',
    section: 'ComponentHealth.status',
    rule: 'the status is free text of the agent',
    async run(context) {
      const agent = await context.reported();
      for (const status of ['StatusRecoverableError', 'völlig ok']) {
        await agent.exchange(report({ status }));
        await context.shows(
          agent,
          (shown) => shown.health?.status === status,
          `the status "${status}" is not shown`,
        );
      }
    },
  },
  {
    ...head,
    ...health,
    number: '11.3',
    level: 'MUST°',
    section: 'ComponentHealth.start_time_unix_nano',
    rule: 'times are nanoseconds, kept to the digit',
    async run(context) {
      const agent = await context.reported();
      await agent.exchange(report({ startTimeUnixNano: fixed64 }));
      const isExact = ({ health: shown }: { health: { startTimeUnixNano: string } | null }) =>
        shown?.startTimeUnixNano === String(exactTime);
      await context.shows(agent, isExact, `the start time ${exactTime} is not shown`);
    },
  },
  {
    ...head,
    ...health,
    number: '11.4',
    level: 'MUST°',
    section: 'ComponentHealth.last_error',
    rule: 'an agent may be unhealthy without an error',
    async run(context) {
      const agent = await context.reported();
      checkNoError(await agent.exchange(report({ healthy: false })), 'the report');
      await context.shows(agent, (shown) => shown.healthy === false, 'not shown as unhealthy');
    },
  },
  {
    ...head,
    ...health,
    maturity: 'D',
    number: '11.5',
    level: 'MUST°',
    section: 'ComponentHealth.attributes',
    rule: 'attributes of components are kept',
    async run(context) {
      const agent = await context.reported();
      const part = { healthy: true, attributes: [text('zone', 'b')] };
      await agent.exchange(report({ attributes: [text('zone', 'a')], componentHealthMap: { part } }));
      await context.shows(
        agent,
        (shown) =>
          shown.health?.attributes['zone'] === 'a' &&
          shown.health.components['part']?.attributes['zone'] === 'b',
        'the attributes are not shown',
      );
    },
  },
];

/** Bodies of the offered files as text, by name. */
export function bodiesOf(message: { remoteConfig?: unknown }): Record<string, string> {
  const offer = message.remoteConfig as
    | { config?: { configMap?: Record<string, { body?: Uint8Array | null }> | null } | null }
    | null
    | undefined;
  const files = Object.entries(offer?.config?.configMap ?? {});
  return Object.fromEntries(files.map(([name, file]) => [name, Buffer.from(file.body ?? []).toString()]));
}
