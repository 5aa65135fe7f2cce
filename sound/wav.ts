/** A session's sound as a WAV file that exists nowhere: any range of its bytes is computed when it is asked for. */
import type { Channel, Renderer } from './renderer.ts';
import type { SoundIndex } from './sound-index.ts';

export interface WavShape {
  readonly channels: readonly Channel[];
  /** Of the file, samples a second. */
  readonly rate: number;
  /** Of each channel. */
  readonly samples: number;
  readonly bytes: number;
}

export const HEAD_BYTES = 44;
const SAMPLE_BYTES = 2;
const BITS = SAMPLE_BYTES * 8;
/** RIFF counts bytes in 32 bits. */
const FILE_BYTES = 0xffff_ffff - 8;
const FULL_RATE = 48_000;
/** What a file that would be longer than WAV can say falls back to. */
const LOWER_RATES = [24_000, 16_000, 8_000];

/**
 * The highest rate that was recorded, so that sound of that rate is as it was, sample for sample; a lower one where the
 * session is too long for it. Null: it is too long for any.
 */
export function wavShape({ rate, endMs }: SoundIndex, channels: readonly Channel[]): WavShape | null {
  const own = Math.min(rate ?? FULL_RATE, FULL_RATE);
  for (const candidate of [own, ...LOWER_RATES.filter((each) => each < own)]) {
    const samples = Math.ceil((endMs * candidate) / 1000 - 1e-6);
    const bytes = HEAD_BYTES + samples * channels.length * SAMPLE_BYTES;
    if (bytes <= FILE_BYTES) return { channels, rate: candidate, samples, bytes };
  }
  return null;
}

/** The head, of 44 bytes: PCM, little-endian. */
export function wavHead({ channels, rate, bytes }: WavShape): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  const frame = channels.length * SAMPLE_BYTES;
  letters(head, 0, 'RIFF');
  view.setUint32(4, bytes - 8, true);
  letters(head, 8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, BITS, true);
  letters(head, 36, 'data');
  view.setUint32(40, bytes - HEAD_BYTES, true);
  return head;
}

function letters(bytes: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) bytes[at + index] = text.charCodeAt(index);
}

/** Samples of one window: what is mixed in one go. */
const WINDOW_SAMPLES = 4_096;

/** Samples of all channels, interleaved, a window at a time; each is valid until the next is asked for. */
export async function* windows(renderer: Renderer, { channels }: WavShape, from: number, to: number) {
  const mixed = new Float32Array(WINDOW_SAMPLES);
  const interleaved = new Int16Array(WINDOW_SAMPLES * channels.length);
  for (let at = from; at < to; at += WINDOW_SAMPLES) {
    const length = Math.min(WINDOW_SAMPLES, to - at);
    const loaded = await renderer.load(at, at + length);
    const samples = mixed.subarray(0, length);
    const window = interleaved.subarray(0, length * channels.length);
    for (const [number, channel] of channels.entries()) {
      renderer.mix(samples, channel, at, loaded);
      for (let index = 0; index < length; index += 1)
        window[index * channels.length + number] = toInt16(samples[index] ?? 0);
    }
    yield window;
    const turn = renderer.giveWay(window.byteLength);
    if (turn !== null) await turn;
  }
}

function toInt16(sample: number): number {
  if (sample > 0x7fff) return 0x7fff;
  return sample < -0x8000 ? -0x8000 : Math.round(sample);
}

/** Bytes `from` to `to` of the file; each part is valid until the next is asked for. */
export async function* wavBytes(
  renderer: Renderer,
  shape: WavShape,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  if (from < HEAD_BYTES) yield wavHead(shape).subarray(from, Math.min(to, HEAD_BYTES));
  const frame = shape.channels.length * SAMPLE_BYTES;
  const first = Math.max(0, from - HEAD_BYTES);
  const end = to - HEAD_BYTES;
  if (end <= first) return;
  let at = Math.floor(first / frame) * frame;
  for await (const window of windows(renderer, shape, at / frame, Math.ceil(end / frame))) {
    // Little-endian, as every machine is that V8 runs on today.
    const bytes = new Uint8Array(window.buffer, 0, window.byteLength);
    yield bytes.subarray(Math.max(0, first - at), Math.min(bytes.length, end - at));
    at += bytes.length;
  }
}
