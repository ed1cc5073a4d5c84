import { createHash, randomUUID } from 'node:crypto';
import type { AgentId } from '@muster/agents/agent-id';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OfferCache } from './offer-cache.ts';

/** What every OfferCache promises. `open` gives an empty one. */
export function offerCacheContract(open: () => Promise<OfferCache>): void {
  describe('OfferCache', () => {
    let cache: OfferCache;

    beforeEach(async () => {
      cache = await open();
    });
    afterEach(() => cache.close());

    const newAgent = () => randomUUID() as AgentId;
    const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

    it('answers each agent’s hash in the order of the question', async () => {
      const [a, b, unknown] = [newAgent(), newAgent(), newAgent()];
      await cache.setDesired([
        { agent: a, hash: hashOf('a') },
        { agent: b, hash: hashOf('b') },
      ]);
      expect(await cache.desired([b, unknown, a, b])).toEqual([hashOf('b'), null, hashOf('a'), hashOf('b')]);
    });

    it('keeps the last word, and nothing for null', async () => {
      const [a, b] = [newAgent(), newAgent()];
      await cache.setDesired([a, b, a].map((agent, index) => ({ agent, hash: hashOf(String(index)) })));
      expect(await cache.desired([a, b])).toEqual([hashOf('2'), hashOf('1')]);
      await cache.setDesired([
        { agent: a, hash: null },
        { agent: newAgent(), hash: null },
      ]);
      expect(await cache.desired([a, b])).toEqual([null, hashOf('1')]);
    });

    it('keeps thousands', async () => {
      const desired = Array.from({ length: 2_500 }, (_, index) => ({
        agent: newAgent(),
        hash: hashOf(String(index)),
      }));
      await cache.setDesired(desired);
      expect(await cache.desired(desired.map(({ agent }) => agent))).toEqual(desired.map(({ hash }) => hash));
    });

    it('keeps an encoded config under its hash, byte for byte', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await cache.putRemoteConfig(hashOf('a'), bytes);
      await cache.putRemoteConfig(hashOf('a'), bytes);
      expect(Uint8Array.from((await cache.remoteConfig(hashOf('a'))) ?? [])).toEqual(bytes);
      expect(await cache.remoteConfig(hashOf('b'))).toBeNull();
    });

    it('keeps the newest generation of the database that anyone knows, of one lineage', async () => {
      const generation = (number: number, lineage = 'a') => ({ lineage, number });
      expect(await cache.keepGeneration(null)).toEqual({ generation: null, heldSince: null, lastHeldAt: 0 });
      expect((await cache.keepGeneration(generation(7))).generation).toEqual(generation(7));
      expect((await cache.keepGeneration(generation(5))).generation).toEqual(generation(7));
      expect((await cache.keepGeneration(generation(9, 'b'))).generation).toEqual(generation(7));
      expect((await cache.keepGeneration(generation(11))).generation).toEqual(generation(11));
      await cache.setHold(generation(2, 'b'), null);
      expect((await cache.keepGeneration(null)).generation).toEqual(generation(2, 'b'));
    });

    it('offers nothing while offers are held, and is to be seeded again after', async () => {
      const agent = newAgent();
      await cache.setDesired([{ agent, hash: hashOf('a') }]);
      await cache.markSeeded();
      await cache.setHold({ lineage: 'a', number: 1 }, 1_234);
      expect(await cache.desired([agent, agent])).toEqual([null, null]);
      expect(await cache.isSeeded()).toBe(false);
      expect(await cache.keepGeneration(null)).toMatchObject({ heldSince: 1_234, lastHeldAt: 1_234 });
      await cache.setHold({ lineage: 'a', number: 2 }, null);
      expect(await cache.desired([agent])).toEqual([hashOf('a')]);
      expect(await cache.keepGeneration(null)).toMatchObject({ heldSince: null, lastHeldAt: 1_234 });
    });

    it('is seeded when told so', async () => {
      expect(await cache.isSeeded()).toBe(false);
      await cache.markSeeded();
      expect(await cache.isSeeded()).toBe(true);
    });
  });
}
