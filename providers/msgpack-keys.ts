/** Whether bytes are MessagePack that every reader understands alike: one map, each of whose keys comes once. */

/** Nesting beyond this is refused: hostile input must not use up the stack. */
const DEEPEST = 32;

export function isStrictMap(payload: ArrayBuffer): boolean {
  const walker = new Walker(new Uint8Array(payload));
  const isMap = walker.isMap();
  return isMap && walker.value(0) && walker.isDone();
}

/** By the first byte of a value: how many bytes tell its length, and how many follow whatever it says. */
const LENGTH_BYTES: Readonly<
  Record<number, { readonly of: 'bytes' | 'list' | 'map'; readonly length: number; readonly extra?: 1 }>
> = {
  0xc4: { of: 'bytes', length: 1 },
  0xc5: { of: 'bytes', length: 2 },
  0xc6: { of: 'bytes', length: 4 },
  0xc7: { of: 'bytes', length: 1, extra: 1 },
  0xc8: { of: 'bytes', length: 2, extra: 1 },
  0xc9: { of: 'bytes', length: 4, extra: 1 },
  0xd9: { of: 'bytes', length: 1 },
  0xda: { of: 'bytes', length: 2 },
  0xdb: { of: 'bytes', length: 4 },
  0xdc: { of: 'list', length: 2 },
  0xdd: { of: 'list', length: 4 },
  0xde: { of: 'map', length: 2 },
  0xdf: { of: 'map', length: 4 },
};
/** Fixed sizes: null, booleans, numbers, and extensions with their type. */
const SIZES: Readonly<Record<number, number>> = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
  0xd4: 2,
  0xd5: 3,
  0xd6: 5,
  0xd7: 9,
  0xd8: 17,
};

class Walker {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  isMap(): boolean {
    const first = this.#bytes[0] ?? 0;
    return (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf;
  }

  isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Passes one value; false when it is none, or not certain. */
  value(depth: number): boolean {
    const first = this.#bytes[this.#at];
    if (first === undefined || depth > DEEPEST) return false;
    this.#at += 1;
    if (first < 0x80 || first >= 0xe0) return true;
    if (first < 0x90) return this.#map(first & 0x0f, depth);
    if (first < 0xa0) return this.#list(first & 0x0f, depth);
    if (first < 0xc0) return this.#skip(first & 0x1f);
    const fixed = SIZES[first];
    if (fixed !== undefined) return this.#skip(fixed);
    const sized = LENGTH_BYTES[first];
    if (sized === undefined) return false;
    const count = this.#length(sized.length);
    if (count === null) return false;
    switch (sized.of) {
      case 'bytes':
        return this.#skip(count + (sized.extra ?? 0));
      case 'list':
        return this.#list(count, depth);
      case 'map':
        return this.#map(count, depth);
    }
  }

  #length(bytes: number): number | null {
    const at = this.#at;
    if (!this.#skip(bytes)) return null;
    if (bytes === 1) return this.#view.getUint8(at);
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #skip(bytes: number): boolean {
    this.#at += bytes;
    return this.#at <= this.#bytes.length;
  }

  #list(count: number, depth: number): boolean {
    for (let index = 0; index < count; index += 1) if (!this.value(depth + 1)) return false;
    return true;
  }

  /** Keys are strings; what a reader makes of others differs. */
  #map(count: number, depth: number): boolean {
    const keys = new Set<string>();
    for (let index = 0; index < count; index += 1) {
      const key = this.#key();
      if (key === null || keys.has(key) || !this.value(depth + 1)) return false;
      keys.add(key);
    }
    return true;
  }

  #key(): string | null {
    const first = this.#bytes[this.#at] ?? 0;
    if ((first < 0xa0 || first >= 0xc0) && (first < 0xd9 || first > 0xdb)) return null;
    const header = first < 0xc0 ? 1 : 1 + (LENGTH_BYTES[first]?.length ?? 0);
    const start = this.#at + header;
    if (!this.value(0)) return null;
    return new TextDecoder().decode(this.#bytes.subarray(start, this.#at)).toLowerCase();
  }
}
