/**
 * How far one client is behind. `send()` on a WebSocket never blocks and never fails in workerd: it queues without a
 * limit, so a reader that stopped would take the memory of everybody (measured 2026-10-23: 64 KiB x 12,000 took the
 * process to 947 MiB).
 *
 * Where the runtime tells the unsent bytes (`bufferedAmount`, since workerd 1.20261117.1), they decide. Elsewhere all
 * that is known is what was sent since the client last showed a sign of life. Past that bound it is only suspected: a
 * flood from the upstream keeps workerd from reading the client at all (measured 2026-11-24), so it gets a moment in
 * which it can be heard, up to a bound that nothing passes.
 */
export interface BacklogLimits {
  readonly clientBufferedBytes: number;
  readonly clientUnconfirmedBytes: number;
  readonly clientUnheardBytes: number;
}

export class Backlog {
  readonly #limits: BacklogLimits;
  #unconfirmed = 0;
  #aliveAt: number;

  constructor(limits: BacklogLimits, now: number) {
    this.#limits = limits;
    this.#aliveAt = now;
  }

  /** Bytes sent since the last sign of life. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** The client sent something: it is reading, or was a moment ago. */
  alive(now: number): void {
    this.#unconfirmed = 0;
    this.#aliveAt = now;
  }

  /**
   * Notes that `bytes` are about to be sent.
   *
   * @param buffered the runtime's count of unsent bytes, or undefined where it has none
   */
  note(bytes: number, buffered: number | undefined): 'fine' | 'suspect' | 'over' {
    this.#unconfirmed += bytes;
    if (buffered !== undefined) return buffered > this.#limits.clientBufferedBytes ? 'over' : 'fine';
    if (this.#unconfirmed > this.#limits.clientUnheardBytes) return 'over';
    return this.#unconfirmed > this.#limits.clientUnconfirmedBytes ? 'suspect' : 'fine';
  }

  /**
   * Whether a suspected client is still silent, after a moment in which it could be heard.
   *
   * @param lastPing when it last sent a ping that the runtime answered by itself (ms since the epoch)
   */
  isSilent(lastPing: number | null): boolean {
    if (lastPing !== null && lastPing > this.#aliveAt) this.alive(lastPing);
    return this.#unconfirmed > this.#limits.clientUnconfirmedBytes;
  }
}
