/**
 * An upstream is replaced before its provider closes it: at a quiet moment, and without its clients noticing. The old one
 * relays until the new one has been told the conversation; client frames wait for that step alone.
 *
 *     dialling -> open -> told -> takes over
 */
import { CLOSE, type CloseFrame } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import type { Host } from './continuity.ts';
import type { Limits } from './limits.ts';
import type { OwnFrames } from './own-frames.ts';
import { Successor } from './successor.ts';
import type { Wire } from './wire.ts';

type Next =
  | { readonly is: 'none' }
  | { readonly is: 'dialling' }
  /** `early`: what it said before there was a quiet moment. */
  | { readonly is: 'open'; readonly dialMs: number; readonly early: Payload[] }
  | { readonly is: 'told'; readonly dialMs: number; readonly successor: Successor };

const NORMAL: CloseFrame = { code: CLOSE.normal, reason: '' };
const NONE: Next = { is: 'none' };

interface Parts {
  readonly books: Bookkeeping;
  readonly own: OwnFrames;
  readonly host: Host;
  /** Closes the old socket first, and dials then. */
  readonly moveAtOnce: (now: number) => void;
  /** The new upstream relays. */
  readonly taken: (dialMs: number, now: number) => void;
}

export class Rollover {
  readonly #adapter: ProviderAdapter;
  readonly #limits: Limits;
  readonly #wire: Wire;
  readonly #parts: Parts;
  /** When the upstream opened, and when the provider will close it; null: not known. */
  #openedAt = 0;
  #endsAt: number | null = null;
  #next: Next = NONE;

  constructor(
    { adapter, limits, wire }: { adapter: ProviderAdapter; limits: Limits; wire: Wire },
    parts: Parts,
  ) {
    this.#adapter = adapter;
    this.#limits = limits;
    this.#wire = wire;
    this.#parts = parts;
  }

  get isUnderWay(): boolean {
    return this.#next.is !== 'none';
  }

  /** An upstream relays. Some providers never say when they will close it, but are known to. */
  opened(now: number): void {
    this.#openedAt = now;
    const longestMs = this.#adapter.succession?.longestMs?.(this.#parts.books.state) ?? null;
    if (this.#endsAt === null && longestMs !== null) this.expires(now + longestMs);
  }

  /** The provider says when it will close the upstream. */
  expires(at: number): void {
    this.#endsAt = at;
    const { rolloverAheadMs } = this.#limits;
    this.#wire.setDeadline('rollover', at - Math.min(rolloverAheadMs, (at - this.#openedAt) / 2));
  }

  /** From then on no quiet moment is waited for. One that lives shortly is not replaced all the time. */
  #lastAt(endsAt: number): number {
    return endsAt - Math.min(this.#limits.rolloverLastMs, (endsAt - this.#openedAt) / 4);
  }

  /** The upstream is gone, and its end with it. */
  forget(): void {
    this.drop();
    this.#endsAt = null;
  }

  drop(): void {
    if (this.#next.is !== 'none') this.#wire.dropSuccessor();
    this.#next = NONE;
  }

  /** The time has come to look for a quiet moment, or not to wait for one any longer. */
  due(now: number): void {
    const { books, host, moveAtOnce } = this.#parts;
    if (host.phase().name !== 'live' || this.#endsAt === null) return;
    if (!books.canRestore(CLOSE.abnormal, '')) return;
    const isLast = now >= this.#lastAt(this.#endsAt);
    if (isLast || (this.#adapter.succession?.closesFirst === true && books.isSettled())) {
      this.drop();
      moveAtOnce(now);
    } else if (this.#next.is === 'none' && books.isSettled()) {
      this.#next = { is: 'dialling' };
      this.#wire.dial(0);
      this.#lookAgain(this.#endsAt);
    } else {
      this.#move(now);
    }
  }

  #lookAgain(at: number): void {
    const lastAt = this.#endsAt === null ? at : this.#lastAt(this.#endsAt);
    this.#wire.setDeadline('rollover', Math.min(at, lastAt));
  }

  /** A dial of this session is open; it goes unless it is ours. */
  redialled(dialMs: number, now: number): void {
    if (this.#next.is !== 'dialling') {
      this.#wire.dropSuccessor();
      return;
    }
    this.#next = { is: 'open', dialMs, early: [] };
    this.#move(now);
  }

  /** Tells the successor the conversation, if nothing is under way; client frames wait meanwhile. */
  #move(now: number): void {
    const next = this.#next;
    const { books, host } = this.#parts;
    if (next.is !== 'open' || !books.isSettled()) {
      this.#lookAgain(now + this.#limits.rolloverLookMs);
      return;
    }
    const successor = new Successor(this.#adapter, books.state);
    this.#next = { is: 'told', dialMs: next.dialMs, successor };
    host.enter({ name: 'moving' }, now);
    this.#wire.setDeadline('restore', now + this.#limits.restoreMs);
    this.#tell(() => successor.begin(), successor, now);
    for (const payload of next.early) this.frame(payload, now);
  }

  /** One frame of the successor. */
  frame(payload: Payload, now: number): void {
    const next = this.#next;
    if (next.is === 'open') {
      if (next.early.push(payload) > this.#limits.earlyFrames) this.#stay(now);
    } else if (next.is === 'told') {
      this.#tell(() => next.successor.read(payload, now), next.successor, now);
    }
  }

  #tell(step: () => readonly Payload[], successor: Successor, now: number): void {
    try {
      for (const payload of step()) this.#wire.toSuccessor(payload);
      this.#parts.books.observe(successor.takeSpent(), now);
    } catch (error) {
      this.#wire.report(`adapter ${this.#adapter.id} failed to restore: ${String(error)}`);
      this.#stay(now);
      return;
    }
    if (successor.restored) this.#takeOver(successor, now);
  }

  #takeOver(successor: Successor, now: number): void {
    const { books, own, taken } = this.#parts;
    if (books.state !== successor.base) {
      // The conversation has moved on: what the successor was told is of before.
      this.#stay(now);
      return;
    }
    const dialMs = this.#next.is === 'told' ? this.#next.dialMs : 0;
    this.#next = NONE;
    this.#endsAt = null;
    books.conclude(now);
    this.#wire.promoteSuccessor(NORMAL);
    books.adopt(successor.state, now);
    own.deliver({ upstream: [], clients: successor.forClients }, now);
    taken(dialMs, now);
    if (successor.endsAt !== null) this.expires(successor.endsAt);
  }

  /** The new upstream was told too little in its time. */
  restoreOver(now: number): void {
    if (this.#next.is === 'told') this.#stay(now);
  }

  /** The successor is gone, or its dial failed. */
  lost(now: number): void {
    if (this.#next.is !== 'none') this.#stay(now);
  }

  /** The successor came to nothing: the upstream goes on, and another is tried later. */
  #stay(now: number): void {
    const { host } = this.#parts;
    this.drop();
    this.#wire.setDeadline('restore', null);
    this.#lookAgain(now + this.#limits.rolloverRetryMs);
    if (host.phase().name !== 'moving') return;
    host.enter({ name: 'live' }, now, { after: 'rollover_failed' });
    host.resumed(now);
  }
}
