/** Upstream frames out of the log, for a client that comes back when memory does not hold them any more. */
import type { Payload } from '../protocol/connect.ts';
import type { DownFrame } from '../session/resume-window.ts';
import { readSegment, type SegmentEntry } from '../protocol/segment.ts';
import type { SessionStore } from '../storage/session-store.ts';
import { unpack } from './segment-codec.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

/** Gaps of one session that are looked at. */
const GAPS_MAX = 1000;

export interface WantedFrames {
  /** The first of them, as clients count. */
  readonly from: number;
  /** The frame of the log after which `received` was counted; what was logged later is not looked at. */
  readonly seq: number;
  /** The last of them. */
  readonly received: number;
}

/**
 * The frames `from` to `received`, or null when the log does not have all of them, as they were, within `maxBytes`. It is
 * read from its end: what a client missed is near.
 */
export async function upstreamFrames(
  store: SessionStore,
  { from, seq, received }: WantedFrames,
  maxBytes: number,
): Promise<DownFrame[] | null> {
  const last = store.lastNumbers();
  if (last.seq < seq) return null;
  const frames: DownFrame[] = [];
  let count = received;
  let bytes = 0;
  let firstSeq = Number.POSITIVE_INFINITY;
  for (let number = last.segment; number > 0 && count >= from; number -= 1) {
    const segment = store.segment(number);
    if (segment === null) return null;
    if (segment.firstSeq > seq) continue;
    firstSeq = segment.firstSeq;
    const entries = [...readSegment(segment.firstSeq, segment.firstAt, await unpack(segment))];
    for (const entry of entries.toReversed()) {
      if (count < from) break;
      if (entry.direction !== 'down' || entry.seq > seq) continue;
      const payload = payloadOf(entry);
      if (payload === null) return null;
      bytes += entry.length;
      if (bytes > maxBytes) return null;
      frames.push({ payload, to: entry.client });
      count -= 1;
    }
  }
  // What an interruption took was never counted: counting went on from the log. What any other gap took was.
  const isWhole =
    count === from - 1 &&
    !store
      .records(['gap'], 0, GAPS_MAX)
      .some((gap) => gap.seq >= firstSeq && gap.seq <= seq && !gap.body.includes('"reason":"interrupted"'));
  return isWhole ? frames.toReversed() : null;
}

/** Null for a frame that is not there as it was, or begins or ends in another segment. */
export function payloadOf({ payload, redacted, more, part, opcode }: SegmentEntry): Payload | null {
  if (payload === null || redacted || more || part) return null;
  return opcode === 'text' ? decoder.decode(payload) : new Uint8Array(payload).buffer;
}
