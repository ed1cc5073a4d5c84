import { createHash } from 'node:crypto';
import { AgentConfigMap, AgentRemoteConfig } from './opamp.ts';
import type { ConfigFile } from './effective-config.ts';

/** A configuration ready to offer. */
export interface EncodedRemoteConfig {
  /** SHA-256 of the encoded AgentConfigMap. */
  configHash: Buffer;
  /** The encoded AgentRemoteConfig: files and hash. */
  remoteConfig: Uint8Array;
}

/**
 * Encodes the files of a configuration. Files are sorted by name, so the same content has the same
 * bytes and the same hash whoever encodes it. Names must be unique; one file alone may be named "".
 */
export function encodeRemoteConfig(files: readonly ConfigFile[]): EncodedRemoteConfig {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const configMap = Object.fromEntries(
    sorted.map(({ name, body, contentType }) => [name, { body, contentType }]),
  );
  const configHash = createHash('sha256').update(AgentConfigMap.encode({ configMap }).finish()).digest();
  return {
    configHash,
    remoteConfig: AgentRemoteConfig.encode({ config: { configMap }, configHash }).finish(),
  };
}
