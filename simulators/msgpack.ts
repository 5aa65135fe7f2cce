/**
 * MessagePack, as much of it as a simulated service needs: all of JSON's types, and byte strings. Written here because the
 * deployment shall not carry a package for the sake of its simulator.
 */

export type Packed =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Packed[]
  | { readonly [key: string]: Packed };

/** Nesting beyond this is refused: hostile input must not use up the stack. */
const DEEPEST = 32;

export function encodeMsgpack(value: Packed): Uint8Array {
  const out: number[] = [];
  write(value, out);
  return Uint8Array.from(out);
}

function write(value: Packed, out: number[]): void {
  if (value === null) out.push(0xc0);
  else if (typeof value === 'boolean') out.push(value ? 0xc3 : 0xc2);
  else if (typeof value === 'number') writeNumber(value, out);
  else if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value);
    writeLength(bytes.length, 0xdb, out);
    push(bytes, out);
  } else if (value instanceof Uint8Array) {
    writeLength(value.length, 0xc6, out);
    push(value, out);
  } else if (isList(value)) {
    writeLength(value.length, 0xdd, out);
    for (const each of value) write(each, out);
  } else {
    const entries = Object.entries(value);
    writeLength(entries.length, 0xdf, out);
    for (const [key, each] of entries) {
      write(key, out);
      write(each, out);
    }
  }
}

/** `Array.isArray` does not tell readonly arrays from objects. */
function isList(value: readonly Packed[] | { readonly [key: string]: Packed }): value is readonly Packed[] {
  return Array.isArray(value);
}

/** Small integers take one byte; all others are doubles, which any reader takes. */
function writeNumber(value: number, out: number[]): void {
  if (Number.isInteger(value) && value >= 0 && value < 0x80) {
    out.push(value);
    return;
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  out.push(0xcb);
  push(new Uint8Array(view.buffer), out);
}

/** The 32-bit form of each type: longer than it could be, and as right. */
function writeLength(length: number, type: number, out: number[]): void {
  out.push(type, (length >>> 24) & 0xff, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}

function push(bytes: Uint8Array, out: number[]): void {
  for (const byte of bytes) out.push(byte);
}

/** The one value that the bytes hold, or undefined when they are not MessagePack, or hold a type that JSON has not. */
export function decodeMsgpack(bytes: Uint8Array): Packed | undefined {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  return reader.isAtEnd ? value : undefined;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #isValid = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** True when all was read, and nothing was wrong. */
  get isAtEnd(): boolean {
    return this.#isValid && this.#at === this.#bytes.length;
  }

  value(depth: number): Packed {
    const type = this.#uint(1);
    if (!this.#isValid || depth > DEEPEST) return this.#invalid();
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#list(type & 0x0f, depth);
    if (type < 0xc0) return this.#text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    return this.#typed(type, depth);
  }

  #typed(type: number, depth: number): Packed {
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return type === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (type - 0xc4)));
      case 0xca:
        return this.#number(4, (at) => this.#view.getFloat32(at));
      case 0xcb:
        return this.#number(8, (at) => this.#view.getFloat64(at));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (type - 0xcc));
      case 0xcf:
        return this.#number(8, (at) => Number(this.#view.getBigUint64(at)));
      case 0xd0:
        return this.#number(1, (at) => this.#view.getInt8(at));
      case 0xd1:
        return this.#number(2, (at) => this.#view.getInt16(at));
      case 0xd2:
        return this.#number(4, (at) => this.#view.getInt32(at));
      case 0xd3:
        return this.#number(8, (at) => Number(this.#view.getBigInt64(at)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (type - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#uint(type === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(type === 0xde ? 2 : 4), depth);
      default:
        return this.#invalid();
    }
  }

  #invalid(): null {
    this.#isValid = false;
    return null;
  }

  #number(length: number, read: (at: number) => number): number {
    const at = this.#at;
    this.#take(length);
    return this.#isValid ? read(at) : 0;
  }

  #uint(length: number): number {
    return this.#take(length).reduce((value, byte) => value * 0x100 + byte, 0);
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) this.#isValid = false;
    if (!this.#isValid) return new Uint8Array(0);
    const taken = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  #text(length: number): string {
    return new TextDecoder().decode(this.#take(length));
  }

  #list(length: number, depth: number): Packed {
    const list: Packed[] = [];
    // Each takes a byte at least, so a false length ends with the bytes.
    for (let index = 0; index < length && this.#isValid; index++) list.push(this.value(depth + 1));
    return list;
  }

  #map(length: number, depth: number): Packed {
    const entries: [string, Packed][] = [];
    for (let index = 0; index < length && this.#isValid; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') return this.#invalid();
      entries.push([key, this.value(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }
}
