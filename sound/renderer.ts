/**
 * Any window of a session's sound, computed when it is asked for: left what the users said, right what the model was heard
 * to say. Windows that follow each other read most stretches of the log once.
 */
import type { GiveWay } from '../storage/give-way.ts';
import { decodeInto, frameBytes } from './codings.ts';
import { type Resampler, resampler } from './resample.ts';
import { cutOf, type IndexedBlock, piecesOf, type SoundIndex, type SoundLog } from './sound-index.ts';
import type { Placed } from './timeline.ts';

export type Channel = 'left' | 'right';

/** Blocks are found by the time that they sound in. */
const BUCKET_MS = 5_000;
/** Decoded blocks that are kept: bytes of sound. */
const KEPT_BYTES = 2 * 1024 * 1024;
/** More than a resampler's reach at the lowest rate. */
const REACH_MS = 50;

/** Of a sample: what is a whole number of them may come out a little less. */
const ROUNDING = 1e-6;

/** What was placed, decoded; the frame that it came in is let go. */
interface Sounding extends Omit<Placed, 'write' | 'samples' | 'order'> {
  readonly bytes: Uint8Array;
  /** Samples that are heard. */
  readonly samples: number;
  /** ms. */
  readonly from: number;
  readonly to: number;
}

export class Renderer {
  readonly #log: SoundLog;
  readonly #index: SoundIndex;
  readonly #rate: number;
  readonly #buckets = new Map<number, IndexedBlock[]>();
  readonly #resamplers = new Map<number, Resampler>();
  readonly #kept = new Map<IndexedBlock, { readonly pieces: readonly Sounding[]; readonly bytes: number }>();
  #keptBytes = 0;
  #source = new Float32Array(0);

  constructor(log: SoundLog, index: SoundIndex, rate: number) {
    this.#log = log;
    this.#index = index;
    this.#rate = rate;
    for (const block of index.blocks) {
      for (let bucket = bucketOf(block.from); bucket <= bucketOf(block.to); bucket += 1)
        this.#buckets.set(bucket, [...(this.#buckets.get(bucket) ?? []), block]);
    }
  }

  get giveWay(): GiveWay {
    return this.#log.giveWay;
  }

  /** What sounds between samples `from` and `to`, of both channels: to be mixed. */
  async load(from: number, to: number): Promise<readonly Sounding[]> {
    const [fromMs, toMs] = [(from * 1000) / this.#rate - REACH_MS, (to * 1000) / this.#rate + REACH_MS];
    const blocks = new Set<IndexedBlock>();
    for (let bucket = bucketOf(fromMs); bucket <= bucketOf(toMs); bucket += 1)
      for (const block of this.#buckets.get(bucket) ?? [])
        if (block.from < toMs && block.to > fromMs) blocks.add(block);
    const found: Sounding[] = [];
    for (const block of blocks)
      for (const piece of await this.#load(block))
        if (piece.from < toMs && piece.to > fromMs) found.push(piece);
    return found;
  }

  /** Writes samples `from` on of one channel to `out`, on the scale of 16 bits. */
  mix(out: Float32Array, channel: Channel, from: number, loaded: readonly Sounding[]): void {
    out.fill(0);
    const speaker = channel === 'left' ? 'user' : 'model';
    const runs = Map.groupBy(
      loaded.filter((piece) => piece.speaker === speaker),
      ({ line, runStart }) => `${line} ${runStart}`,
    );
    for (const run of runs.values()) this.#addRun(out, from, from + out.length, run);
  }

  /** Adds a run, of which these are the pieces that sound in the window or near it. */
  #addRun(out: Float32Array, from: number, to: number, pieces: readonly Sounding[]): void {
    const [one] = pieces;
    if (one === undefined) return;
    const { runStart, format } = one;
    const start = Math.round((runStart * this.#rate) / 1000);
    const resample = this.#resampler(format.rate);
    const ratio = format.rate / this.#rate;
    const first = Math.max(0, Math.floor((from - start) * ratio) - resample.reach);
    const last = Math.ceil((to - start) * ratio) + resample.reach;
    if (last <= first) return;
    const source = this.#emptySource(last - first);
    let end = 0;
    for (const { before, bytes, samples } of pieces) {
      const begins = Math.max(first, before);
      const ends = Math.min(last, before + samples);
      if (ends <= begins) continue;
      decodeInto(source, begins - first, bytes, format, begins - before, ends - before);
      end = Math.max(end, ends);
    }
    // Before and after a run there is silence, not the filter's ringing.
    const soundsFrom = Math.max(from, start);
    const soundsTo = Math.min(to, start + Math.round(end / ratio));
    if (soundsTo <= soundsFrom) return;
    resample.add(out.subarray(soundsFrom - from), soundsFrom - start, soundsTo - start, source, first);
  }

  /** The same memory for every window: what an hour of them would leave behind is more than an object has. */
  #emptySource(length: number): Float32Array {
    if (this.#source.length < length) this.#source = new Float32Array(length);
    return this.#source.subarray(0, length).fill(0);
  }

  async #load(block: IndexedBlock): Promise<readonly Sounding[]> {
    const known = this.#kept.get(block);
    if (known !== undefined) return known.pieces;
    const placed = await piecesOf(this.#log, block);
    // One array for all: thousands of small ones would be thousands of allocations outside of the heap.
    const bytes = placed.reduce((sum, each) => sum + bytesIn(each), 0);
    const sound = new Uint8Array(bytes);
    let at = 0;
    const pieces: Sounding[] = [];
    for (const each of placed) {
      const turn = this.giveWay(bytesIn(each));
      if (turn !== null) await turn;
      const own = sound.subarray(at, at + bytesIn(each));
      each.write(own);
      at += own.length;
      const piece = pieceOf(each, own, cutOf(this.#index, each));
      if (piece.samples > 0) pieces.push(piece);
    }
    // Another reader may have been as quick.
    const meanwhile = this.#kept.get(block);
    if (meanwhile !== undefined) return meanwhile.pieces;
    this.#kept.set(block, { pieces, bytes });
    this.#keptBytes += bytes;
    // The oldest first: windows go forward.
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES || oldest === block) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= freed;
    }
    return pieces;
  }

  #resampler(rate: number): Resampler {
    const known = this.#resamplers.get(rate) ?? resampler(rate, this.#rate);
    this.#resamplers.set(rate, known);
    return known;
  }
}

function bytesIn({ samples, format }: Placed): number {
  return samples * frameBytes(format);
}

function pieceOf(placed: Placed, bytes: Uint8Array, cutAt: number): Sounding {
  const { speaker, line, runStart, before, format } = placed;
  const from = runStart + (before * 1000) / format.rate;
  const heard = Math.floor(((cutAt - from) * format.rate) / 1000 + ROUNDING);
  const samples = Math.max(0, Math.min(placed.samples, heard));
  const to = from + (samples * 1000) / format.rate;
  return { speaker, line, runStart, before, format, bytes, samples, from, to };
}

function bucketOf(ms: number): number {
  return Math.floor(ms / BUCKET_MS);
}
