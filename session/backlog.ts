/**
 * How far one client is behind. `send()` on a WebSocket never blocks and never fails in workerd: it queues without a
 * limit, so a reader that stopped would take the memory of everybody (measured 2026-10-23: 64 KiB x 12,000 took the
 * process to 947 MiB).
 *
 * Where the runtime tells the unsent bytes (`bufferedAmount`, since workerd 1.20261117.1), they decide. Elsewhere all
 * that is known is what was sent since the client last showed a sign of life.
 *
 * Past the bound a client is only suspected: a burst, or a flood that keeps workerd from reading at all (measured
 * 2026-11-24), puts a healthy one there too. So it gets a moment in which to catch up or be heard, up to a bound that
 * nothing passes.
 */
import type { Limits } from './limits.ts';

export type BacklogLimits = Pick<
  Limits,
  'askUnsentBytes' | 'clientBufferedBytes' | 'unsentBytes' | 'clientUnconfirmedBytes' | 'clientUnheardBytes'
>;

export class Backlog {
  readonly #limits: BacklogLimits;
  #unconfirmed = 0;
  #sincePause = 0;
  #sinceAsked = 0;
  #aliveAt: number;

  constructor(limits: BacklogLimits, now: number) {
    this.#limits = limits;
    this.#aliveAt = now;
  }

  /** The client sent something: it is reading, or was a moment ago. */
  alive(now: number): void {
    this.#unconfirmed = 0;
    this.#sincePause = 0;
    this.#aliveAt = now;
  }

  /** There was a pause in which the client could catch up. */
  paused(): void {
    this.#sincePause = 0;
  }

  /**
   * Bytes that the client has not taken, as far as it can be told.
   *
   * @param unsent the runtime's count, or undefined where it has none: then what was sent since the last sign of life, or
   *   the last pause, stands in
   */
  behind(unsent: number | undefined): number {
    return unsent ?? this.#sincePause;
  }

  /** For the sentence that a client reads when it is cut. */
  total(unsent: number | undefined): number {
    return unsent ?? this.#unconfirmed;
  }

  /** Notes that `bytes` are about to be sent; true when it is time to ask how far behind the client is. */
  note(bytes: number): boolean {
    this.#unconfirmed += bytes;
    this.#sincePause += bytes;
    this.#sinceAsked += bytes;
    if (this.#sinceAsked < this.#limits.askUnsentBytes) return false;
    this.#sinceAsked = 0;
    return true;
  }

  judge(unsent: number | undefined): 'fine' | 'suspect' | 'over' {
    const [most, bound, count] =
      unsent === undefined
        ? [this.#limits.clientUnheardBytes, this.#limits.clientUnconfirmedBytes, this.#unconfirmed]
        : [this.#limits.unsentBytes, this.#limits.clientBufferedBytes, unsent];
    if (count > most) return 'over';
    return count > bound ? 'suspect' : 'fine';
  }

  /**
   * Whether a suspected client is still behind, after its moment.
   *
   * @param lastPing when it last sent a ping that the runtime answered by itself (ms since the epoch)
   */
  isStillBehind(unsent: number | undefined, lastPing: number | null): boolean {
    if (unsent !== undefined) return unsent > this.#limits.clientBufferedBytes;
    if (lastPing !== null && lastPing > this.#aliveAt) this.alive(lastPing);
    return this.#unconfirmed > this.#limits.clientUnconfirmedBytes;
  }
}
