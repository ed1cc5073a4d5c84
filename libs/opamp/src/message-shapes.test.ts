import { describe, expect, it } from 'vitest';
import { checkSubMessages } from './message-shapes.ts';
import { AgentToServer, type AgentToServerFields, type ComponentHealthFields } from './opamp.ts';
import { scanAgentToServer } from './scan-agent-to-server.ts';

function check(bytes: Uint8Array): void {
  const scan = scanAgentToServer(bytes);
  checkSubMessages(bytes, scan.subMessages);
}

function nestedHealth(levels: number): Buffer {
  let health: Buffer = Buffer.of(0x08, 1);
  for (let level = 1; level < levels; level++)
    health = inside(0x32, Buffer.concat([Buffer.of(0x0a, 1, 0x61), inside(0x12, health)]));
  return inside(0x2a, health);
}

function inside(tag: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.concat([Buffer.of(tag, ...length), body]);
  }
}

const everything: AgentToServerFields = {
  agentDescription: {
    identifyingAttributes: [
      { key: 'text', value: { stringValue: 'völlig' } },
      { key: 'kv', value: { kvlistValue: { values: [{ key: 'n', value: { intValue: 7 } }] } } },
      { key: 'array', value: { arrayValue: { values: [{ doubleValue: 1.5 }, { boolValue: true }, {}] } } },
      { key: 'bytes', value: { bytesValue: Buffer.of(0xff) } },
    ],
  },
  health: { healthy: true, startTimeUnixNano: 1, componentHealthMap: { a: { statusTimeUnixNano: 2 } } },
  effectiveConfig: {
    configMap: { configMap: { '': { body: Buffer.of(0xff, 0xfe), contentType: 'text/yaml' } } },
  },
  remoteConfigStatus: { lastRemoteConfigHash: Buffer.of(1), status: Number(9), errorMessage: 'x' },
  packageStatuses: { packages: { p: { name: 'p', status: 4, downloadDetails: { downloadPercent: 42.5 } } } },
  agentDisconnect: {},
  connectionSettingsRequest: { opamp: { certificateRequest: { csr: Buffer.of(1) } } },
  customCapabilities: { capabilities: ['com.example/v2'] },
  customMessage: { capability: 'c', type: 't', data: Buffer.of(1) },
  availableComponents: {
    hash: Buffer.of(1),
    components: { receivers: { subComponentMap: { otlp: { metadata: [{ key: 'k' }] } } } },
  },
  connectionSettingsStatus: { status: 1 },
};

describe('checkSubMessages', () => {
  it('takes every kind of sub-message', () => {
    expect(() => check(AgentToServer.encode(everything).finish())).not.toThrow();
  });

  it('skips unknown fields inside', () => {
    expect(() => check(Buffer.from('2a06ba3e03616263', 'hex'))).not.toThrow();
  });

  it.each([
    ['text that is not UTF-8', '2a031a01ff', 'health: has text that is not UTF-8'],
    ['a sub-message cut short inside', '2a021a05', 'health: is cut short'],
    [
      'a wire type that does not fit',
      '3a020801',
      'remote_config_status: has a field of wire type 0 that does not fit',
    ],
  ])('refuses %s', (_, hex, reason) => {
    expect(() => check(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'malformed-message', message: reason }),
    );
  });

  it('refuses endless nesting and takes what the decoder takes', () => {
    expect(() => check(nestedHealth(10_000))).toThrow('health: is nested more than 94 deep');
    expect(() => check(nestedHealth(40))).not.toThrow();
    let health: ComponentHealthFields = AgentToServer.decode(nestedHealth(40)).health!;
    for (let level = 1; level < 40; level++) health = health.componentHealthMap!['a']!;
    expect(health.healthy).toBe(true);
  });
});
