/**
 * Where sound is played. A user's sound is where it arrived; the model's comes faster than it is played, so each piece
 * follows the one before on its line, and a cut silences what had not been played by then. Times are ms since the session
 * began. The same events always give the same places, from any snapshot on.
 */
import type { RawSound, SoundEvent } from '../protocol/sound.ts';
import { base64Length, bytesOfBase64 } from './base64.ts';
import { frameBytes, withoutWavHead } from './codings.ts';

/** What comes so little after the end of what was before goes on without a break: networks jitter, voices do not. */
const JOIN_MS = 60;
/** Lines that are remembered, the last used of them: as many as a session may have clients, and more. */
const LINES = 512;

export type Piece = Extract<SoundEvent, { kind: 'piece' }>;
type Cut = Extract<SoundEvent, { kind: 'cut' }>;

/** A run is sound without a break: a piece's place in it is a whole number of samples. */
export interface Placed {
  readonly speaker: 'user' | 'model';
  readonly line: string;
  /** Counts the session's sound events: which cuts are later than this piece. */
  readonly order: number;
  readonly runStart: number;
  /** Samples of the run before this piece. */
  readonly before: number;
  readonly samples: number;
  readonly format: RawSound;
  /** Writes them, whole frames, to an array of their length. */
  readonly write: (out: Uint8Array) => void;
}

/** Nothing that was placed on the line before this is heard after `at`. */
export interface PlacedCut {
  readonly line: string;
  readonly order: number;
  readonly at: number;
}

interface Line {
  readonly speaker: 'user' | 'model';
  readonly end: number;
  /** Of the run that goes on; null after a cut. */
  readonly run: { readonly start: number; readonly rate: number; readonly samples: number } | null;
  readonly utterance: string;
  /** Where the utterance's own sound would be at 0, pauses in its arrival taken out. */
  readonly utteranceFrom: number;
  /** No more of this utterance is played. */
  readonly cutUtterance: string | null;
  /** A cut whose exact place the player may still tell. */
  readonly pending: number | null;
  /** Bytes of a frame whose rest comes in the next piece. */
  readonly carry: Uint8Array | null;
  readonly isOver: boolean;
}

export interface Snapshot {
  readonly lines: ReadonlyMap<string, Line>;
  readonly order: number;
  /** The end of lines that are not remembered any more. */
  readonly forgottenEnd: number;
}

const EMPTY: Snapshot = { lines: new Map(), order: 0, forgottenEnd: 0 };

export class Timeline {
  readonly #lines: Map<string, Line>;
  readonly #cut: (cut: PlacedCut) => void;
  #order: number;
  #forgottenEnd: number;

  constructor(cut: (cut: PlacedCut) => void, from: Snapshot = EMPTY) {
    this.#lines = new Map(from.lines);
    this.#order = from.order;
    this.#forgottenEnd = from.forgottenEnd;
    this.#cut = cut;
  }

  snapshot(): Snapshot {
    return { lines: new Map(this.#lines), order: this.#order, forgottenEnd: this.#forgottenEnd };
  }

  /** Null: nothing of it is played. */
  add(piece: Piece, format: RawSound, client: number, at: number): Placed | null {
    this.#order += 1;
    const key = piece.speaker === 'user' ? `user ${client}` : `model ${piece.line ?? ''}`;
    const before = this.#settled(key, piece.utterance);
    if (before?.cutUtterance === piece.utterance) return null;
    const cutting = wholeFrames(
      piece.data,
      format,
      before?.utterance === piece.utterance ? before.carry : null,
    );
    const run = this.#runFor(before, piece, format, at);
    const length = (cutting.samples * 1000) / format.rate;
    const startsAt = run.start + (run.samples * 1000) / run.rate;
    const isNew = before === null || before.utterance !== piece.utterance;
    this.#keep(key, at, {
      speaker: piece.speaker,
      end: startsAt + length,
      run: { ...run, samples: run.samples + cutting.samples },
      utterance: piece.utterance,
      utteranceFrom: isNew ? startsAt : before.utteranceFrom + Math.max(0, startsAt - before.end),
      cutUtterance: null,
      pending: null,
      carry: cutting.carry,
      isOver: false,
    });
    return {
      speaker: piece.speaker,
      line: key,
      order: this.#order,
      runStart: run.start,
      before: run.samples,
      samples: cutting.samples,
      format,
      write: cutting.write,
    };
  }

