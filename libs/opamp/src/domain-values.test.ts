import { describe, expect, it } from 'vitest';
import { decodeAvailableComponents } from './available-components.ts';
import {
  configStatusName,
  decodeConnectionSettingsStatus,
  decodeRemoteConfigStatus,
} from './config-status.ts';
import { decodeCustomCapabilities } from './custom-capabilities.ts';
import { decodeAgentDescription } from './description.ts';
import { configFileText, decodeEffectiveConfig } from './effective-config.ts';
import { decodeHealth } from './health.ts';
import * as opamp from './opamp.ts';
import { decodePackageStatuses } from './package-statuses.ts';
import { MalformedMessage } from './errors.ts';

describe('decodeAgentDescription', () => {
  it('keeps every kind of value and both lists apart', () => {
    const values = {
      text: { stringValue: 'völlig ok' },
      empty: { stringValue: '' },
      yes: { boolValue: true },
      no: { boolValue: false },
      zero: { intValue: 0 },
      negative: { intValue: -5 },
      double: { doubleValue: 0.1 },
      nan: { doubleValue: NaN },
      bytes: { bytesValue: Buffer.of(0xff, 0) },
      array: { arrayValue: { values: [{ intValue: 1 }, {}] } },
      kvlist: { kvlistValue: { values: [{ key: 'inner', value: { stringValue: 'x' } }] } },
      unset: {},
    };
    const identifyingAttributes = Object.entries(values).map(([key, value]) => ({ key, value }));
    const bytes = opamp.AgentDescription.encode({
      identifyingAttributes,
      nonIdentifyingAttributes: [{ key: 'os.type', value: { stringValue: 'linux' } }],
    }).finish();
    expect(decodeAgentDescription(bytes)).toEqual({
      identifyingAttributes: {
        text: 'völlig ok',
        empty: '',
        yes: true,
        no: false,
        zero: 0,
        negative: -5,
        double: 0.1,
        nan: 'NaN',
        bytes: '/wA=',
        array: [1, null],
        kvlist: { inner: 'x' },
        unset: null,
      },
      nonIdentifyingAttributes: { 'os.type': 'linux' },
    });
  });

  it('keeps int64 beyond 2^53 to the digit', () => {
    // KeyValue { key: "n", value: { int_value: 2^63 - 1 } }
    const bytes = Buffer.from('0a0f0a016e120a18ffffffffffffffff7f', 'hex');
    expect(decodeAgentDescription(bytes).identifyingAttributes).toEqual({ n: '9223372036854775807' });
  });

  it('takes any key, even one that JavaScript treats specially', () => {
    const bytes = opamp.AgentDescription.encode({
      identifyingAttributes: [{ key: '__proto__', value: { stringValue: 'x' } }],
    }).finish();
    const { identifyingAttributes } = decodeAgentDescription(bytes);
    expect(Object.entries(identifyingAttributes)).toEqual([['__proto__', 'x']]);
  });
});

describe('decodeHealth', () => {
  it('keeps the tree, times to the nanosecond and attributes', () => {
    // start_time_unix_nano = 1790000000123456789
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(1790000000123456789n);
    const bytes = Buffer.concat([
      opamp.ComponentHealth.encode({
        healthy: true,
        status: 'StatusRecoverableError',
        attributes: [{ key: 'a', value: { boolValue: true } }],
        componentHealthMap: { pipelines: { componentHealthMap: { traces: { lastError: 'no endpoint' } } } },
      }).finish(),
      Buffer.of(0x11),
      start,
    ]);
    const health = decodeHealth(bytes);
    expect(health).toMatchObject({
      healthy: true,
      status: 'StatusRecoverableError',
      attributes: { a: true },
    });
    expect(health.startTimeUnixNano).toBe('1790000000123456789');
    expect(health.components['pipelines']!.components['traces']).toEqual({
      healthy: false,
      status: '',
      lastError: 'no endpoint',
      startTimeUnixNano: '0',
      statusTimeUnixNano: '0',
      attributes: {},
      components: {},
    });
  });

  it('refuses broken bytes with the field named', () => {
    expect(() => decodeHealth(Buffer.from('1a05', 'hex'))).toThrow(MalformedMessage);
    expect(() => decodeHealth(Buffer.from('1a01ff', 'hex'))).toThrow(/^health: /);
  });
});

