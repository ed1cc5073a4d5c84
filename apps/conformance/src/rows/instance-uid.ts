import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { checkBadRequest, checkNoError } from '../answers.ts';
import { encode } from '../messages.ts';
import { check, NotMet, NotOffered, recommend } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overWebSocket } from '../transport.ts';
import type { RowContext } from '../row-context.ts';
import { sameBytes, ScriptedAgent, uuidOf } from '../scripted-agent.ts';
import { closedWithoutFrame } from '../raw-websocket.ts';

const head = { maturity: 'S', over: overBoth } as const;
const requestInstanceUid = 1;
const duplicates = 'Duplicate instance_uid Detection';
const toldWithinMs = 6_000;
const beatEveryMs = 150;
const manyUids = 100;

/** Asks for a uid; answers the 16 bytes. */
async function askForUid(agent: ScriptedAgent, who: string): Promise<Uint8Array> {
  const { message } = await agent.exchangeMalformed(
    agent.next({ ...agent.fullState, flags: requestInstanceUid }),
  );
  const { agentIdentification } = message;
  check(agentIdentification, `${who} asked for a uid and got none`);
  return agentIdentification.newInstanceUid ?? new Uint8Array();
}

/** Two agents of one uid, both alive; over HTTP each counts its own messages. */
async function twins(context: RowContext): Promise<[ScriptedAgent, ScriptedAgent]> {
  const first = await context.reported();
  for (let beat = 0; beat < 3; beat++) await first.heartbeat();
  const second = await context.agent({ uid: first.uid, key: first.key });
  second.skip(100);
  return [first, second];
}

interface Told {
  /** Which of the twins was given a new uid or had its connection closed. */
  first: boolean;
  second: boolean;
  newUid: Uint8Array | null;
}

/** Lets both beat until one of them is told, or the time is over. */
async function beatUntilTold(first: ScriptedAgent, second: ScriptedAgent): Promise<Told> {
  const newUidOf = (agent: ScriptedAgent) =>
    agent.received.find(({ message }) => message.agentIdentification)?.message.agentIdentification
      ?.newInstanceUid ?? null;
  const told = (agent: ScriptedAgent) => newUidOf(agent) !== null || agent.link.ended() !== null;
  const beat = async (agent: ScriptedAgent, fields = {}) => agent.link.send(agent.next(fields));
  await beat(second, second.fullState);
  for (const deadline = Date.now() + toldWithinMs; Date.now() < deadline; await pause(beatEveryMs)) {
    if (told(first) || told(second)) break;
    await beat(first);
    await beat(second);
  }
  return { first: told(first), second: told(second), newUid: newUidOf(second) ?? newUidOf(first) };
}

