import { extrasOf } from '../answers.ts';
import { agentCapability } from '@muster/opamp/capabilities';
import { checkNoError } from '../answers.ts';
import { allCapabilities, usualCapabilities } from '../messages.ts';
import { check, NotOffered, NotTestable } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';
import type { RowContext } from '../row-context.ts';

const command = {
  over: overBoth,
  maturity: 'B',
  section: 'ServerToAgent.command',
  needs: 'operator',
} as const;
const custom = { over: overBoth, maturity: 'D', section: 'CustomCapabilities' } as const;
const quietMs = 1_500;
/** Field 9, length 0: a command of type Restart, which is 0. */
const restartBytes = Buffer.from('4a00', 'hex');

/** What the server announces of its own; throws when it is nothing, so that the row does not bind it. */
async function announced(context: RowContext): Promise<string[]> {
  const agent = await context.reported({ capabilities: allCapabilities });
  const lists = agent.received.map(({ message }) => message.customCapabilities?.capabilities ?? []);
  const all = lists.flat();
  if (all.length === 0) throw new NotOffered('the server announces no custom capabilities');
  return all;
}

/** Checklist 17 and 18: commands and custom messages. */
export const commandAndCustomMessageRows: Row[] = [
  {
    ...command,
    number: '17.1',
    level: 'MUST',
    section: 'ServerToAgentCommand',
    rule: 'a restart goes only to agents that accept it, once',
    async run(context) {
      const accepting = await context.listed();
      const capabilities = usualCapabilities & ~agentCapability.AcceptsRestartCommand;
      const refusing = await context.listed({ capabilities });
      await context.operator.restartAgent(refusing.uuid);
      check((await context.operator.restartAgent(accepting.uuid)) === null, 'the order was refused');
      await accepting.hear((message) => message.command != null, 'no command came');
      await accepting.listen(context.quiet(quietMs));
      await refusing.heartbeat();
      const commands = accepting.received.filter(({ message }) => message.command).length;
      check(commands === 1, `one order made ${commands} commands`);
      check(
        !refusing.received.some(({ message }) => message.command),
        'an agent that does not accept it got one',
      );
    },
  },
  {
    ...command,
    number: '17.2',
    level: 'MUST°',
    rule: 'nothing goes beside a command, since agents would drop it',
    async run(context) {
      const agent = await context.listed();
      await Promise.all([
        context.operator.assignConfig(agent.key, 'receivers: {} # beside a restart\n'),
        context.operator.restartAgent(agent.uuid),
      ]);
      const { message } = await agent.hear((heard) => heard.command != null, 'no command came');
      const others = extrasOf(message).filter((part) => part !== 'command');
      check(others.length === 0, `the command came together with ${others.join(' and ')}`);
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'the configuration did not come');
    },
  },
  {
    ...command,
    number: '17.3',
    level: 'MUST°',
    section: 'ServerToAgentCommand',
    rule: 'Restart is 0, yet the command is on the wire',
    async run(context) {
      const agent = await context.listed();
      check((await context.operator.restartAgent(agent.uuid)) === null, 'the order was refused');
      const { bytes } = await agent.hear((heard) => heard.command != null, 'no command came');
      check(bytes.includes(restartBytes), `the command is not 4a 00: ${bytes.toString('hex')}`);
    },
  },
  {
    ...custom,
    number: '18.1',
    level: 'MUST°',
    rule: "the server's custom capabilities are announced once and on change, not in every message",
    needs: 'wire',
    async run(context) {
      const agent = await context.reported({ capabilities: allCapabilities });
      for (let beat = 0; beat < 5; beat++) await agent.heartbeat();
      const times = agent.received.filter(({ message }) => message.customCapabilities).length;
      check(times <= 1, `announced in ${times} of 6 answers`);
    },
  },
  {
    ...custom,
    number: '18.2',
    level: 'MUST°',
    rule: "an agent's list replaces the one before; none means none",
    needs: 'wire',
    async run(context) {
      await announced(context);
      throw new NotTestable('someone would have to send a custom message');
    },
  },
  {
    ...custom,
    number: '18.3',
    level: 'MUST°',
    rule: 'a custom message is sent only for a capability that the agent listed',
    needs: 'wire',
    async run(context) {
      await announced(context);
      const agent = await context.reported({ capabilities: allCapabilities });
      const heard = [...agent.received, ...(await agent.listen(context.quiet(quietMs)))];
      check(!heard.some(({ message }) => message.customMessage), 'sent to an agent that listed none');
    },
  },
  {
    ...custom,
    number: '18.4',
    level: 'MAY',
    section: 'CustomMessage',
    rule: 'custom messages of unknown capability may be ignored; they are answered all the same',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      const customMessage = { capability: 'org.example.unknown/v1', type: 'hello', data: Buffer.from('x') };
      const customCapabilities = { capabilities: ['org.example.unknown/v1'] };
      const answer = await agent.exchange({ customCapabilities, customMessage });
      checkNoError(answer, 'a custom message of an unknown capability');
    },
  },
  {
    ...custom,
    number: '18.5',
    level: 'MUST°',
    rule: 'names are reverse domain names, with a version perhaps; data is any bytes',
    needs: 'wire',
    async run(context) {
      for (const name of await announced(context)) {
        check(/^[a-z0-9-]+(\.[\w-]+)+(\/.+)?$/i.test(name), `the server announces "${name}"`);
      }
    },
  },
];
