import { serverError, serverFlag, type ServerToAgentMessage } from '@muster/opamp/opamp';
import type { Received } from './link.ts';
import { check } from './outcome.ts';

/** A uid, its tag and its length take 18 bytes, the capabilities 2 or 3. */
const plainBytes = 30;

export function asksFullState({ flags }: ServerToAgentMessage): boolean {
  return (Number(flags) & serverFlag.reportFullState) !== 0;
}

export function asksComponents({ flags }: ServerToAgentMessage): boolean {
  return (Number(flags) & serverFlag.reportAvailableComponents) !== 0;
}

/** The members of the message that are set, uid and capabilities left out. */
export function extrasOf(message: ServerToAgentMessage): string[] {
  const { remoteConfig, connectionSettings, packagesAvailable, agentIdentification } = message;
  const { command, customCapabilities, customMessage, errorResponse } = message;
  const parts = {
    errorResponse,
    remoteConfig,
    connectionSettings,
    packagesAvailable,
    agentIdentification,
    command,
    customCapabilities,
    customMessage,
  };
  const set = Object.entries(parts).flatMap(([name, value]) => (value ? [name] : []));
  return Number(message.flags) === 0 ? set : [...set, 'flags'];
}

/** Nothing but uid and capabilities. */
export function checkPlain(message: ServerToAgentMessage, to: string): void {
  const extras = extrasOf(message);
  check(extras.length === 0, `the answer to ${to} has ${extras.join(' and ')}`);
}

export function checkSmall({ bytes }: Received, to: string): void {
  check(bytes.length <= plainBytes, `the answer to ${to} has ${bytes.length} bytes`);
}

export function checkNoFullState(message: ServerToAgentMessage, to: string): void {
  check(!asksFullState(message), `the answer to ${to} asks for the full state`);
}

export function checkNoError({ errorResponse }: ServerToAgentMessage, to: string): void {
  check(!errorResponse, `${to} was answered with an error: ${errorResponse?.errorMessage}`);
}

export function checkBadRequest({ errorResponse }: ServerToAgentMessage, to: string): void {
  check(errorResponse, `${to} was answered without an error_response`);
  const { type } = errorResponse;
  check(type === serverError.badRequest, `${to} was answered with an error of type ${type}`);
}
