/** A log's frames as they are read for their sound: whole, and with the segments that hold them. */
import type { Payload } from '../protocol/connect.ts';
import { type Direction, readSegment, type SegmentEntry } from '../protocol/segment.ts';
import type { GiveWay } from '../storage/give-way.ts';
import type { StoredSegment } from '../storage/session-store.ts';

export interface SegmentSource {
  /** Numbered from 1 without a gap; null past the last one. */
  segment(number: number): Promise<{ readonly stored: StoredSegment; readonly data: Uint8Array } | null>;
}

export interface SoundFrame {
  readonly direction: Direction;
  readonly client: number;
  readonly at: number;
  readonly redacted: boolean;
  /** Null: the log does not have it, or it is longer than any sound that is read. */
  readonly payload: Payload | null;
}

/** Consecutive segments that no frame leaves. */
export interface FrameBlock {
  readonly last: number;
  /** Segments that could not be read. */
  readonly damaged: number;
}

/** Two minutes of PCM at 24 kHz, in base64. */
const FRAME_BYTES = 8 * 1024 * 1024;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: false });

/** Reads the block that begins with segment `first`, a frame at a time; null past the end of the log. */
export async function readBlock(
  source: SegmentSource,
  first: number,
  giveWay: GiveWay,
  onFrame: (frame: SoundFrame) => void,
): Promise<FrameBlock | null> {
  const parts = new Parts();
  let damaged = 0;
  let last = first - 1;
  do {
    const segment = await source.segment(last + 1);
    if (segment === null) break;
    last += 1;
    try {
      for (const entry of readSegment(segment.stored.firstSeq, segment.stored.firstAt, segment.data)) {
        const turn = giveWay(entry.payload?.length ?? 0);
        if (turn !== null) await turn;
        const frame = parts.add(entry);
        if (frame !== null) onFrame(frame);
      }
    } catch {
      // Damaged on disk: what else there is sounds all the same, and the answer says so.
      damaged += 1;
      parts.reset();
    }
  } while (parts.isOpen);
  return last < first ? null : { last, damaged };
}

class Parts {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #isOpen = false;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  add(entry: SegmentEntry): SoundFrame | null {
    const { direction, client, at, redacted, payload, opcode } = entry;
    const head = { direction, client, at, redacted };
    if (payload === null) return { ...head, payload: null };
    if (entry.more || this.#isOpen) {
      this.#bytes += payload.length;
      if (this.#bytes <= FRAME_BYTES) this.#parts.push(payload);
      this.#isOpen = true;
      if (entry.more) return null;
    }
    const whole = !this.#isOpen
      ? payload
      : this.#bytes > FRAME_BYTES
        ? null
        : joined(this.#parts, this.#bytes);
    this.reset();
    if (whole === null || whole.length > FRAME_BYTES) return { ...head, payload: null };
    // A copy of bytes, so that the ArrayBuffer holds these and no others.
    return { ...head, payload: opcode === 'text' ? decoder.decode(whole) : whole.slice().buffer };
  }

  reset(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#isOpen = false;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
