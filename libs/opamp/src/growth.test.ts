import { describe, expect, it, vi } from 'vitest';
import { decodeAvailableComponents } from './available-components.ts';
import { decodeConnectionSettingsStatus, decodeRemoteConfigStatus } from './config-status.ts';
import { decodeCustomCapabilities } from './custom-capabilities.ts';
import { decodeAgentDescription } from './description.ts';
import { decodeEffectiveConfig } from './effective-config.ts';
import { MalformedMessage } from './errors.ts';
import { expectLinear } from './growth.setup.ts';
import { decodeHealth } from './health.ts';
import { checkSizes } from './message-limits.ts';
import { checkSubMessages } from './message-shapes.ts';
import { decodePackageStatuses } from './package-statuses.ts';
import {
  hasSubMessage,
  scanAgentToServer,
  subMessageBody,
  subMessageField,
  type AgentToServerScan,
} from './scan-agent-to-server.ts';
import { scanAvailableComponents } from './scan-available-components.ts';
import { scanTextAttributes } from './scan-description.ts';
import { scanHealth } from './scan-health.ts';

vi.setConfig({ testTimeout: 60_000 });

const limits = { statusBytes: 256 * 1024, effectiveConfigBytes: 4 * 1024 * 1024 };
const fields = Object.values(subMessageField);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest > 127 ? (rest % 128) + 128 : rest);
    if (rest <= 127) return Buffer.from(bytes);
  }
}

