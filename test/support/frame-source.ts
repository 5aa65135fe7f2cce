/** Seeded frames of every kind: text of any Unicode, binary, sizes from nothing to 16 MiB. */
import { createHash, type Hash } from 'node:crypto';

const TEXT = 'abc "quoted\\" \\ud800 {"type":"x"} żółć 日本語 🚀👩‍👩‍👧‍👦 ';

/** mulberry32: small, fast, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const MIB = 1 << 20;
const POOL = Buffer.alloc(16 * MIB, 'parley pool of bytes ');

export function* frames(seed: number, count: number): Generator<string | Buffer> {
  const chance = random(seed);
  for (let n = 0; n < count; n += 1) {
    const size = sizeOf(n, chance());
    // The number at the head makes every frame different.
    if (chance() < 0.5)
      yield `${n} ${TEXT.repeat(Math.ceil(size / TEXT.length))}`.slice(0, Math.max(0, size)).toWellFormed();
    else {
      const bytes = Buffer.from(POOL.subarray(0, size));
      if (size >= 4) bytes.writeUInt32BE(n);
      yield bytes;
    }
  }
}

/** Mostly what realtime sessions carry; now and then something large. */
function sizeOf(n: number, chance: number): number {
  if (n % 50_000 === 40_000) return 16 * MIB;
  if (n % 10_000 === 5_000) return MIB;
  if (n % 1_000 === 500) return 64 * 1024;
  if (chance < 0.02) return 0;
  return chance < 0.9 ? Math.floor(20 + chance * 1_500) : 8_192;
}

/** Witness of a stream of frames: kind, order and every byte of each. */
export class Witness {
  readonly #hash: Hash = createHash('sha256');
  count = 0;

  see(payload: string | Buffer, binary: boolean): void {
    this.count += 1;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    this.#hash.update(`${binary ? 'b' : 't'}${bytes.length}:`).update(bytes);
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
