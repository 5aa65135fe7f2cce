/**
 * How far one client is behind. `send()` on a WebSocket never blocks and never fails in workerd: it queues without a
 * limit, so a reader that stopped would take the memory of everybody (measured 2026-10-23: 64 KiB x 12,000 took the
 * process to 947 MiB).
 *
 * Where the runtime tells the unsent bytes (`bufferedAmount`, since workerd 1.20261117.1), they decide. Elsewhere all
 * that is known is what was sent since the client last showed a sign of life, so that bound is wider.
 */
export interface BacklogLimits {
  readonly clientBufferedBytes: number;
  readonly clientUnconfirmedBytes: number;
}

export class Backlog {
  readonly #limits: BacklogLimits;
  #unconfirmed = 0;
  #aliveAt: number;

  constructor(limits: BacklogLimits, now: number) {
    this.#limits = limits;
    this.#aliveAt = now;
  }

  /** The client sent something: it is reading, or was a moment ago. */
  alive(now: number): void {
    this.#unconfirmed = 0;
    this.#aliveAt = now;
  }

  /**
   * Notes that `bytes` are about to be sent. Returns how far behind the client is when that is too far, else 0.
   *
   * @param buffered the runtime's count of unsent bytes, or undefined where it has none
   * @param lastPing when the client last sent a ping that the runtime answered by itself; asked only before a cut
   */
  over(bytes: number, buffered: number | undefined, lastPing: () => number | null): number {
    if (buffered !== undefined) return buffered > this.#limits.clientBufferedBytes ? buffered : 0;
    this.#unconfirmed += bytes;
    if (this.#unconfirmed <= this.#limits.clientUnconfirmedBytes) return 0;
    const ping = lastPing();
    if (ping === null || ping <= this.#aliveAt) return this.#unconfirmed;
    this.alive(ping);
    return 0;
  }
}
