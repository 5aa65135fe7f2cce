/** Raw audio at any rate, to and from the 24 kHz samples that the synthetic voice and the voice detector work in. */
import { encodeSamples, PCM_RATE } from './audio-format.ts';
import { aLawToLinear, linearToALaw, linearToMuLaw, muLawToLinear } from './g711.ts';
import { VoiceActivity, type VoiceTurn } from './voice-activity.ts';

export interface RawFormat {
  readonly encoding: 'linear16' | 'linear32' | 'mulaw' | 'alaw';
  readonly rate: number;
  readonly channels: number;
}

const WIDTH = { linear16: 2, linear32: 4, mulaw: 1, alaw: 1 } as const;

/** Null for an encoding that is compressed, or unknown. */
export function rawEncoding(name: string | null): RawFormat['encoding'] | null {
  return name !== null && Object.hasOwn(WIDTH, name) ? (name as RawFormat['encoding']) : null; // one of its keys
}

export function rawMs(bytes: number, { encoding, rate, channels }: RawFormat): number {
  return (bytes * 1000) / (rate * WIDTH[encoding] * channels);
}

/** The first channel, at 24 kHz. */
function decodeRaw(bytes: Uint8Array, { encoding, rate, channels }: RawFormat): Int16Array {
  const frame = WIDTH[encoding] * channels;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sample = (at: number): number => {
    switch (encoding) {
      case 'linear16':
        return view.getInt16(at, true);
      case 'linear32':
        return view.getInt32(at, true) >> 16;
      case 'mulaw':
        return muLawToLinear(view.getUint8(at));
      case 'alaw':
        return aLawToLinear(view.getUint8(at));
    }
  };
  const samples = Int16Array.from({ length: Math.floor(bytes.length / frame) }, (_, at) =>
    sample(at * frame),
  );
  return atRate(samples, rate, PCM_RATE);
}

/** From mono samples at 24 kHz, to one channel. */
export function encodeRaw(samples: Int16Array, { encoding, rate }: RawFormat): Uint8Array {
  const own = atRate(samples, PCM_RATE, rate);
  switch (encoding) {
    case 'linear16':
      return encodeSamples(own, 'audio/pcm');
    case 'linear32': {
      const bytes = new Uint8Array(own.length * 4);
      const view = new DataView(bytes.buffer);
      own.forEach((sample, at) => view.setInt32(at * 4, sample * 0x1_0000, true));
      return bytes;
    }
    case 'mulaw':
      return Uint8Array.from(own, linearToMuLaw);
    case 'alaw':
      return Uint8Array.from(own, linearToALaw);
  }
}

/** Linear interpolation upwards, the mean of what falls together downwards. */
function atRate(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const step = from / to;
  return Int16Array.from({ length: Math.floor(samples.length / step) }, (_, index) => {
    const at = index * step;
    const first = Math.floor(at);
    if (step <= 1) {
      const here = samples[first] ?? 0;
      return Math.round(here + ((samples[first + 1] ?? here) - here) * (at - first));
    }
    const group = samples.subarray(first, Math.max(first + 1, Math.floor(at + step)));
    return Math.round(group.reduce((sum, each) => sum + each, 0) / group.length);
  });
}

const THRESHOLD = 0.5;
/** Compressed audio cannot be heard here: it counts as a voice of 32 kbit/s. */
const COMPRESSED_BYTES_PER_MS = 4;

/** Hears a stream of audio frames: how long it is, and where someone speaks. */
export class Ear {
  readonly #format: RawFormat | null;
  readonly #silenceMs: number;
  readonly #voice = new VoiceActivity('audio/pcm', 0);
  #heardMs = 0;
  #compressedVoice = false;

  /** @param format null for compressed audio */
  constructor(format: RawFormat | null, silenceMs: number) {
    this.#format = format;
    this.#silenceMs = silenceMs;
  }

  get heardMs(): number {
    return this.#heardMs;
  }

  get speaking(): boolean {
    return this.#compressedVoice || this.#voice.speaking;
  }

  hear(bytes: Uint8Array, turn: (turn: VoiceTurn) => void): void {
    if (this.#format === null) {
      const startsAt = this.#heardMs;
      this.#heardMs += bytes.length / COMPRESSED_BYTES_PER_MS;
      if (!this.#compressedVoice) turn({ kind: 'started', atMs: startsAt });
      this.#compressedVoice = true;
      return;
    }
    this.#heardMs += rawMs(bytes.length, this.#format);
    const heard = encodeSamples(decodeRaw(bytes, this.#format), 'audio/pcm');
    this.#voice.hear(heard, { threshold: THRESHOLD, prefixPaddingMs: 0, silenceMs: this.#silenceMs }, turn);
  }

  /** Ends the speech in progress here, as a client can demand. */
  cut(): void {
    this.#compressedVoice = false;
    this.#voice.reset(this.#heardMs);
  }
}