/** Checklist 8: instance_uid. */
export const instanceUidRows: Row[] = [
  {
    ...head,
    number: '8.1',
    level: 'MUST°',
    section: 'AgentToServer.instance_uid',
    rule: 'a uid has 16 bytes; a message with any other is malformed',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      for (const length of [0, 15, 26]) {
        const message = encode({ instanceUid: randomBytes(length), sequenceNum: 1, capabilities: 1 });
        const answer = await agent.exchangeMalformed(message);
        checkBadRequest(answer.message, `a uid of ${length} bytes`);
      }
    },
  },
  {
    ...head,
    number: '8.2',
    level: 'MUST°',
    section: 'AgentToServer.flags',
    rule: 'RequestInstanceUid is answered with a new uid, for strangers and known agents',
    needs: 'wire',
    async run(context) {
      const stranger = await context.agent();
      const known = await context.reported();
      for (const [who, agent] of Object.entries({ 'a stranger': stranger, 'a known agent': known })) {
        const uid = await askForUid(agent, who);
        check(!sameBytes(uid, agent.uid), `${who} got the uid that it has`);
        agent.uid = uid;
        checkNoError(await agent.report(), `a report of ${who} under its new uid`);
      }
    },
  },
  {
    ...head,
    number: '8.3',
    level: 'MUST',
    section: 'ServerToAgent.agent_identification',
    rule: 'a uid that is given has 16 bytes and is unique; it should be a UUIDv7',
    needs: 'wire',
    async run(context) {
      const link = await context.link();
      const given = new Set<string>();
      let isVersion7 = true;
      for (let n = 0; n < manyUids; n++) {
        const uid = await askForUid(new ScriptedAgent(link), 'a stranger');
        check(uid.length === 16, `a uid of ${uid.length} bytes was given`);
        isVersion7 &&= uid[6]! >> 4 === 7 && uid[8]! >> 6 === 2;
        given.add(uuidOf(uid));
      }
      check(given.size === manyUids, `${manyUids} strangers got ${given.size} uids`);
      recommend(isVersion7, 'the uid given is no UUIDv7');
    },
  },
  {
    ...head,
    number: '8.4',
    level: 'SHOULD',
    section: duplicates,
    rule: 'two live agents with one uid are found, and one of them is told',
    needs: 'wire',
    async run(context) {
      const [first, second] = await twins(context);
      const told = await beatUntilTold(first, second);
      recommend(told.first || told.second, `nobody was told within ${toldWithinMs / 1_000} s`);
      recommend(told.first !== told.second, 'both were told');
    },
  },
  {
    ...head,
    number: '8.5',
    level: 'SHOULD',
    section: duplicates,
    rule: 'the newcomer of two is given a new uid, the other keeps its own',
    needs: 'wire',
    async run(context) {
      const [first, second] = await twins(context);
      const { newUid, ...told } = await beatUntilTold(first, second);
      recommend(newUid !== null, 'nobody was given a new uid');
      recommend(told.second && !told.first, 'not the newcomer was told');
      second.uid = newUid;
      checkNoError(await second.report(), 'a report under the new uid');
      checkNoError(await first.heartbeat(), 'a heartbeat of the agent that keeps its uid');
    },
  },
  {
    ...head,
    over: overWebSocket,
    number: '8.6',
    level: 'MAY',
    section: duplicates,
    rule: 'a duplicate may be sent away, by a Close frame or an error, never by silence',
    needs: 'wire',
    async run(context) {
      const first = await context.webSocket();
      const second = await context.webSocket();
      const uid = randomBytes(16);
      const links = [first, second].map((link) => ({ link, agent: new ScriptedAgent(link, { uid }) }));
      let sent = 0;
      for (let round = 0; round < 10; round++, await pause(beatEveryMs)) {
        sent++;
        for (const { agent, link } of links) await link.send(agent.next(round === 0 ? agent.fullState : {}));
      }
      await pause(1_500);
      for (const { link } of links) {
        if (link.socket.isClosed) {
          check(
            (await link.socket.closed) !== closedWithoutFrame,
            'a duplicate was cut without a Close frame',
          );
        } else
          check(
            link.received.length >= sent,
            `${sent} messages of a duplicate brought ${link.received.length} answers`,
          );
      }
    },
  },
  {
    ...head,
    number: '8.7',
    level: 'MUST°',
    section: 'ServerToAgent.agent_identification',
    rule: 'a known agent with a new uid is the same agent; late messages under the old one make no ghost',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      const old = agent.uid;
      const uid = await askForUid(agent, 'a known agent');
      agent.uid = uid;
      checkNoError(await agent.report(), 'a report under the new uid');
      await context.shows(agent, ({ connected }) => connected, 'not shown under its new uid');
      agent.uid = old;
      checkNoError(await agent.heartbeat(), 'a late heartbeat under the old uid');
      agent.uid = uid;
      await agent.heartbeat();
      const deadline = Date.now() + 8_000;
      for (let listed = await context.operator.agentsWithKey(agent.key); ; await pause(200)) {
        if (listed.length === 1 && listed[0] === agent.uuid) return;
        if (Date.now() > deadline)
          throw new NotMet(`${listed.length} agents are shown of one: ${listed.join(', ')}`);
        listed = await context.operator.agentsWithKey(agent.key);
      }
    },
  },
  {
    ...head,
    number: '8.8',
    level: 'MAY',
    section: 'ServerToAgent.agent_identification',
    rule: 'the server may give a new uid at any time',
    needs: 'operator',
    run: () => Promise.reject(new NotOffered('operators have no such order')),
  },
];
