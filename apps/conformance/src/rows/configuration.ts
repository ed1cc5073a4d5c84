import { serverCapability } from '@muster/opamp/capabilities';
import { agentCapability } from '@muster/opamp/capabilities';
import type { ServerToAgentMessage } from '@muster/opamp/opamp';
import { checkNoError } from '../answers.ts';
import { encode, statusOf, usualCapabilities } from '../messages.ts';
import { check, NotOffered } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overWebSocket } from '../transport.ts';
import type { RowContext } from '../row-context.ts';
import { sameBytes, type ScriptedAgent } from '../scripted-agent.ts';
import { bodiesOf } from './description-and-health.ts';

const effective = {
  over: overBoth,
  maturity: 'S',
  needs: 'operator',
  section: 'Configuration Files',
} as const;
const remote = {
  over: overBoth,
  maturity: 'S',
  needs: 'operator',
  offers: serverCapability.OffersRemoteConfig,
  section: 'AgentRemoteConfig',
} as const;
const quietMs = 2_000;
const pushWithinMs = 1_000;

const isOffer = ({ remoteConfig }: ServerToAgentMessage) => remoteConfig != null;

/** Assigns a configuration and answers its hash, as offered to the agent. */
async function offered(context: RowContext, agent: ScriptedAgent, body: string): Promise<Uint8Array> {
  const hasBody = (message: ServerToAgentMessage) => Object.values(bodiesOf(message)).includes(body);
  await context.operator.assignConfig(agent.key, body);
  const { message } = await agent.hear(hasBody, 'the configuration was not offered');
  return message.remoteConfig?.configHash ?? new Uint8Array();
}

/** Like `offered`, and the agent says that it applied it. */
async function applied(context: RowContext, agent: ScriptedAgent, body: string): Promise<Uint8Array> {
  const hash = await offered(context, agent, body);
  await agent.exchange(statusOf(hash, 'applied'));
  return hash;
}

