/** Upstream frames out of the log, for a client that comes back when memory does not hold them any more. */
import type { Payload } from '../protocol/connect.ts';
import { readSegment } from '../protocol/segment.ts';
import type { SessionStore } from '../storage/session-store.ts';
import { unpack } from './segment-codec.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

/** Gaps of one session that are looked at. */
const GAPS_MAX = 1000;

interface Wanted {
  /** The first and the last frame, as clients count. */
  readonly from: number;
  readonly to: number;
  /** How many there are in all; the log holds the last of them. */
  readonly received: number;
}

/**
 * The frames `from` to `to`, or null when the log does not have all of them, as they were, within `maxBytes`. It is read
 * from its end: what a client missed is near.
 */
export async function upstreamFrames(
  store: SessionStore,
  { from, to, received }: Wanted,
  maxBytes: number,
): Promise<Payload[] | null> {
  const frames: Payload[] = [];
  let count = received;
  let bytes = 0;
  let firstSeq = Number.POSITIVE_INFINITY;
  for (let number = store.lastNumbers().segment; number > 0 && count >= from; number -= 1) {
    const segment = store.segment(number);
    if (segment === null) return null;
    firstSeq = segment.firstSeq;
    const down = downFrames(segment.firstSeq, segment.firstAt, await unpack(segment));
    for (const payload of down.toReversed()) {
      if (count < from) break;
      if (payload === null) return null;
      if (count <= to) {
        bytes += typeof payload === 'string' ? payload.length : payload.byteLength;
        if (bytes > maxBytes) return null;
        frames.push(payload);
      }
      count -= 1;
    }
  }
  // What an interruption took was never counted: counting went on from the log. What any other gap took was.
  const isWhole =
    count === from - 1 &&
    !store
      .records(['gap'], 0, GAPS_MAX)
      .some(({ seq, body }) => seq >= firstSeq && !body.includes('"reason":"interrupted"'));
  return isWhole ? frames.toReversed() : null;
}

/** A segment's upstream frames; null for one that is not there as it was, or begins or ends in another segment. */
function downFrames(firstSeq: number, firstAt: number, data: Uint8Array): (Payload | null)[] {
  const frames: (Payload | null)[] = [];
  for (const entry of readSegment(firstSeq, firstAt, data)) {
    if (entry.direction !== 'down') continue;
    if (entry.payload === null || entry.redacted || entry.more || entry.part) frames.push(null);
    else frames.push(entry.opcode === 'text' ? decoder.decode(entry.payload) : copyOf(entry.payload));
  }
  return frames;
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