  /** A cut where a player told its place, once it can: until the next utterance begins. */
  cut({ line, played }: Cut, at: number): void {
    this.#order += 1;
    for (const [key, each] of this.#lines) {
      if (each.speaker !== 'model' || (line !== undefined && key !== `model ${line}`)) continue;
      if (played === undefined) {
        const pending = Math.min(each.pending ?? Infinity, at);
        this.#lines.set(key, { ...each, cutUtterance: each.utterance, pending });
      } else if (each.utterance === played.utterance) {
        // No player has played what is yet to come.
        this.#silence(key, each, Math.min(at, each.utteranceFrom + played.ms));
      }
    }
  }

  end(line: string): void {
    this.#order += 1;
    const known = this.#lines.get(`model ${line}`);
    if (known !== undefined) this.#lines.set(`model ${line}`, { ...known, isOver: true });
  }

  /** Carries out what waited for a better place, and tells when the last sound is over. */
  finish(): number {
    this.#order += 1;
    for (const [key, line] of this.#lines) if (line.pending !== null) this.#silence(key, line, line.pending);
    return Math.max(this.#forgottenEnd, ...[...this.#lines.values()].map(({ end }) => end));
  }

  /** The line as the next piece finds it. */
  #settled(key: string, utterance: string): Line | null {
    const line = this.#lines.get(key) ?? null;
    if (line === null || line.pending === null || line.utterance === utterance) return line;
    return this.#silence(key, line, line.pending);
  }

  #silence(key: string, line: Line, at: number): Line {
    if (at < line.end) this.#cut({ line: key, order: this.#order, at });
    const silent = {
      ...line,
      end: Math.min(line.end, at),
      run: null,
      pending: null,
      cutUtterance: line.utterance,
    };
    this.#lines.set(key, silent);
    return silent;
  }

  #runFor(before: Line | null, piece: Piece, format: RawSound, at: number): NonNullable<Line['run']> {
    const goesOn = before?.run?.rate === format.rate && at <= before.end + JOIN_MS;
    if (before !== null && before.run !== null && goesOn) return before.run;
    const after = before?.end ?? (piece.speaker === 'model' ? this.#endOfFinished() : 0);
    return { start: Math.max(at, after), rate: format.rate, samples: 0 };
  }

  #endOfFinished(): number {
    let end = 0;
    for (const line of this.#lines.values()) if (line.isOver) end = Math.max(end, line.end);
    return end;
  }

  #keep(key: string, now: number, line: Line): void {
    // A line that is over and was heard to its end changes nothing any more.
    if (!this.#lines.has(key))
      for (const [other, { isOver, end }] of this.#lines) if (isOver && end <= now) this.#forget(other, end);
    this.#lines.delete(key);
    this.#lines.set(key, line);
    const [oldest] = this.#lines;
    if (this.#lines.size > LINES && oldest !== undefined) this.#forget(oldest[0], oldest[1].end);
  }

  #forget(key: string, end: number): void {
    this.#lines.delete(key);
    this.#forgottenEnd = Math.max(this.#forgottenEnd, end);
  }
}

interface Frames {
  readonly samples: number;
  readonly write: (out: Uint8Array) => void;
  readonly carry: Uint8Array | null;
}

/** Cuts a piece into whole frames; decodes it only where it must. */
function wholeFrames(data: string | Uint8Array, format: RawSound, carry: Uint8Array | null): Frames {
  const width = frameBytes(format);
  const length = typeof data === 'string' ? base64Length(data) : data.length;
  if (carry === null && length % width === 0 && format.wavHeads !== true)
    return { samples: length / width, write: (out) => writeTo(out, data), carry: null };
  const sound = format.wavHeads === true ? withoutWavHead(bytesOf(data)) : bytesOf(data);
  const whole = new Uint8Array((carry?.length ?? 0) + sound.length);
  if (carry !== null) whole.set(carry);
  whole.set(sound, carry?.length ?? 0);
  const samples = Math.floor(whole.length / width);
  const rest = whole.subarray(samples * width);
  return {
    samples,
    write: (out) => out.set(whole.subarray(0, samples * width)),
    carry: rest.length === 0 ? null : rest.slice(),
  };
}

function writeTo(out: Uint8Array, data: string | Uint8Array): void {
  if (typeof data === 'string') bytesOfBase64(data, out);
  else out.set(data);
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? bytesOfBase64(data) : data;
}
