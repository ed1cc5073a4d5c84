import { randomBytes } from 'node:crypto';
import { agentCapability } from '@muster/opamp/capabilities';
import { asksComponents, checkNoError } from '../answers.ts';
import { text, usualCapabilities } from '../messages.ts';
import { check, NotOffered } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';

const head = { over: overBoth, maturity: 'D', section: 'AvailableComponents' } as const;
const capabilities = usualCapabilities | agentCapability.ReportsAvailableComponents;
const list = (hash: Uint8Array, version = '1.0') => ({
  hash,
  components: {
    receivers: {
      subComponentMap: { otlp: { metadata: [text('code.namespace', 'example'), text('version', version)] } },
    },
  },
});

/** Checklist 19: available components. */
export const availableComponentRows: Row[] = [
  {
    ...head,
    number: '19.1',
    level: 'MAY',
    section: 'AvailableComponents: Initial Handshake',
    rule: 'a hash that is new is answered with ReportAvailableComponents, until the list came',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent({ capabilities });
      const hash = randomBytes(16);
      const answer = await agent.exchange({ ...agent.fullState, availableComponents: { hash } });
      if (!asksComponents(answer)) throw new NotOffered('the list is not asked for');
      const after = await agent.exchange({ availableComponents: list(hash) });
      check(!asksComponents(after), 'asked for once more when the list came');
      check(!asksComponents(await agent.heartbeat()), 'asked for once more after the list came');
    },
  },
  {
    ...head,
    number: '19.2',
    level: 'MAY',
    section: 'AvailableComponents: Initial Handshake',
    rule: 'a list may be kept for all agents with its hash: the second is not asked',
    needs: 'wire',
    async run(context) {
      const hash = randomBytes(16);
      const first = await context.agent({ capabilities });
      await first.exchange({ ...first.fullState, availableComponents: list(hash) });
      await first.heartbeat();
      const second = await context.agent({ capabilities });
      const answer = await second.exchange({ ...second.fullState, availableComponents: { hash } });
      if (asksComponents(answer)) throw new NotOffered('the second agent with one hash is asked, too');
      if (!context.mayHaveOperator) return;
      const isShown = ({ components }: { components: { components: object } | null }) =>
        'receivers' in (components?.components ?? {});
      await context.shows(second, isShown, 'the second agent was not asked, yet its list is not shown');
    },
  },
  {
    ...head,
    number: '19.3',
    level: 'MUST°',
    section: 'AvailableComponents.hash',
    rule: 'the hash is any bytes; left out means unchanged, another hash is asked about anew',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent({ capabilities });
      const hashes = [Buffer.from([0]), Buffer.from('ünï'), randomBytes(200)].map((tail) =>
        Buffer.concat([agent.uid, tail]),
      );
      const first = await agent.exchange({ ...agent.fullState, availableComponents: { hash: hashes[0]! } });
      const asks = asksComponents(first);
      for (const hash of hashes) {
        const answer = await agent.exchange({ availableComponents: { hash } });
        checkNoError(answer, 'a report of a hash');
        if (hash !== hashes[0]) check(asksComponents(answer) === asks, 'a new hash is not asked about');
        const after = await agent.exchange({ availableComponents: list(hash) });
        checkNoError(after, 'a report of a list');
        check(!asksComponents(await agent.heartbeat()), 'a heartbeat without the hash is asked for the list');
      }
    },
  },
  {
    ...head,
    number: '19.4',
    level: 'MUST°',
    section: 'ComponentDetails',
    rule: 'components form a tree with metadata, of any depth',
    needs: 'operator',
    async run(context) {
      const agent = await context.agent({ capabilities });
      await agent.exchange({ ...agent.fullState, availableComponents: list(randomBytes(16), '9.9') });
      await context.shows(
        agent,
        ({ components }) => {
          const otlp = components?.components['receivers']?.components['otlp'];
          return otlp?.metadata['code.namespace'] === 'example' && otlp.metadata['version'] === '9.9';
        },
        'the tree with its metadata is not shown',
      );
    },
  },
  {
    ...head,
    number: '19.5',
    level: 'MUST°',
    rule: 'a full list that nobody asked for is taken',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent({ capabilities });
      const hash = randomBytes(16);
      const answer = await agent.exchange({ ...agent.fullState, availableComponents: list(hash) });
      checkNoError(answer, 'a full list');
      check(!asksComponents(answer), 'the list that just came is asked for');
      if (!context.mayHaveOperator) return;
      const isShown = ({ components }: { components: { hash: string } | null }) =>
        components?.hash === hash.toString('hex');
      await context.shows(agent, isShown, 'not shown');
    },
  },
];
