/** Reads the frame log back: segments to frames, parts put together, gaps in their place. */
import { asObject, asText, member, parseJson } from '../protocol/json.ts';
import { type Direction, readSegment, type SegmentEntry } from '../protocol/segment.ts';
import type { SessionStore, StoredRecord, StoredSegment } from './session-store.ts';

export interface EventQuery {
  /** Events with a higher number only. */
  readonly after: number;
  /** Events with a lower number only; null for no bound. */
  readonly before: number | null;
  readonly direction: Direction | null;
  /** The frame's JSON `type`; a trailing `*` matches any rest. */
  readonly type: string | null;
  /** As clients are named outside: c1, c2, … */
  readonly client: string | null;
}

/** One line of the log as REST shows it. */
export type LoggedEvent =
  | {
      readonly kind: 'frame';
      readonly seq: number;
      readonly at: string;
      readonly direction: Direction;
      readonly client: string | null;
      readonly opcode: 'text' | 'binary';
      /** Length on the wire; of a redacted frame, of what is stored, unless nothing is. */
      readonly bytes: number;
      /** The frame's own `type`, where it is JSON and has one. */
      readonly type: string | null;
      /** True when the broker translated it for the other side; the payload is what its sender sent. */
      readonly translated?: true;
      /** A rule took something out before it was stored: the payload is not what was relayed. */
      readonly redacted?: true;
      readonly text?: string;
      readonly base64?: string;
      /** The log mode kept no payload. */
      readonly omitted?: true;
    }
  | ({ readonly kind: 'gap'; readonly seq: number; readonly at: string } & Readonly<Record<string, unknown>>)
  /** A row that cannot be read: damaged on disk. The rest of the log is not affected. */
  | { readonly kind: 'corrupt'; readonly seq: number; readonly to_seq: number };

/** Undoes a segment's codec. */
export type Unpack = (segment: StoredSegment) => Promise<Uint8Array>;

/** Gaps of one session: more than this many would mean a recorder that never worked. */
const GAPS_MAX = 1000;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

/**
 * Every event after `query.after`, in order. Reads one segment at a time, so that a whole day's log never is in memory;
 * between two of them other work gets its turn.
 */
export async function* readEvents(
  store: SessionStore,
  query: EventQuery,
  unpack: Unpack,
): AsyncGenerator<LoggedEvent> {
  const gaps = store.records(['gap'], 0, GAPS_MAX).filter((gap) => gap.seq > query.after);
  const assembler = new Assembler();
  for (let number = store.firstSegmentAfter(query.after); ; number += 1) {
    const segment = store.segment(number);
    if (segment === null || (query.before !== null && segment.firstSeq >= query.before)) break;
    yield* takeGaps(gaps, segment.firstSeq);
    try {
      const data = await unpack(segment);
      for (const entry of readSegment(segment.firstSeq, segment.firstAt, data)) {
        const frame = assembler.add(entry);
        if (frame === null || frame.seq <= query.after) continue;
        const event = toEvent(frame, query);
        if (event !== null) yield event;
      }
    } catch {
      // Damaged on disk: said in the answer, and the rest of the log is read on.
      assembler.reset();
      yield { kind: 'corrupt', seq: segment.firstSeq, to_seq: segment.lastSeq };
    }
  }
  yield* takeGaps(gaps, query.before ?? Number.MAX_SAFE_INTEGER);
}

function* takeGaps(gaps: StoredRecord[], before: number): Generator<LoggedEvent> {
  for (let gap = gaps[0]; gap !== undefined && gap.seq < before; gap = gaps[0]) {
    gaps.shift();
    yield { kind: 'gap', seq: gap.seq, at: time(gap.at), ...asObject(parseJson(gap.body)) };
  }
}

interface WholeFrame {
  readonly seq: number;
  readonly entry: SegmentEntry;
  readonly payload: Uint8Array | null;
}

/** Puts the parts of a long frame together, across segments. */
export class Assembler {
  #parts: Uint8Array[] = [];

  add(entry: SegmentEntry): WholeFrame | null {
    if (entry.payload === null) return { seq: entry.seq, entry, payload: null };
    if (entry.more) {
      this.#parts.push(entry.payload);
      return null;
    }
    if (this.#parts.length === 0) return { seq: entry.seq, entry, payload: entry.payload };
    const payload = joined([...this.#parts, entry.payload]);
    this.reset();
    return { seq: entry.seq, entry, payload };
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

/** Null when the query does not ask for it. */
function toEvent({ seq, entry, payload }: WholeFrame, query: EventQuery): LoggedEvent | null {
  if (query.before !== null && seq >= query.before) return null;
  if (query.direction !== null && entry.direction !== query.direction) return null;
  const client = entry.client === 0 ? null : `c${entry.client}`;
  if (query.client !== null && client !== query.client) return null;
  const text = payload !== null && entry.opcode === 'text' ? decoder.decode(payload) : null;
  const type = text === null ? null : typeOf(text);
  if (query.type !== null && !matches(type, query.type)) return null;
  return {
    kind: 'frame',
    seq,
    at: time(entry.at),
    direction: entry.direction,
    client,
    opcode: entry.opcode,
    bytes: payload === null ? entry.length : payload.length,
    type,
    ...(entry.translated ? { translated: true } : {}),
    ...(entry.redacted ? { redacted: true } : {}),
    ...(payload === null ? { omitted: true } : text === null ? { base64: toBase64(payload) } : { text }),
  };
}

function typeOf(text: string): string | null {
  return text.startsWith('{') ? (asText(member(parseJson(text), 'type')) ?? null) : null;
}

function matches(type: string | null, wanted: string): boolean {
  if (type === null) return false;
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

function time(at: number): string {
  return new Date(at).toISOString();
}

const BASE64_STEP = 0x8000 - (0x8000 % 3);

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let offset = 0; offset < bytes.length; offset += BASE64_STEP) {
    text += btoa(String.fromCharCode(...bytes.subarray(offset, offset + BASE64_STEP)));
  }
  return text;
}
