import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeadLetters, NewDeadLetter } from './dead-letters.ts';

export interface DeadLettersFixture {
  letters: DeadLetters;
  close(): Promise<void>;
}

/** What every DeadLetters promises. */
export function deadLettersContract(open: () => Promise<DeadLettersFixture>): void {
  describe('DeadLetters', () => {
    let fixture: DeadLettersFixture;
    let letters: DeadLetters;

    beforeEach(async () => {
      fixture = await open();
      letters = fixture.letters;
    });
    afterEach(() => fixture.close());

    const letter = (more: Partial<NewDeadLetter> = {}): NewDeadLetter => ({
      subject: 'reports',
      group: 'inventory',
      tries: 3,
      error: 'Error: no',
      agent: null,
      payload: Buffer.from('what it was'),
      ...more,
    });

    it('keeps what was set aside, with its payload', async () => {
      const agent = randomUUID();
      const before = Date.now();
      const id = await letters.add(letter({ agent, error: 'RangeError: too deep', tries: 5 }));
      const found = await letters.find(id);
      expect(found).toEqual({
        id,
        subject: 'reports',
        group: 'inventory',
        at: expect.any(Number) as number,
        tries: 5,
        error: 'RangeError: too deep',
        agent,
        bytes: 11,
      });
      expect(found!.at).toBeGreaterThanOrEqual(before);
      expect(Buffer.from((await letters.payloadOf(id))!).toString()).toBe('what it was');
      expect(letters.numbers).toEqual({ setAside: 1 });
    });

    it('keeps a payload of any size, and of none', async () => {
      for (const size of [0, 1_300_000, 5_000_000]) {
        const payload = randomBytes(size);
        const id = await letters.add(letter({ payload }));
        expect((await letters.find(id))!.bytes).toBe(size);
        expect(Buffer.from((await letters.payloadOf(id))!).equals(payload)).toBe(true);
      }
    });

    it('lists the latest first, page by page', async () => {
      const ids: string[] = [];
      for (let at = 0; at < 5; at += 1) ids.push(await letters.add(letter({ tries: at })));
      const first = await letters.page({ limit: 2 });
      expect(first.items.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
      expect(first.next).toBe(ids[3]);
      // What comes meanwhile moves nothing.
      await letters.add(letter());
      const second = await letters.page({ limit: 2, after: first.next! });
      expect(second.items.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
      const last = await letters.page({ limit: 2, after: second.next! });
      expect(last.items.map(({ id }) => id)).toEqual([ids[0]]);
      expect(last.next).toBeNull();
      expect(await letters.count()).toBe(6);
    });

    it('forgets what was removed', async () => {
      const [kept, gone] = [await letters.add(letter()), await letters.add(letter())];
      expect(await letters.remove(gone)).toBe(true);
      expect(await letters.remove(gone)).toBe(false);
      expect(await letters.find(gone)).toBeNull();
      expect(await letters.payloadOf(gone)).toBeNull();
      expect((await letters.page({ limit: 10 })).items.map(({ id }) => id)).toEqual([kept]);
      expect(await letters.count()).toBe(1);
      expect(letters.numbers).toEqual({ setAside: 2 });
    });

    it('knows nothing of an id that it did not give', async () => {
      expect(await letters.find(randomUUID())).toBeNull();
      expect(await letters.payloadOf(randomUUID())).toBeNull();
      expect(await letters.remove(randomUUID())).toBe(false);
    });
  });
}