function inside(field: number, body: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

/** Pieces of wire format that stand for everything there is: each field number of a message and each wire type. */
const fragments: Record<string, Buffer> = {
  'empty map entries': Buffer.from('0a00', 'hex'),
  'map entries with equal keys': Buffer.from('0a050a01611200', 'hex'),
  'map entries with two values': Buffer.from('0a070a016112001200', 'hex'),
  'attributes with equal keys': inside(1, Buffer.from('0a016b12030a0176', 'hex')),
  'attributes whose value comes in parts': inside(1, Buffer.from('0a016b120012001203120018', 'hex')),
  kvlists: inside(1, Buffer.from('0a016b1206320412020a00', 'hex')),
  arrays: inside(1, Buffer.from('0a016b12062a040a000a00', 'hex')),
  'packed numbers': Buffer.from('0a0401020304', 'hex'),
  'components of health': Buffer.from('32070a016112020801', 'hex'),
  'start times': Buffer.from('110000000000000000', 'hex'),
  'last errors': Buffer.from('1a0178', 'hex'),
  'overlong numbers': Buffer.from('0880808080808080808000', 'hex'),
  'overlong lengths': Buffer.from('0a8080808000', 'hex'),
  groups: Buffer.from('fb3efc3e', 'hex'),
  'groups that do not end': Buffer.from('fb3e', 'hex'),
  'groups with fields': Buffer.from('fb3e08010800fc3e', 'hex'),
  ...Object.fromEntries(
    Array.from({ length: 17 }, (_, field) => field + 1).flatMap((field) => [
      [`number ${field}`, Buffer.concat([varint(field * 8), Buffer.of(1)])],
      [`fixed64 ${field}`, Buffer.concat([varint(field * 8 + 1), Buffer.alloc(8)])],
      [`bytes ${field}`, inside(field, Buffer.of())],
      [`fixed32 ${field}`, Buffer.concat([varint(field * 8 + 5), Buffer.alloc(4)])],
    ]),
  ),
};

const repeatedBytes = (fragment: Buffer) => (size: number) =>
  Buffer.alloc(Math.ceil(size / fragment.length) * fragment.length, fragment);

/** Everything the gateway does with the bytes of one message before it knows whether to take it. */
function take(bytes: Uint8Array): AgentToServerScan {
  const scan = scanAgentToServer(bytes);
  checkSizes(scan, limits);
  for (const field of fields) if (hasSubMessage(scan, field)) subMessageBody(scan, field);
  checkSubMessages(bytes, scan.subMessages);
  return scan;
}

const bodyReaders = {
  decodeAgentDescription,
  decodeAvailableComponents,
  decodeConnectionSettingsStatus,
  decodeCustomCapabilities,
  decodeEffectiveConfig,
  decodeHealth,
  decodePackageStatuses,
  decodeRemoteConfigStatus,
  scanAvailableComponents,
  scanHealth,
  scanTextAttributes,
};

describe('what is read of a message takes time as its size', () => {
  it.each(Object.entries(fragments))('made of %s', (what, fragment) => {
    expectLinear(take, repeatedBytes(fragment), { size: 2 * 1024 * 1024, what });
    for (const field of fields)
      expectLinear(take, (size) => inside(field, repeatedBytes(fragment)(size)), {
        size: 64 * 1024,
        what: `${what} in field ${field}`,
      });
  });

  it.each(Object.entries(bodyReaders))('%s', (name, read) => {
    // They only see what was taken: 32,768 fields of two bytes at most.
    for (const [what, fragment] of Object.entries(fragments))
      expectLinear(read, repeatedBytes(fragment), { size: 16 * 1024, what: `${name} of ${what}` });
  });

  it.each(fields)('when field %i comes in many parts', (field) => {
    for (const part of [inside(field, Buffer.of()), inside(field, Buffer.from('0801', 'hex'))])
      expectLinear(take, repeatedBytes(part), { size: 128 * 1024, what: `parts of field ${field}` });
  });

  it('when one value is nested in the next', () => {
    const steps: Buffer[][] = [
      [Buffer.of(1), Buffer.of(6), Buffer.of(1), Buffer.of(2)],
      [Buffer.of(1), Buffer.of(5)],
      [Buffer.of(6), Buffer.of(2)],
      [Buffer.of(2), Buffer.of(2)],
    ];
    for (const step of steps)
      expectLinear(take, (size) => inside(3, nested(step, size)), { size: 32 * 1024, what: 'nesting' });
  });
});

/** Messages one in the other, down to a size of about `bytes`. Their lengths are summed up first: that takes linear time. */
function nested(step: Buffer[], bytes: number): Buffer {
  const heads: Buffer[] = [];
  for (let length = 0, level = 0; length < bytes; level++) {
    const head = Buffer.concat([varint(step[level % step.length]![0]! * 8 + 2), varint(length)]);
    heads.push(head);
    length += head.length;
  }
  return Buffer.concat(heads.toReversed());
}

describe('what is accepted', () => {
  it('never is a field in more than 64 parts', () => {
    const part = inside(subMessageField.health, Buffer.from('0801', 'hex'));
    expect(take(repeatedBytes(part)(64 * part.length)).subMessages).toHaveLength(64);
    expect(() => take(repeatedBytes(part)(65 * part.length))).toThrow('health: comes in more than 64 parts');
    expect(() => take(repeatedBytes(part)(512 * 1024))).toThrow('health: comes in more than 64 parts');
  });

  it('never has more than 1,024 fields, known or not', () => {
    for (const fragment of ['1000', '2a00', 'a00600', 'a20600'])
      expect(() => take(repeatedBytes(Buffer.from(fragment, 'hex'))(1024 * 1024))).toThrow(
        /has more than 1024 fields|comes in more than 64 parts/,
      );
  });

  it.each([
    ['agent_description', 3, 256 * 1024, 'MUSTER_MAX_STATUS_BYTES'],
    ['health', 5, 256 * 1024, 'MUSTER_MAX_STATUS_BYTES'],
    ['effective_config', 6, 4 * 1024 * 1024, 'MUSTER_MAX_EFFECTIVE_CONFIG_BYTES'],
    ['remote_config_status', 7, 256 * 1024, 'MUSTER_MAX_STATUS_BYTES'],
    ['package_statuses', 8, 256 * 1024, 'MUSTER_MAX_STATUS_BYTES'],
    ['custom_capabilities', 12, 256 * 1024, 'MUSTER_MAX_STATUS_BYTES'],
    ['custom_message', 13, 4 * 1024 * 1024, 'MUSTER_MAX_EFFECTIVE_CONFIG_BYTES'],
    ['available_components', 14, 4 * 1024 * 1024, 'MUSTER_MAX_EFFECTIVE_CONFIG_BYTES'],
    ['connection_settings_status', 15, 256 * 1024, 'MUSTER_MAX_STATUS_BYTES'],
  ])('%s has its limit, whole and in parts', (name, field, most, setting) => {
    const whole = (size: number) => scanAgentToServer(inside(field, Buffer.alloc(size)));
    expect(() => checkSizes(whole(most), limits)).not.toThrow();
    const refusal = `${name}: has ${most + 1} bytes, more than the ${most} that the server takes (${setting})`;
    expect(() => checkSizes(whole(most + 1), limits)).toThrow(refusal);
    const inParts = Buffer.concat([
      inside(field, Buffer.alloc(most / 2)),
      inside(field, Buffer.alloc(most / 2 + 1)),
    ]);
    expect(() => checkSizes(scanAgentToServer(inParts), limits)).toThrow(refusal);
  });

  it.each([
    ['effective_config: has more than 1024 files', 6, (i: number) => inside(1, inside(1, file(i)))],
    ['package_statuses: has more than 4096 packages', 8, (i: number) => inside(1, file(i))],
    ['agent_description: has more than 4096 attributes', 3, (i: number) => inside((i % 2) + 1, file(i))],
    [
      'custom_capabilities: has more than 1024 capabilities',
      12,
      (i: number) => inside(1, Buffer.of(97, (i % 90) + 33)),
    ],
    ['health: has more than 32768 fields', 5, () => Buffer.from('0801', 'hex')],
    ['available_components: has more than 32768 fields', 14, (i: number) => inside(1, file(i))],
  ])('%s', (refusal, field, member) => {
    const count = refusal.includes('32768') ? 32_769 : Number(/\d+/.exec(refusal)![0]);
    const message = (size: number) =>
      inside(field, Buffer.concat(Array.from({ length: size }, (_, i) => member(i))));
    const most = /available/.test(refusal) ? 10_000 : refusal.includes('32768') ? 32_768 : count;
    expect(() => checkSubMessages(message(most), scanAgentToServer(message(most)).subMessages)).not.toThrow();
    const over = message(Math.max(most, count) + 1);
    expect(() => checkSubMessages(over, scanAgentToServer(over).subMessages)).toThrow(refusal);
  });

  it('is decoded downstream, whatever the bytes', () => {
    let state = 1;
    const random = (below: number) => {
      state = (state * 48_271) % 0x7fffffff;
      return state % below;
    };
    const pieces = Object.values(fragments);
    const decoders: [number, (body: Uint8Array) => unknown][] = [
      [3, decodeAgentDescription],
      [5, decodeHealth],
      [6, decodeEffectiveConfig],
      [7, decodeRemoteConfigStatus],
      [8, decodePackageStatuses],
      [12, decodeCustomCapabilities],
      [14, decodeAvailableComponents],
      [15, decodeConnectionSettingsStatus],
    ];
    const body = (depth: number): Buffer =>
      Buffer.concat(
        Array.from({ length: 1 + random(4) }, () => {
          if (depth > 0 && random(2) === 0) return inside(1 + random(8), body(depth - 1));
          const piece = Buffer.from(pieces[random(pieces.length)]!);
          if (random(4) === 0) piece[random(piece.length)] = random(256);
          return piece;
        }),
      );
    let accepted = 0;
    for (let i = 0; i < 10_000; i++) {
      const [field, decode] = decoders[random(decoders.length)]!;
      const message = inside(field, body(random(5)));
      let scan: AgentToServerScan;
      try {
        scan = take(message);
      } catch (error) {
        if (!(error instanceof MalformedMessage)) throw error;
        continue;
      }
      accepted += 1;
      decode(subMessageBody(scan, field)!);
    }
    expect(accepted).toBeGreaterThan(500);
  });

  it('may be nested as deep as the decoder goes, and no deeper', () => {
    const deep = (levels: number, ...step: number[]) => {
      let body: Buffer = Buffer.alloc(0);
      for (let level = levels - 1; level >= 0; level--) body = inside(step[level % step.length]!, body);
      return body;
    };
    for (let levels = 1; levels < 110; levels++) {
      for (const [field, decode, ...step] of [
        [3, decodeAgentDescription, 1, 2, 6, 1],
        [5, decodeHealth, 6, 2],
        [14, decodeAvailableComponents, 1, 2, 2, 2],
      ] as [number, (body: Uint8Array) => unknown, ...number[]][]) {
        const message = inside(field, deep(levels, ...step));
        try {
          take(message);
        } catch {
          continue;
        }
        expect(() => decode(deep(levels, ...step))).not.toThrow();
      }
    }
  });
});

/** A map entry, or an attribute, with a key of its own. */
function file(i: number): Buffer {
  return Buffer.concat([inside(1, Buffer.from(String(i))), inside(2, Buffer.alloc(0))]);
}
