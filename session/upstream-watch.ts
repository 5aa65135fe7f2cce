/**
 * Notices an upstream that died without a word. A half-open connection gives no event in workerd (measured 2026-10-23),
 * but a provider that owes an answer and sends nothing is as good as gone.
 */
import type { Bookkeeping } from './bookkeeping.ts';
import { silent } from './causes.ts';
import type { Host } from './continuity.ts';
import type { Limits } from './limits.ts';
import type { Wire } from './wire.ts';

type WatchLimits = Pick<Limits, 'upstreamStalledMs' | 'upstreamSilentMs' | 'watchMs'>;

export class UpstreamWatch {
  readonly #limits: WatchLimits;
  readonly #wire: Pick<Wire, 'setDeadline'>;
  readonly #books: Pick<Bookkeeping, 'owes' | 'record'>;
  readonly #host: Pick<Host, 'phase' | 'end'>;
  readonly #provider: string;
  #heardAt = 0;
  #noted = false;

  constructor(
    { limits, wire, provider }: { limits: WatchLimits; wire: Pick<Wire, 'setDeadline'>; provider: string },
    books: Pick<Bookkeeping, 'owes' | 'record'>,
    host: Pick<Host, 'phase' | 'end'>,
  ) {
    this.#limits = limits;
    this.#wire = wire;
    this.#provider = provider;
    this.#books = books;
    this.#host = host;
  }

  /** An upstream relays from now on. */
  begin(now: number): void {
    this.heard(now);
    this.#wire.setDeadline('watch', now + this.#limits.watchMs);
  }

  /** A frame came. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#noted = false;
  }

  /** The time has come to look. */
  look(now: number): void {
    const { upstreamStalledMs, upstreamSilentMs } = this.#limits;
    const silentMs = now - this.#heardAt;
    const owes = this.#host.phase().name === 'live' && this.#books.owes();
    if (owes && silentMs >= upstreamSilentMs) {
      this.#host.end(silent(this.#provider, upstreamSilentMs), now);
      return;
    }
    if (owes && silentMs >= upstreamStalledMs && !this.#noted) {
      this.#noted = true;
      this.#books.record('stalled', { silent_ms: silentMs }, now);
    }
    this.#wire.setDeadline('watch', now + this.#limits.watchMs);
  }
}
