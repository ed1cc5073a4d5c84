import { encodeRemoteConfig } from '@muster/opamp/remote-config';
import type { ConfigurationVersion } from './configuration.ts';

/** The exact files an agent gets, and how they travel. */
export interface RenderedConfig {
  /** config_hash in hex: SHA-256 of the encoded AgentConfigMap. */
  readonly hash: string;
  /** The encoded AgentRemoteConfig. */
  readonly remoteConfig: Uint8Array;
  /** File name → text. A single file has the name "" (OpAMP "Configuration Files"). */
  readonly files: Readonly<Record<string, string>>;
}

/** Turns a version into what agents get. The same version always renders to the same bytes. */
export function renderConfiguration(version: Pick<ConfigurationVersion, 'body'>): RenderedConfig {
  const files = { '': version.body };
  const { configHash, remoteConfig } = encodeRemoteConfig(
    Object.entries(files).map(([name, text]) => ({
      name,
      body: Buffer.from(text),
      contentType: 'text/yaml',
    })),
  );
  return { hash: configHash.toString('hex'), remoteConfig, files };
}
