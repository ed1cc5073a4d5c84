import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeDelivery } from '@muster/messages/delivery.codec';
import type { Delivery } from '@muster/messages/delivery';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Muster } from './muster.ts';

export interface TappedDelivery {
  gateway: string;
  delivery: Delivery;
}

/** Hears every order to any gateway of a cluster, beside the gateways themselves. */
export class DeliveryTap {
  readonly heard: TappedDelivery[] = [];
  readonly #connection: NatsConnection;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe('gateways.*.deliver', {
      callback: (_, message) => {
        const gateway = message.subject.split('.')[1] as string;
        this.heard.push({ gateway, delivery: decodeDelivery(message.data) });
      },
    });
  }

  static async open(muster: Muster): Promise<DeliveryTap> {
    const settings = readFileSync(join(muster.dataDir, 'cluster/nats/nats.conf'), 'utf8');
    const servers = /listen: "(.+)"/.exec(settings)?.[1] as string;
    const tap = new DeliveryTap(await connect({ servers }));
    await tap.#connection.flush();
    return tap;
  }

  /** Gateways that got an offer so far, one entry for each bus message. */
  get offers(): string[] {
    return this.heard
      .filter(({ delivery }) => delivery.kind === 'desiredConfig' && delivery.configHash.length > 0)
      .map(({ gateway }) => gateway);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
