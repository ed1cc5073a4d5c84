import { muster } from './generated/bus.js';
import { integer } from './message-integer.ts';
import type { Report, ReportFrame } from './report-frame.ts';

const { ReportFrame: FrameMessage, Transport } = muster.v1;
const empty = new Uint8Array(0);

/** A frame as protobuf (bus.proto `ReportFrame`). */
export function encodeReportFrame(frame: ReportFrame): Uint8Array {
  return FrameMessage.encode({
    gateway: frame.gateway,
    reports: frame.reports.map((report) => ({
      ...report,
      transport: report.transport === 'http' ? Transport.HTTP : Transport.WEBSOCKET,
    })),
  }).finish();
}

/** Reads what `encodeReportFrame` wrote; byte fields share memory with `bytes`. Throws on malformed bytes. */
export function decodeReportFrame(bytes: Uint8Array): ReportFrame {
  const frame = FrameMessage.decode(asBuffer(bytes));
  return { gateway: frame.gateway ?? '', reports: (frame.reports ?? []).map(toReport) };
}

function toReport(message: muster.v1.Report.$Properties): Report {
  return {
    instanceUid: message.instanceUid ?? empty,
    epoch: integer(message.epoch),
    sequenceNum: integer(message.sequenceNum),
    receivedAt: integer(message.receivedAt),
    agentToServer: message.agentToServer ?? empty,
    connected: message.connected ?? false,
    disconnected: message.disconnected ?? false,
    transport: message.transport === Transport.HTTP ? 'http' : 'websocket',
    remoteAddress: message.remoteAddress ?? '',
    enrollmentTokenId: message.enrollmentTokenId ?? '',
    offeredConfigHash: message.offeredConfigHash ?? empty,
    offerError: message.offerError ?? '',
    formerInstanceUid: message.formerInstanceUid ?? empty,
    componentsContent: message.componentsContent ?? empty,
    ...(message.certificateIdentity?.length && { certificateIdentity: message.certificateIdentity }),
  };
}

/** protobufjs reads a Buffer without copying its byte fields. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