describe('decodeEffectiveConfig', () => {
  it('keeps bodies byte for byte and tells text from bytes', () => {
    const configMap = {
      '': { body: Buffer.of(0xff, 0x00) },
      'a.yaml': { body: Buffer.from('ä: 1'), contentType: 'text/yaml' },
    };
    const files = decodeEffectiveConfig(opamp.EffectiveConfig.encode({ configMap: { configMap } }).finish());
    expect(files.map((file) => [file.name, file.contentType])).toEqual([
      ['', ''],
      ['a.yaml', 'text/yaml'],
    ]);
    expect(Buffer.from(files[0]!.body)).toEqual(Buffer.of(0xff, 0x00));
    expect(files.map((file) => configFileText(file.body))).toEqual([null, 'ä: 1']);
  });

  it('takes an empty message', () => {
    expect(decodeEffectiveConfig(new Uint8Array())).toEqual([]);
  });
});

it('decodes available components to any depth', () => {
  const bytes = opamp.AvailableComponents.encode({
    hash: Buffer.of(0xab),
    components: {
      receivers: {
        subComponentMap: { otlp: { metadata: [{ key: 'code.namespace', value: { stringValue: 'go.x' } }] } },
      },
    },
  }).finish();
  expect(decodeAvailableComponents(bytes)).toEqual({
    hash: 'ab',
    components: {
      receivers: {
        metadata: {},
        components: { otlp: { metadata: { 'code.namespace': 'go.x' }, components: {} } },
      },
    },
  });
});

it('decodes package statuses', () => {
  const bytes = opamp.PackageStatuses.encode({
    packages: {
      '': {
        name: '',
        agentHasVersion: '1',
        agentHasHash: Buffer.of(1),
        status: 4,
        downloadDetails: { downloadPercent: 42.5 },
      },
      odd: { name: 'odd', status: Number(77) },
    },
    errorMessage: 'e',
  }).finish();
  const { packages, errorMessage } = decodePackageStatuses(bytes);
  expect(errorMessage).toBe('e');
  expect(packages['']).toMatchObject({
    agentHasVersion: '1',
    agentHasHash: '01',
    status: 'downloading',
    download: { percent: 42.5 },
  });
  expect(packages['odd']).toMatchObject({ status: '77', download: null });
});

it('decodes statuses, with unknown numbers as sent', () => {
  const remote = opamp.RemoteConfigStatus.encode({
    lastRemoteConfigHash: Buffer.of(7),
    status: 3,
    errorMessage: 'boom',
  }).finish();
  const status = decodeRemoteConfigStatus(remote);
  expect([Buffer.from(status.lastRemoteConfigHash), status.status, status.errorMessage]).toEqual([
    Buffer.of(7),
    3,
    'boom',
  ]);
  const settings = opamp.ConnectionSettingsStatus.encode({
    lastConnectionSettingsHash: Buffer.of(0xab),
    status: Number(9),
  }).finish();
  expect(decodeConnectionSettingsStatus(settings)).toEqual({
    lastConnectionSettingsHash: 'ab',
    status: Number(9),
    errorMessage: '',
  });
  expect([0, 1, 2, 3, 9].map(configStatusName)).toEqual(['unset', 'applied', 'applying', 'failed', '9']);
});

it('decodes custom capabilities', () => {
  const capabilities = ['com.example.a', 'com.example.b/v2'];
  expect(decodeCustomCapabilities(opamp.CustomCapabilities.encode({ capabilities }).finish())).toEqual(
    capabilities,
  );
});
