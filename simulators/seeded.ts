/** Randomness that is a function of its seed: the simulators' only source of it. */

export interface Seeded {
  /** In [0, 1). */
  next(): number;
  /** An integer in [0, below). */
  below(below: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** `length` letters and digits. */
  letters(length: number): string;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** FNV-1a over UTF-16 units: a seed from any text. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** A SplitMix32-style generator. Streams of different names do not move each other. */
export function seeded(seed: string, stream: string): Seeded {
  let state = hashText(`${seed}\u0000${stream}`);
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    // `below` is less than the length, and the tuple type says that there is a first.
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    letters: (length) => Array.from({ length }, () => ALPHABET.charAt(below(ALPHABET.length))).join(''),
  };
}
