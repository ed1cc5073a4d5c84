// k6: agents over WebSocket, in binary protobuf. Each connects, reports in full, sends heartbeats and checks
// that every message is answered to its own uid:
//   MUSTER_OPAMP=ws://127.0.0.1:4320/v1/opamp MUSTER_TOKEN=<enrollment token> k6 run loadtest/opamp.js
import { check } from 'k6';
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';

const url = __ENV.MUSTER_OPAMP || 'ws://127.0.0.1:4320/v1/opamp';
const agents = Number(__ENV.AGENTS || 200);
const seconds = Number(__ENV.SECONDS || 20);
const heartbeatMs = 1000;
const rampSeconds = 5;
/** How long the last heartbeat may take. */
const lastAnswerSeconds = 5;
const p99 = Number(__ENV.P99_MS || 250);

const answerTime = new Trend('opamp_answer', true);
const unanswered = new Counter('opamp_unanswered');
const broken = new Counter('opamp_broken');

export const options = {
  scenarios: {
    agents: {
      executor: 'per-vu-iterations',
      vus: agents,
      iterations: 1,
      maxDuration: `${seconds + rampSeconds + lastAnswerSeconds + 20}s`,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    opamp_answer: [`p(99)<${p99}`],
    opamp_unanswered: ['count==0'],
    opamp_broken: ['count==0'],
  },
};

// ---- protobuf, as much of it as an agent needs: fields are arrays of bytes that are joined ----

function varint(value) {
  const bytes = [];
  while (value > 127) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return bytes;
}

const number = (field, value) => [...varint(field * 8), ...varint(value)];
const bytes = (field, value) => [...varint(field * 8 + 2), ...varint(value.length), ...value];
const text = (field, value) =>
  bytes(
    field,
    Array.from(value, (letter) => letter.charCodeAt(0)),
  );
const message = (field, ...fields) => bytes(field, fields.flat());
const attribute = (field, key, value) => message(field, text(1, key), message(2, text(1, value)));

/** ReportsStatus, ReportsEffectiveConfig, ReportsHealth, ReportsHeartbeat. */
const capabilities = 0x1 | 0x4 | 0x800 | 0x2000;

/** An AgentToServer after the header byte 0. */
function agentToServer(uid, sequence, ...fields) {
  const body = [bytes(1, uid), number(2, sequence), number(4, capabilities), ...fields].flat();
  return new Uint8Array([0, ...body]).buffer;
}

function fullState(uid, name) {
  const config = '# k6\n'.repeat(400);
  return agentToServer(
    uid,
    0,
    message(
      3,
      attribute(1, 'service.name', 'k6-agent'),
      attribute(1, 'service.version', '1.0.0'),
      attribute(2, 'host.name', name),
    ),
    message(5, number(1, 1), text(4, 'StatusOK')),
    message(6, message(1, message(1, message(2, text(1, config), text(2, 'text/yaml'))))),
  );
}

/** A ServerToAgent to this uid that is no error (field 2)? The uid comes first, with the header 19 bytes. */
function isAnswer(data, uid) {
  const got = new Uint8Array(data);
  const isMine =
    got[0] === 0 && got[1] === 0x0a && got[2] === 16 && uid.every((byte, i) => got[3 + i] === byte);
  return isMine && got[19] !== 0x12;
}

function newUid() {
  const uid = Array.from({ length: 16 }, () => Math.floor(Math.random() * 256));
  uid[6] = 0x70 | (uid[6] & 0x0f);
  uid[8] = 0x80 | (uid[8] & 0x3f);
  return uid;
}

export default function agent() {
  const uid = newUid();
  const number = exec.vu.idInTest;
  // not all at once: that is the storm tests' business
  setTimeout(() => connect(uid, `k6-${number}`), (number / agents) * rampSeconds * 1000);
}

function connect(uid, name) {
  const socket = new WebSocket(url, null, { headers: { Authorization: `Bearer ${__ENV.MUSTER_TOKEN}` } });
  socket.binaryType = 'arraybuffer';
  let sequence = 0;
  let ending = false;
  let timer;
  /** When the messages were sent that have no answer yet; answers come in order. */
  const waiting = [];

  const send = (data) => {
    waiting.push(Date.now());
    socket.send(data);
  };
  const end = () => {
    unanswered.add(waiting.length);
    ending = true;
    socket.send(agentToServer(uid, ++sequence, message(9)));
    socket.close();
  };
  socket.addEventListener('open', () => {
    send(fullState(uid, name));
    timer = setInterval(() => send(agentToServer(uid, ++sequence)), heartbeatMs);
    setTimeout(() => clearInterval(timer), seconds * 1000);
    setTimeout(end, (seconds + lastAnswerSeconds) * 1000);
  });
  socket.addEventListener('message', ({ data }) => {
    if (ending) return;
    check(data, { 'the answer is to this agent and no error': () => isAnswer(data, uid) });
    const sentAt = waiting.shift();
    if (sentAt !== undefined) answerTime.add(Date.now() - sentAt);
  });
  socket.addEventListener('error', () => broken.add(1));
  socket.addEventListener('close', () => {
    clearInterval(timer);
    if (!ending) broken.add(1);
  });
}
