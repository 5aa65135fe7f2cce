/**
 * A session's lives: it may be in one object after another, each of which goes on from what is kept of the one before. What
 * is counted stays countable across them.
 */
import type { Bookkeeping } from './bookkeeping.ts';
import { Epochs } from './epochs.ts';
import type { OwnFrames } from './own-frames.ts';
import type { Resumption } from './resume-window.ts';
import type { Roster } from './roster.ts';
import { type Snapshot, SNAPSHOT_VERSION } from './snapshot.ts';

interface Parts {
  readonly books: Bookkeeping;
  readonly own: OwnFrames;
  readonly roster: Roster;
  /** Dials at once, and restores the conversation. */
  readonly dial: (now: number) => void;
}

export class Lives {
  readonly #parts: Parts;
  readonly #epochs: Epochs;
  #dialsOnJoin = false;
  /** When the first life began, ms since the epoch. */
  readonly startedAt: number;

  constructor(parts: Parts, from: Snapshot | null, now: number) {
    this.#parts = parts;
    this.#epochs = new Epochs(from?.epochs);
    this.startedAt = from?.startedAt ?? now;
  }

  /** Counts lives from 1: a new one begins when an object was lost, and what it had in memory with it. */
  get epoch(): number {
    return this.#epochs.current;
  }

  /** What a client that comes back is owed before anything else; `epoch` is the one it counted in, if it knows. */
  missed(after: number, epoch: number | null): Resumption {
    const { books } = this.#parts;
    const { received } = books;
    const count = this.#epochs.translate(after, epoch, received);
    return count === null ? { kind: 'ahead', received } : books.missed(count);
  }

  /** What is known here, for another object to go on with. */
  snapshot(): Snapshot {
    const { counters, ...books } = this.#parts.books.snapshot();
    return {
      version: SNAPSHOT_VERSION,
      ...books,
      startedAt: this.startedAt,
      counters: { ...counters, client: this.#parts.roster.last },
      epochs: this.#epochs.ends,
      onceSent: this.#parts.own.onceSent,
    };
  }

  /** The object before was lost with its upstream, while that was open; the log ends after frame `lastSeq`. */
  recover(lastSeq: number, now: number): void {
    const { books, roster, dial } = this.#parts;
    this.#epochs.next(books.received);
    books.interrupted(lastSeq, now);
    if (roster.size > 0) dial(now);
    else this.#dialsOnJoin = true;
  }

  /** A client is there: what was interrupted goes on. */
  joined(now: number): void {
    if (this.#dialsOnJoin) this.#parts.dial(now);
    this.#dialsOnJoin = false;
  }
}
