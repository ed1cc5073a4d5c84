import { describe, expect, it } from 'vitest';
import { deadLettersContract } from './dead-letters.contract.ts';
import { MemoryDeadLetters } from './dead-letters.memory.ts';
import type { NewDeadLetter } from './dead-letters.ts';

deadLettersContract(async () => ({ letters: new MemoryDeadLetters(), close: async () => {} }));

describe('dead letters in one process', () => {
  const letter = (bytes: number): NewDeadLetter => ({
    subject: 'reports',
    group: 'inventory',
    tries: 3,
    error: 'Error: no',
    agent: null,
    payload: new Uint8Array(bytes),
  });

  it('drops the oldest beyond its bounds', async () => {
    const few = new MemoryDeadLetters(undefined, { letters: 2 });
    const ids = [await few.add(letter(1)), await few.add(letter(1)), await few.add(letter(1))];
    expect((await few.page({ limit: 9 })).items.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const small = new MemoryDeadLetters(undefined, { bytes: 100 });
    await small.add(letter(60));
    const last = await small.add(letter(60));
    expect((await small.page({ limit: 9 })).items.map(({ id }) => id)).toEqual([last]);
    const brief = new MemoryDeadLetters(undefined, { ageMs: -1 });
    await brief.add(letter(1));
    expect(await brief.count()).toBe(0);
  });

  it('raises the alarm once for many that come together', async () => {
    const lines: object[] = [];
    const log = { info() {}, warn() {}, error: (detail: object) => void lines.push(detail) };
    const letters = new MemoryDeadLetters(log);
    for (let at = 0; at < 500; at += 1) await letters.add(letter(1));
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('payload');
    expect(letters.numbers.setAside).toBe(500);
  });
});
