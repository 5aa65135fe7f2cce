/** The frame log as it is stored: segments to frames, parts put together, gaps in their place. */
import { asObject, type JsonObject, parseJson } from '../protocol/json.ts';
import { readSegment, type SegmentEntry } from '../protocol/segment.ts';
import type { GiveWay } from './give-way.ts';
import type { SessionStore, StoredRecord, StoredSegment } from './session-store.ts';

/** What reading a log takes from its platform. */
export interface LogAccess {
  /** Undoes a segment's codec. */
  readonly unpack: (segment: StoredSegment) => Promise<Uint8Array>;
  readonly giveWay: GiveWay;
}

export type LogItem =
  | {
      readonly kind: 'frame';
      readonly seq: number;
      readonly entry: SegmentEntry;
      /** Null: the log holds none. */
      readonly payload: Uint8Array | null;
    }
  | { readonly kind: 'gap'; readonly seq: number; readonly at: number; readonly body: JsonObject }
  /** A row that cannot be read: damaged on disk. The rest of the log is not affected. */
  | { readonly kind: 'corrupt'; readonly seq: number; readonly toSeq: number };

export type LogFrame = Extract<LogItem, { kind: 'frame' }>;

/** How far a log was read: another reading goes on from there. */
export class LogPlace {
  /** The last frame that was read. */
  seq: number;
  /** The last gap's record; null: none was looked for, and those that stand after `seq` are told. */
  gap: number | null = null;

  constructor(after: number) {
    this.seq = after;
  }
}

/** Gaps of one session: more than this many would mean a recorder that never worked. */
const GAPS_MAX = 1000;

/**
 * Every item after `place`, which moves along, in order. Reads one segment at a time, so that a whole day's log never is
 * in memory.
 *
 * @param before frames with a lower number only; null: all
 * @throws when the session is deleted meanwhile: what was read so far must not be taken for all
 */
export async function* readLog(
  store: SessionStore,
  place: LogPlace,
  before: number | null,
  { unpack, giveWay }: LogAccess,
): AsyncGenerator<LogItem> {
  const { life } = store;
  const gaps = newGaps(store, place);
  const assembler = new Assembler();
  for (let number = store.firstSegmentAfter(place.seq); ; number += 1) {
    if (store.life !== life) throw new Error('the session was deleted while it was read');
    const segment = store.segment(number);
    if (segment === null || (before !== null && segment.firstSeq >= before)) break;
    yield* takeGaps(gaps, segment.firstSeq);
    try {
      const data = await unpack(segment);
      for (const entry of readSegment(segment.firstSeq, segment.firstAt, data)) {
        const turn = giveWay(entry.payload?.length ?? 0);
        if (turn !== null) await turn;
        const frame = assembler.add(entry);
        if (frame === null || frame.seq <= place.seq) continue;
        if (before !== null && frame.seq >= before) break;
        place.seq = frame.seq;
        yield frame;
      }
    } catch {
      // Damaged on disk: said in the answer, and the rest of the log is read on.
      assembler.reset();
      place.seq = segment.lastSeq;
      yield { kind: 'corrupt', seq: segment.firstSeq, toSeq: segment.lastSeq };
    }
  }
  yield* takeGaps(gaps, before ?? Number.MAX_SAFE_INTEGER);
}

function newGaps(store: SessionStore, place: LogPlace): StoredRecord[] {
  const found = store.records(['gap'], place.gap ?? 0, GAPS_MAX);
  const gaps = place.gap === null ? found.filter((gap) => gap.seq > place.seq) : found;
  place.gap = found.at(-1)?.id ?? place.gap ?? 0;
  return gaps;
}

function* takeGaps(gaps: StoredRecord[], before: number): Generator<LogItem> {
  for (let gap = gaps[0]; gap !== undefined && gap.seq < before; gap = gaps[0]) {
    gaps.shift();
    yield { kind: 'gap', seq: gap.seq, at: gap.at, body: asObject(parseJson(gap.body)) ?? {} };
  }
}

/** Puts the parts of a long frame together, across segments. */
class Assembler {
  #parts: Uint8Array[] = [];

  add(entry: SegmentEntry): LogFrame | null {
    const { seq } = entry;
    if (entry.payload === null) return { kind: 'frame', seq, entry, payload: null };
    if (entry.more) {
      this.#parts.push(entry.payload);
      return null;
    }
    if (this.#parts.length === 0) return { kind: 'frame', seq, entry, payload: entry.payload };
    const payload = joined([...this.#parts, entry.payload]);
    this.reset();
    return { kind: 'frame', seq, entry, payload };
  }

  reset(): void {
    this.#parts = [];
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
