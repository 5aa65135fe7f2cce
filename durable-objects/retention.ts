/** Deletes what is past its retention, and what was asked to be deleted in bulk: in bounded sweeps, run by an alarm. */
import type { DirectoryStore, SessionCursor } from '../storage/directory-store.ts';
import type { Limits } from '../session/limits.ts';

const DAY_MS = 86_400_000;

export interface RetentionOptions {
  readonly store: DirectoryStore;
  /** Asked each time: a gateway may change it. Null: the setting cannot be read, and nothing is deleted by age. */
  readonly days: () => number | null;
  readonly limits: Pick<
    Limits,
    'heartbeatMs' | 'sweepSessions' | 'sweepAtOnce' | 'sweepAgainMs' | 'sweepLeastMs' | 'sweepMostMs'
  >;
  /** Deletes the record of a session that ended before; true when there is none any more. */
  readonly erase: (id: string, endedBefore: number) => Promise<boolean>;
  readonly report: (id: string, problem: string) => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  /** Where the sweep before stopped. A restart begins anew: whatever was deleted is not found again. */
  #after: SessionCursor | null = null;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** One sweep. Answers when the next is due; null: there is nothing left to wait for. */
  async sweep(now: number): Promise<number | null> {
    const { store, limits } = this.#options;
    const wanted = store.deleting(limits.sweepSessions);
    // Whenever they ended.
    await this.#eraseAll(wanted, Number.MAX_SAFE_INTEGER);
    const aged = await this.#sweepAged(now);
    if (Math.max(wanted.length, aged) === limits.sweepSessions) return now + limits.sweepAgainMs;
    this.#after = null;
    return store.deleting(1).length > 0 ? now + limits.heartbeatMs : this.nextDue(now);
  }

  /** When the oldest session is due. A sweep at least each day: what the setting says may have changed meanwhile. */
  nextDue(now: number): number | null {
    const { store, limits } = this.#options;
    const [oldest] = store.oldest(now, null, 1);
    if (oldest === undefined) return null;
    const wait = oldest.startedAt + (this.#options.days() ?? 0) * DAY_MS - now;
    return now + Math.min(Math.max(wait, limits.sweepLeastMs), limits.sweepMostMs);
  }

  async #sweepAged(now: number): Promise<number> {
    const { store, limits } = this.#options;
    const days = this.#options.days();
    if (days === null) return 0;
    const endedBefore = now - days * DAY_MS;
    // Not those of this very run: a word of their sessions may still be under way.
    if (this.#after === null) store.forgetTombstones(endedBefore - DAY_MS);
    const aged = store.oldest(endedBefore, this.#after, limits.sweepSessions);
    this.#after = aged.at(-1) ?? null;
    await this.#eraseAll(aged, endedBefore);
    return aged.length;
  }

  /** The record first, and its row after it: a crash between the two leaves a row, and the next sweep finds it. */
  async #eraseAll(sessions: readonly SessionCursor[], endedBefore: number): Promise<void> {
    const { sweepAtOnce } = this.#options.limits;
    for (let from = 0; from < sessions.length; from += sweepAtOnce) {
      await Promise.all(
        sessions.slice(from, from + sweepAtOnce).map((each) => this.#erase(each, endedBefore)),
      );
    }
  }

  async #erase({ id, startedAt }: SessionCursor, endedBefore: number): Promise<void> {
    try {
      if (await this.#options.erase(id, endedBefore)) this.#options.store.remove(id, startedAt);
    } catch (error) {
      // The next sweep tries it again.
      this.#options.report(id, String(error));
    }
  }
}
