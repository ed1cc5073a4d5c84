/** AgentToServer.capabilities, by the names of the specification. */
export const agentCapability = {
  ReportsStatus: 0x0001,
  AcceptsRemoteConfig: 0x0002,
  ReportsEffectiveConfig: 0x0004,
  AcceptsPackages: 0x0008,
  ReportsPackageStatuses: 0x0010,
  ReportsOwnTraces: 0x0020,
  ReportsOwnMetrics: 0x0040,
  ReportsOwnLogs: 0x0080,
  AcceptsOpAMPConnectionSettings: 0x0100,
  AcceptsOtherConnectionSettings: 0x0200,
  AcceptsRestartCommand: 0x0400,
  ReportsHealth: 0x0800,
  ReportsRemoteConfig: 0x1000,
  ReportsHeartbeat: 0x2000,
  ReportsAvailableComponents: 0x4000,
  ReportsConnectionSettingsStatus: 0x8000,
} as const;

export type AgentCapability = keyof typeof agentCapability;

/** ServerToAgent.capabilities, by the names of the specification. */
export const serverCapability = {
  AcceptsStatus: 0x01,
  OffersRemoteConfig: 0x02,
  AcceptsEffectiveConfig: 0x04,
  OffersPackages: 0x08,
  AcceptsPackagesStatus: 0x10,
  OffersConnectionSettings: 0x20,
  AcceptsConnectionSettingsRequest: 0x40,
} as const;

const byName = Object.entries(agentCapability);

/** The names of the set bits, lowest first. Bits without a name are left out. Exact up to 2^53. */
export function capabilityNames(bits: number): AgentCapability[] {
  return byName.filter(([, bit]) => hasCapability(bits, bit)).map(([name]) => name as AgentCapability);
}

/** The bits of these names; names that are none are left out. */
export function capabilityBits(names: readonly string[]): number {
  return byName.reduce((bits, [name, bit]) => (names.includes(name) ? bits | bit : bits), 0);
}

/** Is the bit set? All defined bits lie in the low 32, which `&` sees whatever is set above. */
export function hasCapability(bits: number, capability: number): boolean {
  return (bits & capability) !== 0;
}
