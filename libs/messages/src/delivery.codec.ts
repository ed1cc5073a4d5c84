import type { Delivery, DeliveryReceipt } from './delivery.ts';
import { muster } from './generated/bus.js';
import { integer } from './message-integer.ts';

const { Delivery: DeliveryMessage, DeliveryReceipt: ReceiptMessage, Transport } = muster.v1;
const empty = new Uint8Array(0);

/** An order as protobuf (bus.proto `Delivery`). */
export function encodeDelivery(delivery: Delivery): Uint8Array {
  return DeliveryMessage.encode(toMessage(delivery)).finish();
}

/** Reads what `encodeDelivery` wrote. Throws on malformed bytes and on an order it does not know. */
export function decodeDelivery(bytes: Uint8Array): Delivery {
  const { desiredConfig, restart, disconnect, yield: yielding } = DeliveryMessage.decode(bytes);
  if (desiredConfig) {
    return {
      kind: 'desiredConfig',
      configHash: desiredConfig.configHash ?? empty,
      remoteConfig: desiredConfig.remoteConfig ?? empty,
      instanceUids: desiredConfig.instanceUids ?? empty,
      ...(desiredConfig.retry && { retry: true }),
    };
  }
  if (restart) return { kind: 'restart', instanceUids: restart.instanceUids ?? empty };
  if (disconnect) {
    const { instanceUids, reason } = disconnect;
    return { kind: 'disconnect', instanceUids: instanceUids ?? empty, reason: reason ?? '' };
  }
  if (yielding) {
    return {
      kind: 'yield',
      instanceUid: yielding.instanceUid ?? empty,
      sequenceNum: integer(yielding.sequenceNum),
      enrollmentTokenId: yielding.enrollmentTokenId ?? '',
      transport: yielding.transport === Transport.HTTP ? 'http' : 'websocket',
      resumes: yielding.resumes ?? false,
      remoteAddress: yielding.remoteAddress ?? '',
      ...(yielding.certificateIdentity?.length && { certificateIdentity: yielding.certificateIdentity }),
    };
  }
  throw new Error('the delivery holds no order');
}

/** What became of an order, as protobuf (bus.proto `DeliveryReceipt`). */
export function encodeDeliveryReceipt(receipt: DeliveryReceipt): Uint8Array {
  return ReceiptMessage.encode(receipt).finish();
}

/** Reads what `encodeDeliveryReceipt` wrote. Throws on malformed bytes. */
export function decodeDeliveryReceipt(bytes: Uint8Array): DeliveryReceipt {
  const { notHeld, refused } = ReceiptMessage.decode(bytes);
  return {
    notHeld: notHeld ?? empty,
    refused: (refused ?? []).map(({ instanceUid, reason }) => ({
      instanceUid: instanceUid ?? empty,
      reason: reason ?? '',
    })),
  };
}

function toMessage(delivery: Delivery): muster.v1.Delivery.$Properties {
  switch (delivery.kind) {
    case 'desiredConfig':
      return { desiredConfig: delivery };
    case 'restart':
      return { restart: delivery };
    case 'disconnect':
      return { disconnect: delivery };
    case 'yield': {
      const transport = delivery.transport === 'http' ? Transport.HTTP : Transport.WEBSOCKET;
      return { yield: { ...delivery, transport } };
    }
  }
}
