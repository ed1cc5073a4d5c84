import { opamp } from './generated/opamp.js';

/*
 * The generated OpAMP messages under their own names, and their numbers and enums. 64-bit fields come
 * as Long when decoded, so nothing is rounded (`wholeNumber` makes JSON of them), and take a number or
 * a Long when encoded. Decoding throws plain errors; `decode.ts` wraps them.
 */

const { v1 } = opamp.proto;

export const AgentToServer = v1.AgentToServer;
export const ServerToAgent = v1.ServerToAgent;
export const AgentDescription = v1.AgentDescription;
export const ComponentHealth = v1.ComponentHealth;
export const EffectiveConfig = v1.EffectiveConfig;
export const RemoteConfigStatus = v1.RemoteConfigStatus;
export const PackageStatuses = v1.PackageStatuses;
export const AvailableComponents = v1.AvailableComponents;
export const ConnectionSettingsStatus = v1.ConnectionSettingsStatus;
export const CustomCapabilities = v1.CustomCapabilities;
export const AgentConfigMap = v1.AgentConfigMap;
export const AgentRemoteConfig = v1.AgentRemoteConfig;

export type AgentToServerFields = opamp.proto.v1.AgentToServer.$Properties;
export type ServerToAgentFields = opamp.proto.v1.ServerToAgent.$Properties;
export type ServerToAgentMessage = opamp.proto.v1.ServerToAgent;
export type AnyValueFields = opamp.proto.v1.AnyValue.$Properties;
export type KeyValueFields = opamp.proto.v1.KeyValue.$Properties;
export type ComponentHealthFields = opamp.proto.v1.ComponentHealth.$Properties;
export type ComponentDetailsFields = opamp.proto.v1.ComponentDetails.$Properties;
export type PackageStatusFields = opamp.proto.v1.PackageStatus.$Properties;

/** RemoteConfigStatus.status and ConnectionSettingsStatus.status; an agent may send other numbers. */
export const configStatus = { unset: 0, applied: 1, applying: 2, failed: 3 } as const;

/** ServerErrorResponse.type. */
export const serverError = { unknown: 0, badRequest: 1, unavailable: 2 } as const;

/** ServerToAgent.flags. */
export const serverFlag = { reportFullState: 0x1, reportAvailableComponents: 0x2 } as const;
