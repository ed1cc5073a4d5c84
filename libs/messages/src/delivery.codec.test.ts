import { expect, it } from 'vitest';
import {
  decodeDelivery,
  decodeDeliveryReceipt,
  encodeDelivery,
  encodeDeliveryReceipt,
} from './delivery.codec.ts';
import type { Delivery } from './delivery.ts';
import { plain } from './event-bus.contract.ts';

const uids = Buffer.alloc(32, 3);
const orders: Delivery[] = [
  {
    kind: 'desiredConfig',
    configHash: Buffer.alloc(32, 9),
    remoteConfig: Buffer.from('config'),
    instanceUids: uids,
  },
  { kind: 'desiredConfig', configHash: Buffer.alloc(0), remoteConfig: Buffer.alloc(0), instanceUids: uids },
  {
    kind: 'desiredConfig',
    configHash: Buffer.alloc(32, 7),
    remoteConfig: Buffer.alloc(0),
    instanceUids: uids,
    retry: true,
  },
  { kind: 'restart', instanceUids: uids },
  { kind: 'disconnect', instanceUids: uids, reason: 'deleted' },
  {
    kind: 'yield',
    instanceUid: Buffer.alloc(16, 3),
    sequenceNum: 2 ** 40,
    enrollmentTokenId: '0192b1d0-0000-7000-8000-000000000001',
    transport: 'http',
    remoteAddress: '192.0.2.7',
    certificateIdentity: Buffer.alloc(16, 7),
    resumes: true,
  },
];

it.each(orders)('gives back an order to $kind', (order) => {
  expect(plain(decodeDelivery(encodeDelivery(order)))).toEqual(plain(order));
});

it('gives back a receipt, also one with nothing to tell', () => {
  const receipts = [
    { notHeld: uids, refused: [{ instanceUid: Buffer.alloc(16, 3), reason: 'cannot restart' }] },
    { notHeld: Buffer.alloc(0), refused: [] },
  ];
  for (const receipt of receipts) {
    expect(plain(decodeDeliveryReceipt(encodeDeliveryReceipt(receipt)))).toEqual(plain(receipt));
  }
});

it('throws on bytes that are no order', () => {
  expect(() => decodeDelivery(new Uint8Array(0))).toThrow('holds no order');
  expect(() => decodeDelivery(Uint8Array.of(0xff))).toThrow();
});
