/**
 * The last upstream frames of a session, for clients that come back: counted from 1, as clients count what they receive.
 * Bounded in bytes and in age; a client whose next frame has left the window is told so, and never gets a silent hole.
 */
import type { Payload } from '../protocol/connect.ts';
import type { RelayedFrame } from './bookkeeping.ts';

/** An upstream frame, and the owner to whom alone it went; 0: everyone. */
export interface DownFrame {
  readonly payload: Payload;
  readonly to: number;
}

interface KeptFrame extends DownFrame {
  readonly bytes: number;
  /** ms since the epoch. */
  readonly at: number;
}

export type Resumption =
  | { readonly kind: 'frames'; readonly frames: readonly DownFrame[] }
  /** The client has received more than there ever was: its count is of another session. */
  | { readonly kind: 'ahead'; readonly received: number }
  /** The next frame that it needs is not kept any more; `firstKept` is the first that is, the first of `kept`. */
  | {
      readonly kind: 'passed';
      readonly after: number;
      readonly firstKept: number;
      readonly kept: readonly DownFrame[];
    };

export class ResumeWindow {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  /** Oldest first. Taken off at the front by index, so that a long session does not move its memory about. */
  #frames: KeptFrame[] = [];
  #front = 0;
  #bytes = 0;
  #received: number;

  /**
   * @param maxBytes 0 keeps nothing, and only counts
   * @param received how many there had been before
   */
  constructor(maxBytes: number, maxAgeMs: number, received = 0) {
    this.#received = received;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Upstream frames so far: what `parley-after` counts. */
  get received(): number {
    return this.#received;
  }

  /** @param frame `own` is what the one client got to whom it went */
  add(
    { payload, own, at, client: to }: Pick<RelayedFrame, 'payload' | 'own' | 'at' | 'client'>,
    bytes: number,
  ): void {
    this.#received += 1;
    if (this.#maxBytes === 0) return;
    this.#frames.push({ payload: own ?? payload, bytes, at, to });
    this.#bytes += bytes;
    for (let oldest = this.#frames[this.#front]; oldest !== undefined; oldest = this.#frames[this.#front]) {
      if (this.#bytes <= this.#maxBytes && at - oldest.at <= this.#maxAgeMs) break;
      this.#bytes -= oldest.bytes;
      this.#front += 1;
    }
    if (this.#front * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#front);
      this.#front = 0;
    }
  }

  /** What a client that has received `after` frames is owed. */
  after(after: number): Resumption {
    if (after > this.#received) return { kind: 'ahead', received: this.#received };
    const kept = this.#frames.length - this.#front;
    const firstKept = this.#received - kept + 1;
    if (after + 1 < firstKept) return { kind: 'passed', after, firstKept, kept: this.#from(0) };
    return { kind: 'frames', frames: this.#from(after + 1 - firstKept) };
  }

  #from(index: number): readonly DownFrame[] {
    return this.#frames.slice(this.#front + index).map(({ payload, to }) => ({ payload, to }));
  }
}
