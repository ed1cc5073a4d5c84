import { expect, it } from 'vitest';
import { frame, plain } from './event-bus.contract.ts';
import { decodeReportFrame, encodeReportFrame } from './report-frame.codec.ts';

it('gives back every field of every report', () => {
  const sent = frame('gateway-a', 3);
  expect(plain(decodeReportFrame(encodeReportFrame(sent)))).toEqual(plain(sent));
});

it('gives back a frame without reports, and an empty message as one', () => {
  expect(decodeReportFrame(encodeReportFrame({ gateway: 'a', reports: [] }))).toEqual({
    gateway: 'a',
    reports: [],
  });
  expect(decodeReportFrame(new Uint8Array(0))).toEqual({ gateway: '', reports: [] });
});

it('copies no report bytes out of the frame', () => {
  const bytes = encodeReportFrame(frame('gateway-a', 1));
  expect(decodeReportFrame(bytes).reports[0]!.instanceUid.buffer).toBe(bytes.buffer);
});

it('throws on bytes that are no frame', () => {
  expect(() => decodeReportFrame(encodeReportFrame(frame('gateway-a', 2)).subarray(0, 40))).toThrow();
});
