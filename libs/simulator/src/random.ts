/** Uniform in [0, 1). */
export type Random = () => number;

/** Pseudo-random numbers that depend on the seed alone (xorshift, 32 bits). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = mix(seed) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Spreads the bits of a whole number over 32 bits, unsigned. */
export function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

/** A number in [0, 1) that belongs to this agent, this question and this seed for good. */
export function draw(seed: number, agent: number, question: number): number {
  return mix(mix(mix(seed) ^ agent) + question * 0x9e3779b1) / 2 ** 32;
}
