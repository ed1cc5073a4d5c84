import type { Report } from '@muster/messages/report-frame';
import { AgentToServer, type AgentToServerFields } from '@muster/opamp/opamp';
import { agentIdToBytes, type AgentId } from './agent-id.ts';

/** What a test says of a report; `say` is what the agent said. */
export type TestReport = Partial<Report> & { say?: AgentToServerFields };

/** A report of an agent over WebSocket, with all that `fields` leave out. */
export function testReport(agent: AgentId, { say, ...fields }: TestReport): Report {
  return {
    instanceUid: agentIdToBytes(agent),
    epoch: 10,
    sequenceNum: 1,
    receivedAt: 1_790_000_000_000,
    agentToServer: say ? AgentToServer.encode(say).finish() : new Uint8Array(),
    connected: false,
    disconnected: false,
    transport: 'websocket',
    remoteAddress: '192.0.2.1:5000',
    enrollmentTokenId: '',
    offeredConfigHash: new Uint8Array(),
    offerError: '',
    formerInstanceUid: new Uint8Array(),
    componentsContent: new Uint8Array(),
    ...fields,
  };
}
