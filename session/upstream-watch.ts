/**
 * Notices an upstream that died without a word. A half-open connection gives no event in workerd (measured 2026-10-23),
 * but a provider that owes an answer and sends nothing is as good as gone.
 */
import type { Limits } from './limits.ts';

export class UpstreamWatch {
  readonly #limits: Pick<Limits, 'upstreamStalledMs' | 'upstreamSilentMs'>;
  #heardAt: number;
  #noted = false;

  constructor(limits: Pick<Limits, 'upstreamStalledMs' | 'upstreamSilentMs'>, now: number) {
    this.#limits = limits;
    this.#heardAt = now;
  }

  /** A frame came. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#noted = false;
  }

  silentMs(now: number): number {
    return now - this.#heardAt;
  }

  /** `stalled` comes once for each silence. */
  look(owes: boolean, now: number): 'fine' | 'stalled' | 'dead' {
    if (!owes) return 'fine';
    const silentMs = this.silentMs(now);
    if (silentMs >= this.#limits.upstreamSilentMs) return 'dead';
    if (silentMs < this.#limits.upstreamStalledMs || this.#noted) return 'fine';
    this.#noted = true;
    return 'stalled';
  }
}
