import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AgentConfigMap, AgentRemoteConfig } from './opamp.ts';
import { encodeRemoteConfig } from './remote-config.ts';

const file = (name: string, text: string) => ({ name, body: Buffer.from(text), contentType: 'text/yaml' });

describe('encodeRemoteConfig', () => {
  it('hashes the encoded config map', () => {
    const { configHash, remoteConfig } = encodeRemoteConfig([file('', 'a: 1')]);
    const { config } = AgentRemoteConfig.decode(remoteConfig);
    expect(configHash).toEqual(createHash('sha256').update(AgentConfigMap.encode(config!).finish()).digest());
    expect(Buffer.from(config!.configMap!['']!.body!).toString()).toBe('a: 1');
  });

  it('gives the same bytes for the same files in any order, others for any change', () => {
    const files = [file('b.yaml', 'b'), file('a.yaml', 'a'), file('', 'c')];
    const one = encodeRemoteConfig(files);
    expect(encodeRemoteConfig(files.toReversed())).toEqual(one);
    expect(encodeRemoteConfig([file('b.yaml', 'B'), ...files.slice(1)]).configHash).not.toEqual(
      one.configHash,
    );
  });
});
