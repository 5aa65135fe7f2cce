/** Client frames that wait for an upstream: bounded in bytes and number, sent in the order in which they came. */
import type { Payload } from '../protocol/connect.ts';
import { payloadBytes } from '../protocol/segment.ts';

export interface HeldFrame {
  readonly client: number;
  readonly payload: Payload;
  /** ms since the epoch at which it came. */
  readonly at: number;
}

export class PendingFrames {
  readonly #maxBytes: number;
  #frames: HeldFrame[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#frames.length;
  }

  /** Keeps a frame: null. Or says the limit that it would pass: then the caller must tell the client. */
  hold(frame: HeldFrame, maxFrames: number): string | null {
    const bytes = this.#bytes + payloadBytes(frame.payload);
    if (bytes > this.#maxBytes || this.#frames.length >= maxFrames)
      return `${this.#maxBytes} bytes or ${maxFrames} frames`;
    this.#frames.push(frame);
    this.#bytes = bytes;
    return null;
  }

  /** Forgets what a client sent that is gone: nobody waits for the answer. */
  drop(client: number): void {
    this.#frames = this.#frames.filter((frame) => frame.client !== client);
    this.#bytes = this.#frames.reduce((sum, frame) => sum + payloadBytes(frame.payload), 0);
  }

  takeAll(): readonly HeldFrame[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