/** Checklist 12 and 13: effective and remote configuration. */
export const configurationRows: Row[] = [
  {
    ...effective,
    number: '12.1',
    level: 'MUST°',
    section: 'EffectiveConfig',
    rule: 'files are any bytes under any name, the empty one too',
    async run(context) {
      const agent = await context.agent();
      const body = Buffer.alloc(200_000, Buffer.from([0xff, 0x00, 0x41, 0x80]));
      const configMap = { '': { body }, 'b.yaml': { body: Buffer.from('b: 1\n') } };
      await agent.exchange({ ...agent.fullState, effectiveConfig: { configMap: { configMap } } });
      const { effectiveConfig } = await context.shows(
        agent,
        (shown) => shown.effectiveConfig !== null,
        'the effective configuration is not shown',
      );
      check(effectiveConfig!['b.yaml'] === 'b: 1\n', 'the second file is not shown');
      const base64 = (effectiveConfig![''] ?? '').split('base64,')[1] ?? '';
      check(
        sameBytes(Buffer.from(base64, 'base64'), body),
        'bytes that are no text do not come back as they were',
      );
    },
  },
  {
    ...effective,
    number: '12.2',
    level: 'MUST°',
    rule: 'the content type may be missing',
    async run(context) {
      const agent = await context.reported();
      const isShown = ({ effectiveConfig }: { effectiveConfig: Record<string, string> | null }) =>
        effectiveConfig?.[''] === 'receivers: {}\n';
      await context.shows(agent, isShown, 'a file without content type is not shown as text');
    },
  },
  {
    ...effective,
    number: '12.3',
    level: 'MAY',
    section: 'Configuration',
    rule: 'the effective configuration is shown to people',
    async run(context) {
      const agent = await context.reported();
      await context.shows(agent, ({ effectiveConfig }) => effectiveConfig !== null, 'it is not shown');
    },
  },
  {
    ...remote,
    number: '13.1',
    level: 'MUST',
    section: 'Configuration',
    rule: 'no configuration for an agent that does not accept one, not on a reconnect either',
    async run(context) {
      const agent = await context.listed({
        capabilities: usualCapabilities & ~agentCapability.AcceptsRemoteConfig,
      });
      await context.operator.assignConfig(agent.key, 'receivers: {} # never\n');
      await context.reconnect(agent);
      await agent.report();
      await agent.listen(context.quiet(quietMs));
      check(!agent.received.some(({ message }) => isOffer(message)), 'it was offered');
    },
  },
  {
    ...remote,
    number: '13.2',
    level: 'MUST',
    rule: 'config_hash is always set: another for other bytes, the same for the same',
    async run(context) {
      const agent = await context.listed();
      const first = await applied(context, agent, 'receivers: {} # hash 1\n');
      const second = await applied(context, agent, 'receivers: {} # hash 2\n');
      const again = await offered(context, await context.listed(), 'receivers: {} # hash 1\n');
      check(first.length > 0 && second.length > 0, 'an offer has no config_hash');
      check(!sameBytes(first, second), 'one byte changed, the hash did not');
      check(sameBytes(first, again), 'the same content has another hash');
    },
  },
  {
    ...remote,
    number: '13.3',
    level: 'MUST',
    section: 'RemoteConfigStatus.last_remote_config_hash',
    rule: 'a report of another hash than the desired one is answered with the configuration',
    async run(context) {
      const agent = await context.listed();
      const hash = await applied(context, agent, 'receivers: {} # desired\n');
      const another = statusOf(Buffer.from('another'), 'applied');
      const answer = await agent.exchange(another);
      check(answer.remoteConfig, 'the answer to a report of another hash has no configuration');
      check(sameBytes(answer.remoteConfig.configHash, hash), 'the answer has another configuration');
      await context.reconnect(agent);
      const back = await agent.exchange(another);
      check(back.remoteConfig, 'the same report on a new connection is answered without the configuration');
    },
  },
  {
    ...remote,
    number: '13.4',
    level: 'SHOULD',
    rule: 'a report of the desired hash is answered without a configuration',
    async run(context) {
      const agent = await context.listed();
      const hash = await applied(context, agent, 'receivers: {} # equal\n');
      check(
        !(await agent.exchange(statusOf(hash, 'applied'))).remoteConfig,
        'offered again to an agent that has it',
      );
      await context.reconnect(agent);
      const answer = await agent.exchange({ ...agent.fullState, ...statusOf(hash, 'applied') });
      check(!answer.remoteConfig, 'offered again on a reconnect to an agent that has it');
    },
  },
  {
    ...remote,
    over: overWebSocket,
    number: '13.5',
    level: 'MAY',
    section: 'Configuration',
    rule: 'a configuration may be pushed without being asked for',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # pushed\n');
      const started = Date.now();
      const { at } = await agent.hear(isOffer, 'nothing was pushed');
      if (at - started > pushWithinMs * 5) throw new NotOffered(`the push took ${at - started} ms`);
    },
  },
  {
    ...remote,
    number: '13.6',
    level: 'MUST',
    section: 'Configuration Files',
    rule: 'file names are unique; a single file is one entry',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # single\n');
      const { message } = await agent.hear(isOffer, 'nothing was offered');
      const names = Object.keys(bodiesOf(message));
      check(names.length === 1, `a configuration of one file was offered as ${names.length}`);
    },
  },
  {
    ...remote,
    number: '13.7',
    level: 'MAY',
    section: 'Configuration Files',
    rule: 'files may have a MIME type',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # typed\n');
      const { message } = await agent.hear(isOffer, 'nothing was offered');
      const [file] = Object.values(message.remoteConfig?.config?.configMap ?? {});
      if (!file?.contentType) throw new NotOffered('files have no content type');
      check(/^\w+\/[\w.+-]+/.test(file.contentType), `the content type is "${file.contentType}"`);
    },
  },
  {
    ...remote,
    number: '13.8',
    level: 'MUST°',
    section: 'RemoteConfigStatus',
    rule: 'status, hash and error are kept; a status of another hash says nothing of the offer',
    async run(context) {
      const agent = await context.listed();
      const old = await applied(context, agent, 'receivers: {} # old\n');
      const current = await offered(context, agent, 'receivers: {} # current\n');
      await agent.exchange(statusOf(old, 'applied'));
      await context.shows(
        agent,
        ({ configStatus }) => configStatus !== 'applied',
        'a late status of the old one counts',
      );
      await agent.exchange(statusOf(current, 'applying'));
      await context.shows(agent, ({ configStatus }) => configStatus === 'applying', 'APPLYING is not shown');
      await agent.exchange(statusOf(current, 'failed', 'boom'));
      await context.shows(
        agent,
        ({ remoteConfigStatus: status }) =>
          status?.error === 'boom' &&
          status.hash === Buffer.from(current).toString('hex') &&
          /fail/i.test(status.status),
        'FAILED with its message and hash is not shown',
      );
    },
  },
  {
    ...remote,
    number: '13.9',
    level: 'MUST°',
    section: 'Configuration',
    rule: 'an agent that ignores an offer is not flooded with it',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # ignored\n');
      await agent.hear(isOffer, 'nothing was offered');
      for (let beat = 0; beat < 30; beat++)
        await agent.exchange({ health: { healthy: true, startTimeUnixNano: beat + 1 } });
      await agent.listen(context.quiet(quietMs));
      const offers = agent.received.filter(({ message }) => isOffer(message)).length;
      check(offers <= 2, `${offers} offers to an agent that ignores them`);
    },
  },
  {
    ...remote,
    number: '13.10',
    level: 'MUST°',
    section: 'Retrying Messages',
    rule: 'an offer on a connection that broke is made again',
    async run(context) {
      const agent = await context.listed();
      const hash = await offered(context, agent, 'receivers: {} # lost\n');
      await context.reconnect(agent);
      const answer =
        context.transport === 'http'
          ? // The answer that held the offer was lost: the client posts the same again.
            await agent.exchangeRaw(
              encode({
                instanceUid: agent.uid,
                sequenceNum: agent.sequenceNum,
                capabilities: agent.capabilities,
              }),
            )
          : await agent.exchangeRaw(agent.next());
      checkNoError(answer.message, 'the first message after it');
      const { message } = await agent.hear(isOffer, 'the offer was not made again');
      check(sameBytes(message.remoteConfig?.configHash, hash), 'another configuration was offered');
    },
  },
];
