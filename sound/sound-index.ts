/**
 * One pass over a session's log: where its sound is. Nothing of the sound itself is kept, so an index is small however
 * long the session was: a row for each stretch of the log, from which that stretch can be read again by itself.
 */
import type { JsonValue } from '../protocol/json.ts';
import type { SoundReader } from '../providers/adapter.ts';
import { isBase64 } from './base64.ts';
import { readBlock, type SegmentSource, type SoundFrame } from './frames.ts';
import type { GiveWay } from '../storage/give-way.ts';
import { type Piece, type Placed, type PlacedCut, type Snapshot, Timeline } from './timeline.ts';

export interface IndexedBlock {
  readonly first: number;
  readonly reader: JsonValue;
  readonly timeline: Snapshot;
  /** ms since the session began, cuts left aside. */
  readonly from: number;
  readonly to: number;
}

/** Sound that is not in the answer, and why. */
export interface Unheard {
  readonly speaker: 'user' | 'model';
  /** Its format; `redacted` where a rule took the sound out. */
  readonly format: string;
  readonly pieces: number;
}

export interface SoundIndex {
  readonly blocks: readonly IndexedBlock[];
  /** By line; later cuts come later. */
  readonly cuts: ReadonlyMap<string, readonly PlacedCut[]>;
  /** The highest rate of what is heard; null: nothing is. */
  readonly rate: number | null;
  readonly endMs: number;
  readonly unheard: readonly Unheard[];
  /** Frames whose content the log does not have. */
  readonly withoutContent: number;
  readonly damaged: number;
}

export interface SoundLog {
  readonly source: SegmentSource;
  readonly reader: SoundReader;
  /** What the reader began with. */
  readonly begun: JsonValue;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly giveWay: GiveWay;
}

/** Formats that are told apart; a client could name any number of them. */
const UNHEARD_KINDS = 16;

export async function indexSound(log: SoundLog): Promise<SoundIndex> {
  const blocks: IndexedBlock[] = [];
  const cuts = new Map<string, PlacedCut[]>();
  const unheard = new Map<string, Unheard>();
  const timeline = new Timeline((cut) => addCut(cuts, cut));
  let rate: number | null = null;
  let withoutContent = 0;
  let damaged = 0;
  let [from, to] = [Infinity, -Infinity];
  const hearing = new Hearing(log, log.begun, timeline, {
    placed: (placed) => {
      const start = placed.runStart + (placed.before * 1000) / placed.format.rate;
      from = Math.min(from, start);
      to = Math.max(to, start + (placed.samples * 1000) / placed.format.rate);
      rate = Math.max(rate ?? 0, placed.format.rate);
    },
    unheard: (speaker, format) => addUnheard(unheard, speaker, format),
  });
  for (let first = 1; ;) {
    const before = { first, reader: hearing.state, timeline: timeline.snapshot() };
    [from, to] = [Infinity, -Infinity];
    const block = await readBlock(log.source, first, log.giveWay, (frame) => {
      if (frame.payload === null) withoutContent += 1;
      hearing.hear(frame);
    });
    if (block === null) break;
    damaged += block.damaged;
    if (to > from) blocks.push({ ...before, from, to });
    first = block.last + 1;
  }
  const endMs = timeline.finish();
  return { blocks, cuts, rate, endMs, unheard: [...unheard.values()], withoutContent, damaged };
}

interface Heard {
  readonly placed: (placed: Placed) => void;
  readonly unheard: (speaker: 'user' | 'model', format: string) => void;
}

/** Finds the sound in frames, told in their order, and puts it in its place. */
class Hearing {
  readonly #log: SoundLog;
  readonly #timeline: Timeline;
  readonly #heard: Heard;
  /** The reader's, after the frames so far. */
  state: JsonValue;

  constructor(log: SoundLog, state: JsonValue, timeline: Timeline, heard: Heard) {
    this.#log = log;
    this.#timeline = timeline;
    this.#heard = heard;
    this.state = state;
  }

  hear(frame: SoundFrame): void {
    if (frame.payload === null) return;
    const side = frame.direction === 'up' ? 'client' : 'upstream';
    const reading = this.#log.reader.read(this.state, side, frame.payload);
    this.state = reading.state;
    const at = Math.max(0, frame.at - this.#log.startedAt);
    for (const event of reading.events) {
      switch (event.kind) {
        case 'cut':
          this.#timeline.cut(event, at);
          break;
        case 'end':
          this.#timeline.end(event.line);
          break;
        case 'piece':
          this.#place(event, frame, at);
      }
    }
  }

  #place(piece: Piece, { redacted, client }: SoundFrame, at: number): void {
    const isGone = redacted && typeof piece.data === 'string' && !isBase64(piece.data);
    if (isGone) this.#heard.unheard(piece.speaker, 'redacted');
    else if (piece.format.coding === null) this.#heard.unheard(piece.speaker, piece.format.name);
    else {
      const placed = this.#timeline.add(piece, piece.format, client, at);
      if (placed !== null && placed.samples > 0) this.#heard.placed(placed);
    }
  }
}

/** The sound of one block again. */
export async function piecesOf(log: SoundLog, block: IndexedBlock): Promise<readonly Placed[]> {
  const pieces: Placed[] = [];
  // Its cuts are known already.
  const timeline = new Timeline(() => undefined, block.timeline);
  const hearing = new Hearing(log, block.reader, timeline, {
    placed: (placed) => pieces.push(placed),
    unheard: () => undefined,
  });
  await readBlock(log.source, block.first, log.giveWay, (frame) => hearing.hear(frame));
  return pieces;
}

/** Where a piece is cut at the latest, ms; Infinity: it is not. */
export function cutOf(index: SoundIndex, { line, order }: Placed): number {
  const cuts = index.cuts.get(line) ?? [];
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cuts[middle]?.order ?? 0) <= order) low = middle + 1;
    else high = middle;
  }
  return cuts[low]?.at ?? Infinity;
}

function addCut(cuts: Map<string, PlacedCut[]>, cut: PlacedCut): void {
  const known = cuts.get(cut.line);
  if (known === undefined) {
    cuts.set(cut.line, [cut]);
    return;
  }
  // An earlier cut that reached further is outdone, so that the first later one is the one that counts.
  while ((known.at(-1)?.at ?? -Infinity) >= cut.at) known.pop();
  known.push(cut);
}

function addUnheard(unheard: Map<string, Unheard>, speaker: 'user' | 'model', format: string): void {
  const named = unheard.has(`${speaker} ${format}`) || unheard.size < UNHEARD_KINDS ? format : 'others';
  const key = `${speaker} ${named}`;
  unheard.set(key, { speaker, format: named, pieces: (unheard.get(key)?.pieces ?? 0) + 1 });
}
