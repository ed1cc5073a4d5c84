import { describe, expect, it } from 'vitest';
import { AgentToServer, type AgentToServerFields } from './opamp.ts';
import { MalformedMessage } from './errors.ts';
import {
  hasSubMessage,
  scanAgentToServer,
  scanWebSocketMessage,
  subMessageBody,
  subMessageField,
} from './scan-agent-to-server.ts';

const uid = Buffer.from('0123456789abcdef');

/** What a `MalformedMessage` with this text looks like, whichever field it names. */
function malformed(message: string): unknown {
  return expect.objectContaining({ code: 'malformed-message', message });
}

function encoded(fields: AgentToServerFields): Buffer {
  return Buffer.from(AgentToServer.encode({ instanceUid: uid, ...fields }).finish());
}

describe('scanAgentToServer', () => {
  it('reads numbers, the uid and where sub-messages lie', () => {
    const bytes = encoded({
      sequenceNum: 300,
      capabilities: 0x1807,
      flags: 1,
      health: { healthy: true },
      agentDisconnect: {},
    });
    const scan = scanAgentToServer(bytes);
    expect(scan).toMatchObject({ sequenceNum: 300, capabilities: 0x1807, flags: 1 });
    expect(Buffer.from(scan.instanceUid!)).toEqual(uid);
    expect(Buffer.from(subMessageBody(scan, subMessageField.health)!)).toEqual(Buffer.of(0x08, 1));
    expect(hasSubMessage(scan, subMessageField.agentDisconnect)).toBe(true);
    expect(hasSubMessage(scan, subMessageField.effectiveConfig)).toBe(false);
    const [health] = scan.subMessages;
    expect(Buffer.from(bytes.subarray(health!.start, health!.end))).toEqual(Buffer.of(0x2a, 2, 0x08, 1));
  });

  it('keeps numbers exact up to 2^53 and the low bits of larger ones', () => {
    const large = Buffer.concat([encoded({}), Buffer.of(0x10), Buffer.from('ffffffffffffff0f', 'hex')]);
    expect(scanAgentToServer(large).sequenceNum).toBe(2 ** 53 - 1);
    const top = Buffer.concat([encoded({}), Buffer.of(0x20), Buffer.from('83808080808080808001', 'hex')]);
    expect(scanAgentToServer(top).capabilities).toBe(3);
  });

  it('skips unknown fields of every wire type', () => {
    const unknown = Buffer.from('ba3e03616263b83e2ab93e0102030405060708bd3e01020304bb3e0801bc3e', 'hex');
    expect(scanAgentToServer(Buffer.concat([unknown, encoded({ sequenceNum: 7 })])).sequenceNum).toBe(7);
  });

  it('joins a sub-message that was sent in two parts, as protobuf merges them', () => {
    const bytes = Buffer.concat([
      encoded({ health: { healthy: true } }),
      AgentToServer.encode({ health: { status: 'x' } }).finish(),
    ]);
    const body = subMessageBody(scanAgentToServer(bytes), subMessageField.health)!;
    expect(Buffer.from(body)).toEqual(Buffer.from('0801220178', 'hex'));
  });

  it.each([
    ['a cut sub-message', '2a05', 'health: is cut short'],
    ['a number that never ends', `10${'ff'.repeat(11)}`, 'sequence_num: a number of more than 10 bytes'],
    ['a number that is cut', '1080', 'sequence_num: ends inside a number'],
    ['a uid that is a number', '0801', 'instance_uid: wire type 0 does not fit'],
    ['field number 0', '0201', 'an impossible field number'],
    ['a wire type that does not exist', 'be3e', 'field 999: wire type 6 does not exist'],
    ['a group that ends unbegun', 'bc3e', 'field 999: a group ends that never began'],
  ])('refuses %s', (_, hex, reason) => {
    expect(() => scanAgentToServer(Buffer.from(hex, 'hex'))).toThrow(malformed(reason));
  });

  it('fails in no other way, whatever the bytes', () => {
    const bytes = encoded({ sequenceNum: 5, health: { healthy: true, lastError: 'x' }, effectiveConfig: {} });
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0x00, 0x7f, 0x80, 0xff]) {
        const broken = Buffer.from(bytes);
        broken[at] = value;
        try {
          scanAgentToServer(broken.subarray(0, bytes.length - (at % 3)));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
      }
    }
  });
});

describe('scanWebSocketMessage', () => {
  it('takes a header of one byte and of several', () => {
    for (const header of ['00', '808000']) {
      const bytes = Buffer.concat([Buffer.from(header, 'hex'), encoded({ sequenceNum: 9 })]);
      expect(scanWebSocketMessage(bytes).sequenceNum).toBe(9);
    }
  });

  it.each([
    ['another header', '01', 'the message header is 1, want 0'],
    ['an endless header', 'ff'.repeat(11), 'the message header is not a varint of 1 to 10 bytes'],
    ['no bytes at all', '', 'the message has no header'],
  ])('refuses %s', (_, hex, reason) => {
    expect(() => scanWebSocketMessage(Buffer.from(hex, 'hex'))).toThrow(malformed(reason));
  });

  it('takes an empty message: it lacks the uid', () => {
    expect(scanWebSocketMessage(Buffer.of(0)).instanceUid).toBeNull();
  });
});
