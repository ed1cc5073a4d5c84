import { decode } from './decode.ts';
import {
  ConnectionSettingsStatus as ConnectionSettingsMessage,
  RemoteConfigStatus as RemoteConfigMessage,
} from './opamp.ts';

/** How far an agent came with the configuration it was offered (spec "RemoteConfigStatus"). */
export interface RemoteConfigStatus {
  /** Empty: it was never offered one. */
  lastRemoteConfigHash: Uint8Array;
  /** A `configStatus` number, or another one as sent. */
  status: number;
  errorMessage: string;
}

/** How far an agent came with the connection settings it was offered (spec "ConnectionSettingsStatus"). */
export interface ConnectionSettingsStatus {
  /** Hex. */
  lastConnectionSettingsHash: string;
  /** A `configStatus` number, or another one as sent. */
  status: number;
  errorMessage: string;
}

const names = ['unset', 'applied', 'applying', 'failed'];

/** The name of a `configStatus` number: `unset`, `applied`, `applying`, `failed`; an unknown number as text. */
export function configStatusName(status: number): string {
  return names[status] ?? String(status);
}

/** The hash is a view of `bytes`. Throws `MalformedMessage`. */
export function decodeRemoteConfigStatus(bytes: Uint8Array): RemoteConfigStatus {
  const message = decode(RemoteConfigMessage, bytes, 'remote_config_status');
  return {
    lastRemoteConfigHash: message.lastRemoteConfigHash,
    status: message.status,
    errorMessage: message.errorMessage,
  };
}

/** Throws `MalformedMessage`. */
export function decodeConnectionSettingsStatus(bytes: Uint8Array): ConnectionSettingsStatus {
  const message = decode(ConnectionSettingsMessage, bytes, 'connection_settings_status');
  return {
    lastConnectionSettingsHash: Buffer.from(message.lastConnectionSettingsHash).toString('hex'),
    status: message.status,
    errorMessage: message.errorMessage,
  };
}
