/** Raw samples of every coding, as numbers on the scale of 16 bits. */
import type { Coding, RawSound } from '../protocol/sound.ts';

const WIDTHS: Readonly<Record<Coding, number>> = {
  s16le: 2,
  s32le: 4,
  f16le: 2,
  f32le: 4,
  mulaw: 1,
  alaw: 1,
};
const FULL_SCALE = 0x8000;

/** Bytes of one sample of every channel. */
export function frameBytes({ coding, channels }: RawSound): number {
  return WIDTHS[coding] * channels;
}

/**
 * Decodes frames `from` to `to`, channels averaged, into `out` at `at`.
 *
 * @param bytes whole frames
 */
export function decodeInto(
  out: Float32Array,
  at: number,
  bytes: Uint8Array,
  { coding, channels }: RawSound,
  from: number,
  to: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = WIDTHS[coding];
  const read = READERS[coding];
  if (coding === 's16le' && channels === 1 && bytes.byteOffset % 2 === 0) {
    // Nearly all sound; little-endian, as every machine is that V8 runs on today.
    out.set(new Int16Array(bytes.buffer, bytes.byteOffset + from * width, to - from), at);
    return;
  }
  if (channels === 1) {
    for (let index = from; index < to; index += 1) out[at + index - from] = read(view, index * width);
    return;
  }
  for (let index = from; index < to; index += 1) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1)
      sum += read(view, (index * channels + channel) * width);
    out[at + index - from] = sum / channels;
  }
}

/** ITU-T G.711, expanded: 256 values each, so tables. */
const MU_LAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const bits = ~byte & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4);
  return bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
});
const A_LAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const bits = byte ^ 0x55;
  const exponent = (bits & 0x70) >> 4;
  const mantissa = (bits & 0x0f) << 4;
  const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 0x108) << (exponent - 1);
  return bits & 0x80 ? magnitude : -magnitude;
});

const READERS: Readonly<Record<Coding, (view: DataView, at: number) => number>> = {
  s16le: (view, at) => view.getInt16(at, true),
  s32le: (view, at) => view.getInt32(at, true) / 0x1_0000,
  f16le: (view, at) => finite(halfFloat(view.getUint16(at, true))) * FULL_SCALE,
  f32le: (view, at) => finite(view.getFloat32(at, true)) * FULL_SCALE,
  mulaw: (view, at) => MU_LAW[view.getUint8(at)] ?? 0,
  alaw: (view, at) => A_LAW[view.getUint8(at)] ?? 0,
};

/** A NaN would silence everything that it is mixed with; beyond full scale is full scale. */
function finite(sample: number): number {
  return Number.isNaN(sample) ? 0 : Math.max(-1, Math.min(1, sample));
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const RIFF = [0x52, 0x49, 0x46, 0x46];
const DATA = [0x64, 0x61, 0x74, 0x61];
const RIFF_HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;

/** The sound behind the head of a WAV file, where there is one. */
export function withoutWavHead(bytes: Uint8Array): Uint8Array {
  if (!startsWith(bytes, RIFF, 0)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = RIFF_HEAD_BYTES;
  while (at + CHUNK_HEAD_BYTES <= bytes.length) {
    if (startsWith(bytes, DATA, at)) return bytes.subarray(at + CHUNK_HEAD_BYTES);
    at += CHUNK_HEAD_BYTES + view.getUint32(at + 4, true);
  }
  return bytes.subarray(bytes.length);
}

function startsWith(bytes: Uint8Array, letters: readonly number[], at: number): boolean {
  return letters.every((letter, index) => bytes[at + index] === letter);
}
