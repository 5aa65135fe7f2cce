/** Cartesia's raw audio formats, to and from 16-bit samples at 24 kHz, at which speech is made and heard here. */
import { PCM_RATE } from './audio-format.ts';
import { aLawToLinear, linearToALaw, linearToMuLaw, muLawToLinear } from './g711.ts';

export interface RawFormat {
  readonly encoding: string;
  readonly sampleRate: number;
}

interface Codec {
  readonly bytes: number;
  read(view: DataView, at: number): number;
  write(view: DataView, at: number, sample: number): void;
}

const FULL_SCALE = 32_768;

/** 16-bit samples from what may be out of range. */
function clamped(sample: number): number {
  return Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(sample)));
}

const CODECS = new Map<string, Codec>([
  [
    'pcm_s16le',
    {
      bytes: 2,
      read: (view, at) => view.getInt16(at, true),
      write: (view, at, sample) => view.setInt16(at, sample, true),
    },
  ],
  [
    'pcm_s32le',
    {
      bytes: 4,
      read: (view, at) => view.getInt32(at, true) >> 16,
      write: (view, at, sample) => view.setInt32(at, sample << 16, true),
    },
  ],
  [
    'pcm_f32le',
    {
      bytes: 4,
      read: (view, at) => clamped(view.getFloat32(at, true) * FULL_SCALE),
      write: (view, at, sample) => view.setFloat32(at, sample / FULL_SCALE, true),
    },
  ],
  [
    'pcm_f16le',
    {
      bytes: 2,
      read: (view, at) => clamped(halfToNumber(view.getUint16(at, true)) * FULL_SCALE),
      // Speech is never made in this format.
      write: () => undefined,
    },
  ],
  [
    'pcm_mulaw',
    {
      bytes: 1,
      read: (view, at) => muLawToLinear(view.getUint8(at)),
      write: (view, at, sample) => view.setUint8(at, linearToMuLaw(sample)),
    },
  ],
  [
    'pcm_alaw',
    {
      bytes: 1,
      read: (view, at) => aLawToLinear(view.getUint8(at)),
      write: (view, at, sample) => view.setUint8(at, linearToALaw(sample)),
    },
  ],
]);

export const HEARD_ENCODINGS: readonly string[] = [...CODECS.keys()];

/** IEEE 754 binary16: `DataView.getFloat16` is not in every engine yet. Infinity and NaN come out as silence. */
function halfToNumber(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const magnitude =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 0x1f
        ? 0
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** Speech made at 24 kHz, in the format that was asked for. */
export function encodeSpeech(samples: Int16Array, { encoding, sampleRate }: RawFormat): Uint8Array {
  const codec = CODECS.get(encoding);
  if (codec === undefined) return new Uint8Array(0);
  const resampled = resample(samples, PCM_RATE, sampleRate);
  const bytes = new Uint8Array(resampled.length * codec.bytes);
  const view = new DataView(bytes.buffer);
  resampled.forEach((sample, index) => codec.write(view, index * codec.bytes, sample));
  return bytes;
}

/** Decodes audio as it arrives: a piece may end within a sample. */
export class SampleReader {
  readonly #codec: Codec | undefined;
  readonly #sampleRate: number;
  #rest: Uint8Array = new Uint8Array(0);

  constructor({ encoding, sampleRate }: RawFormat) {
    this.#codec = CODECS.get(encoding);
    this.#sampleRate = sampleRate;
  }

  /** Samples at 24 kHz. */
  read(bytes: Uint8Array): Int16Array {
    const codec = this.#codec;
    if (codec === undefined) return new Int16Array(0);
    const whole = new Uint8Array(this.#rest.length + bytes.length);
    whole.set(this.#rest);
    whole.set(bytes, this.#rest.length);
    const samples = new Int16Array(Math.floor(whole.length / codec.bytes));
    const view = new DataView(whole.buffer);
    for (let index = 0; index < samples.length; index++)
      samples[index] = codec.read(view, index * codec.bytes);
    this.#rest = whole.slice(samples.length * codec.bytes);
    return resample(samples, this.#sampleRate, PCM_RATE);
  }
}

/** By straight lines between samples: crude, and enough for a synthetic voice. */
function resample(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const resampled = new Int16Array(Math.round((samples.length * to) / from));
  for (let index = 0; index < resampled.length; index++) {
    const exact = (index * from) / to;
    const at = Math.floor(exact);
    const here = samples[at] ?? 0;
    resampled[index] = Math.round(here + ((samples[at + 1] ?? here) - here) * (exact - at));
  }
  return resampled;
}
