/**
 * A session's lives: it may be in one object after another, each of which goes on from what is kept of the one before. What
 * is counted stays countable across them.
 */
import type { History } from '../protocol/connect.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import type { Host } from './continuity.ts';
import type { ControlChannel } from './control.ts';
import { Epochs } from './epochs.ts';
import type { OwnFrames } from './own-frames.ts';
import type { DownFrame, Resumption } from './resume-window.ts';
import type { Client, Roster } from './roster.ts';
import type { SharedSocket } from './shared-socket.ts';
import { type Snapshot, SNAPSHOT_VERSION } from './snapshot.ts';
import type { Wire } from './wire.ts';

/** What a client that comes back gets before any other frame. */
export interface Owed {
  readonly frames: readonly DownFrame[];
  /** Those before them that it misses for good, as clients count; null: none. */
  readonly lost: { readonly from: number; readonly to: number } | null;
}

interface Parts {
  readonly adapter: ProviderAdapter;
  readonly wire: Pick<Wire, 'toClient'>;
  readonly control: ControlChannel;
  readonly host: Pick<Host, 'phase'>;
  readonly books: Bookkeeping;
  readonly own: OwnFrames;
  readonly shared: SharedSocket;
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
  /** When the session is over at the latest, ms since the epoch. */
  readonly endsAt: number;

  constructor(
    parts: Parts,
    { maxSessionMs }: { readonly maxSessionMs: number },
    from: Snapshot | null,
    now: number,
  ) {
    this.#parts = parts;
    this.#epochs = new Epochs(from?.epochs);
    this.startedAt = from?.startedAt ?? now;
    this.endsAt = this.startedAt + maxSessionMs;
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

  /**
   * What a client gets before any other frame; its socket takes them by now. Returns where its count of upstream frames
   * begins.
   *
   * @param owed what it missed; null: it does not come back, and is greeted as the provider would have
   */
  welcome(client: Client, session: string, owed: Owed | null, history: History): number {
    const { adapter, books, control, host, wire } = this.#parts;
    const phase = host.phase().name;
    const greets = owed === null && phase !== 'ended';
    const greeting = greets ? (adapter.greeting?.(books.state, history) ?? []) : [];
    const length = owed?.frames.length ?? greeting.length;
    const received = Math.max(0, books.received - length);
    control.joined(client, { session, phase, received, epoch: this.epoch });
    if (owed?.lost != null) control.gap({ reason: 'not_kept', ...owed.lost }, client);
    if (owed !== null) this.#replay(client, owed.frames);
    for (const payload of greeting) {
      const own = client.translation === null ? payload : client.translation.toClient(payload);
      if (own !== null) wire.toClient(client.number, own);
    }
    control.counted(client, Math.min(0, books.received - length));
    return received;
  }

  /** Of those that went to one client alone, who comes back gets its own; without a name it cannot be told from others. */
  #replay(client: Client, frames: readonly DownFrame[]): void {
    const { shared, wire } = this.#parts;
    for (const { payload, to } of frames) {
      const addressed = to === 0 || client.name === null ? null : { to, own: payload };
      const own = shared.for(client, payload, addressed);
      if (own !== null) wire.toClient(client.number, own);
    }
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
      roles: this.#parts.roster.given,
      onceSent: this.#parts.own.onceSent,
    };
  }

  /** The object before was lost with its upstream, while that was open; the log ends after frame `lastSeq`. */
  recover(lastSeq: number, now: number): void {
    const { books, control, roster, dial } = this.#parts;
    this.#epochs.next(books.received);
    books.interrupted(lastSeq, now);
    control.gap({ reason: 'interrupted', from: books.received + 1, to: null }, null);
    if (roster.size > 0) dial(now);
    else this.#dialsOnJoin = true;
  }

  /** A client is there: what was interrupted goes on. */
  joined(client: Client, now: number): void {
    this.#parts.shared.joined(client);
    if (this.#dialsOnJoin) this.#parts.dial(now);
    this.#dialsOnJoin = false;
  }
}
