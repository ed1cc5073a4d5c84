import { decode } from './decode.ts';
import { PackageStatuses as Message, type PackageStatusFields } from './opamp.ts';

/** The packages an agent has, all of them (spec "PackageStatuses"). */
export interface PackageStatuses {
  packages: Record<string, PackageStatus>;
  /** Hex; empty when no offer was received. */
  serverProvidedAllPackagesHash: string;
  errorMessage: string;
}

export interface PackageStatus {
  agentHasVersion: string;
  /** Hex. */
  agentHasHash: string;
  serverOfferedVersion: string;
  /** Hex; empty for packages installed locally. */
  serverOfferedHash: string;
  /** `installed`, `installPending`, `installing`, `installFailed`, `downloading`; an unknown number as text. */
  status: string;
  errorMessage: string;
  /** While downloading. */
  download: { percent: number; bytesPerSecond: number } | null;
}

const statusNames = ['installed', 'installPending', 'installing', 'installFailed', 'downloading'];

/** Throws `MalformedMessage`. */
export function decodePackageStatuses(bytes: Uint8Array): PackageStatuses {
  const message = decode(Message, bytes, 'package_statuses');
  const packages = Object.entries(message.packages);
  return {
    packages: Object.fromEntries(packages.map(([name, status]) => [name, packageStatus(status)])),
    serverProvidedAllPackagesHash: hex(message.serverProvidedAllPackagesHash),
    errorMessage: message.errorMessage,
  };
}

function packageStatus(message: PackageStatusFields): PackageStatus {
  const download = message.downloadDetails;
  return {
    agentHasVersion: message.agentHasVersion ?? '',
    agentHasHash: hex(message.agentHasHash),
    serverOfferedVersion: message.serverOfferedVersion ?? '',
    serverOfferedHash: hex(message.serverOfferedHash),
    status: statusNames[message.status ?? 0] ?? String(message.status),
    errorMessage: message.errorMessage ?? '',
    download: download
      ? { percent: download.downloadPercent ?? 0, bytesPerSecond: download.downloadBytesPerSecond ?? 0 }
      : null,
  };
}

function hex(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
