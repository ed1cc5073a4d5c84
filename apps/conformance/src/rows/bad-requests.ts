import { setTimeout as pause } from 'node:timers/promises';
import { serverError } from '@muster/opamp/opamp';
import { checkNoError, checkNoFullState } from '../answers.ts';
import { encode, malformedMessages } from '../messages.ts';
import { check, recommend } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overWebSocket } from '../transport.ts';

const head = { over: overBoth, maturity: 'S', section: 'Bad Request' } as const;
const idleMs = 3_000;
const promptMs = 2_000;

/** Checklist 20: errors and bad requests. */
export const badRequestRows: Row[] = [
  {
    ...head,
    number: '20.1',
    level: 'SHOULD',
    rule: 'a malformed message is answered with error_response',
    needs: 'wire',
    async run(context) {
      for (const [what, bytes] of Object.entries(malformedMessages((await context.agent()).uid))) {
        const agent = await context.agent();
        const { message } = await agent.exchangeMalformed(bytes);
        recommend(message.errorResponse, `${what}: answered without error_response`);
      }
    },
  },
  {
    ...head,
    number: '20.2',
    level: 'MUST',
    rule: 'the type of that error is BAD_REQUEST',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      for (const [what, bytes] of Object.entries(malformedMessages(agent.uid))) {
        const { message } = await agent.exchangeMalformed(bytes);
        const type = message.errorResponse?.type;
        check(type === serverError.badRequest, `${what}: the type of the error is ${type ?? 'unset'}`);
      }
    },
  },
  {
    ...head,
    number: '20.3',
    level: 'SHOULD',
    rule: 'the error says what is wrong, and where',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      const cases = {
        instance_uid: encode({ instanceUid: Buffer.alloc(15, 7), sequenceNum: 1 }),
        health: malformedMessages(agent.uid)['a health report that is garbage']!,
      };
      for (const [field, bytes] of Object.entries(cases)) {
        const { message } = await agent.exchangeMalformed(bytes);
        const said = message.errorResponse?.errorMessage ?? '';
        recommend(/\w+ \w+/.test(said), `the error_message is "${said}"`);
        recommend(said.includes(field), `an error in ${field} is reported as "${said}"`);
      }
    },
  },
  {
    ...head,
    over: overWebSocket,
    number: '20.4',
    level: 'MUST°',
    section: 'ServerErrorResponse.type',
    rule: 'BAD_REQUEST is an answer: an idle agent never gets one',
    needs: 'wire',
    async run(context) {
      const idle = await context.reported();
      const bad = await context.agent();
      for (const bytes of Object.values(malformedMessages(idle.uid))) await bad.link.send(bytes);
      await pause(context.quiet(idleMs));
      check(idle.link.received.length === 1, 'an idle agent got a message');
    },
  },
  {
    ...head,
    number: '20.5',
    level: 'MUST°',
    section: 'ServerErrorResponse.type',
    rule: 'a failure inside the server is UNKNOWN or UNAVAILABLE, never BAD_REQUEST, never silence',
    needs: 'elsewhere',
    why: 'something inside the server would have to fail',
  },
  {
    ...head,
    number: '20.6',
    level: 'MUST°',
    rule: 'a bad message changes nothing and hurts nobody',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      const neighbour = await context.reported();
      for (const [what, bytes] of Object.entries(malformedMessages(agent.uid))) {
        await agent.exchangeMalformed(bytes);
        const started = performance.now();
        checkNoError(await neighbour.heartbeat(), `a neighbour's heartbeat after ${what}`);
        const tookMs = Math.round(performance.now() - started);
        check(tookMs < promptMs, `a neighbour waited ${tookMs} ms after ${what}`);
      }
      checkNoFullState(await agent.heartbeat(), 'the next good message');
      if (!context.mayHaveOperator) return;
      const isKept = ({
        health,
        effectiveConfig,
      }: {
        health: { healthy: boolean } | null;
        effectiveConfig: object | null;
      }) => health?.healthy === true && effectiveConfig !== null;
      await context.shows(agent, isKept, 'what was reported before is gone');
    },
  },
];
