/**
 * Flow control. A WebSocket of workerd queues whatever it is given, without a limit, and pushes back on nobody. But while
 * an object's input is held, workerd reads from none of its sockets, TCP fills up behind them, and output goes on
 * draining (measured 2026-11-25, workerd 1.20261117.1: of 200 MB poured at a reader of a third of that speed, at most
 * 2 MB were unsent with holds, 142 MB without). So a session holds its input while a reader is behind that nobody
 * outruns: the upstream, or the client that is furthest ahead. Whoever sends feels it as on a direct connection.
 *
 * A client that is behind while another is not holds nobody: that one is cut (`backlog.ts`).
 */
import type { Limits } from './limits.ts';

type FlowLimits = Pick<Limits, 'holdFromBytes' | 'holdMs' | 'holdMostMs' | 'stalledMs'>;

/** Who is waited for. */
export type Reader = 'upstream' | 'clients';

export type Released =
  | { readonly kind: 'go' }
  | { readonly kind: 'hold'; readonly ms: number }
  /** Not a byte went out for too long. */
  | { readonly kind: 'stalled'; readonly reader: Reader };

interface Hold {
  readonly reader: Reader;
  readonly unsent: number;
  readonly ms: number;
  /** Nothing is delivered during a hold: whatever comes after this time comes after the hold. */
  readonly overAt: number;
  readonly progressAt: number;
}

export class Flow {
  readonly #limits: FlowLimits;
  #hold: Hold | null = null;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
  }

  /** Who is being waited for now. */
  get waitsFor(): Reader | null {
    return this.#hold?.reader ?? null;
  }

  /** Whether a hold is over that `released` was not called for yet. */
  isOver(now: number): boolean {
    return this.#hold !== null && now >= this.#hold.overAt;
  }

  /** Call after a frame was sent: for how many ms input is to be held, or null. `released` must follow a hold. */
  sent(reader: Reader, unsent: number, now: number): number | null {
    if (this.#hold !== null || unsent <= this.#limits.holdFromBytes) return null;
    this.#begin({ reader, unsent, ms: this.#limits.holdMs, progressAt: now }, now);
    return this.#limits.holdMs;
  }

  /** The hold is over. `unsent`: what the reader that was waited for has not taken yet. */
  released(unsent: number, now: number): Released {
    const hold = this.#hold;
    this.#hold = null;
    if (hold === null || unsent <= this.#limits.holdFromBytes) return { kind: 'go' };
    const progressed = unsent < hold.unsent;
    if (!progressed && now - hold.progressAt >= this.#limits.stalledMs)
      return { kind: 'stalled', reader: hold.reader };
    // Short holds keep a fast reader busy; a reader that does not read is asked less and less often.
    const ms = progressed ? this.#limits.holdMs : Math.min(hold.ms * 2, this.#limits.holdMostMs);
    const progressAt = progressed ? now : hold.progressAt;
    this.#begin({ reader: hold.reader, unsent, ms, progressAt }, now);
    return { kind: 'hold', ms };
  }

  #begin(hold: Omit<Hold, 'overAt'>, now: number): void {
    this.#hold = { ...hold, overAt: now + hold.ms / 2 };
  }
}
