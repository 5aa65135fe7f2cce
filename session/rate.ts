/** How fast one client sends. Only sums: it is asked for each frame. */
import type { Limits } from './limits.ts';

export type RateLimits = Pick<Limits, 'clientFramesPerSecond' | 'clientBytesPerSecond' | 'clientBurstMs'>;

/**
 * Two buckets, of frames and of bytes. Each is kept as the moment at which all that was sent would have been due at the
 * steady rate: a client may be ahead of the clock by the burst.
 */
export class Rate {
  readonly #limits: RateLimits;
  readonly #msPerFrame: number;
  readonly #msPerByte: number;
  #framesUntil = 0;
  #bytesUntil = 0;

  constructor(limits: RateLimits) {
    this.#limits = limits;
    this.#msPerFrame = 1000 / limits.clientFramesPerSecond;
    this.#msPerByte = 1000 / limits.clientBytesPerSecond;
  }

  /** Counts a frame of so many bytes (of text: characters); false when it is one too many. */
  allows(bytes: number, now: number): boolean {
    this.#framesUntil = Math.max(this.#framesUntil, now) + this.#msPerFrame;
    this.#bytesUntil = Math.max(this.#bytesUntil, now) + bytes * this.#msPerByte;
    return Math.max(this.#framesUntil, this.#bytesUntil) - now <= this.#limits.clientBurstMs;
  }
}
