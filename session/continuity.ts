/**
 * One conversation over several upstreams: what follows when one is lost, is about to reach its end, or has nothing to do.
 *
 *     live -> restoring -> live          lost: dialled again, told the conversation
 *     live -> parting -> resting         idle: closed, until a client speaks; -> restoring -> live
 *     live -> moving -> live             before its end: `rollover.ts`
 *
 * What a provider must be told, and what clients are owed, is the adapter's.
 */
import { CLOSE, type CloseFrame } from '../protocol/close-codes.ts';
import type { Payload } from '../protocol/connect.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import { type Cause, closeFor, parleyEnds } from './causes.ts';
import type { Limits } from './limits.ts';
import type { OwnFrames } from './own-frames.ts';
import type { Interruption, Phase } from './phase.ts';
import type { Relay } from './relay.ts';
import { Rollover } from './rollover.ts';
import type { DialFailure, Wire } from './wire.ts';

/** What a phase follows, and how long the dial took that led to it. */
export interface PhaseCause {
  readonly after: string;
  readonly dial_ms?: number;
}

/** The session, as far as its continuity reaches. */
export interface Host {
  phase(): Phase;
  /** Clients attached. */
  clients(): number;
  /** Whether frames of clients wait for an upstream. */
  isAwaited(): boolean;
  /** Enters a phase, and lets it be known. */
  enter(phase: Phase, now: number, about?: PhaseCause): void;
  /** The upstream relays again: what clients sent meanwhile goes. */
  resumed(now: number): void;
  end(cause: Cause, now: number): void;
}

const NORMAL: CloseFrame = { code: CLOSE.normal, reason: '' };

export class Continuity {
  readonly #adapter: ProviderAdapter;
  readonly #limits: Limits;
  readonly #wire: Wire;
  readonly #books: Bookkeeping;
  readonly #own: OwnFrames;
  readonly #relay: Relay;
  readonly #host: Host;
  /** How long an upstream may have nothing to do, ms; 0: for ever. */
  readonly #idleMs: number;
  /** Dials since an upstream held. */
  #attempts = 0;
  #dialMs = 0;
  #liveSince = 0;
  #activeAt = 0;
  /** The upstream is replaced before the provider closes it. */
  readonly rollover: Rollover;

  constructor(
    {
      adapter,
      limits,
      wire,
      idleMs,
    }: { adapter: ProviderAdapter; limits: Limits; wire: Wire; idleMs: number },
    { books, own, relay, host }: { books: Bookkeeping; own: OwnFrames; relay: Relay; host: Host },
  ) {
    this.#adapter = adapter;
    this.#limits = limits;
    this.#wire = wire;
    this.#idleMs = idleMs;
    this.#books = books;
    this.#own = own;
    this.#relay = relay;
    this.#host = host;
    this.rollover = new Rollover(
      { adapter, limits, wire },
      {
        books,
        own,
        host,
        moveAtOnce: (now) => this.#moveAtOnce(now),
        taken: (dialMs, now) => {
          this.#dialMs = dialMs;
          this.#resumed(now);
        },
      },
    );
  }

  /** An upstream relays. */
  opened(now: number): void {
    this.#liveSince = now;
    this.#activeAt = now;
    this.rollover.opened(now);
    if (this.#idleMs > 0) this.#wire.setDeadline('idle', now + this.#idleMs);
  }

  /** A frame went either way. */
  active(now: number): void {
    this.#activeAt = now;
  }

  // --- loss ----------------------------------------------------------------------------------------------------

  /** The upstream is gone. False when the conversation cannot go on without it. */
  lost(code: number, reason: string, otherwise: Cause, now: number): boolean {
    const phase = this.#host.phase();
    switch (phase.name) {
      case 'parting':
        this.#rest('idle', now);
        return true;
      case 'restoring':
        this.#books.conclude(now);
        this.#tryAgain(phase.interruption, null, now);
        return true;
      case 'live':
      case 'moving':
        if (!this.#books.canRestore(code, reason)) return false;
        this.rollover.drop();
        if (now - this.#liveSince >= this.#limits.upstreamHoldsMs) this.#attempts = 0;
        if (this.#host.clients() === 0) this.#rest('upstream_lost', now);
        else this.#interrupt({ of: 'upstream_lost', code, reason, otherwise }, now);
        return true;
      default:
        return false;
    }
  }

  #interrupt(interruption: Interruption, now: number): void {
    this.#books.conclude(now);
    this.rollover.forget();
    this.#clearDeadlines();
    this.#host.enter({ name: 'restoring', interruption }, now, { after: interruption.of });
    this.#tryAgain(interruption, null, now);
  }

  #tryAgain(interruption: Interruption, failure: DialFailure | null, now: number): void {
    this.#wire.setDeadline('restore', null);
    if (failure?.transient === false || this.#attempts >= this.#limits.redials) {
      this.#host.end(this.#causeOf(interruption, failure), now);
      return;
    }
    this.#attempts += 1;
    this.#wire.dial(this.#backoffMs());
  }

  /** None before the first; then doubled each time, half of it by chance, so that sessions do not come back in step. */
  #backoffMs(): number {
    if (this.#attempts <= 1) return 0;
    const most = Math.min(this.#limits.redialMs * 2 ** (this.#attempts - 2), this.#limits.redialMostMs);
    return Math.round((most * (1 + this.#wire.random())) / 2);
  }

  #causeOf(interruption: Interruption, failure: DialFailure | null): Cause {
    switch (interruption.of) {
      case 'upstream_lost':
        return interruption.otherwise;
      case 'interrupted':
        return parleyEnds('interrupted', closeFor('interrupted'));
      case 'waking':
      case 'rollover':
        return failure === null
          ? parleyEnds('restore_failed', closeFor('restore_failed', { provider: this.#adapter.id }))
          : parleyEnds(failure.reason, failure.frame);
    }
  }

  // --- a further dial ----------------------------------------------------------------------------------------------

  redialled(dialMs: number, now: number): void {
    if (this.#host.phase().name !== 'restoring') {
      this.rollover.redialled(dialMs, now);
      return;
    }
    this.#dialMs = dialMs;
    this.#wire.promoteSuccessor(NORMAL);
    const { send, complete } = this.#books.reopened(now);
    this.#own.deliver(send, now);
    if (complete) this.#resumed(now);
    else this.#wire.setDeadline('restore', now + this.#limits.restoreMs);
  }

  redialFailed(failure: DialFailure, now: number): void {
    const phase = this.#host.phase();
    if (phase.name !== 'restoring') {
      this.rollover.lost(now);
      return;
    }
    this.#books.record('error', { code: failure.reason, attempt: this.#attempts, ...failure.detail }, now);
    this.#tryAgain(phase.interruption, failure, now);
  }

  /** True for an upstream frame that is no client's before it was read: an answer to us, or to what we have it told. */
  takes(payload: Payload, now: number): boolean {
    if (this.#host.phase().name === 'parting') this.#parting(payload, now);
    else if (this.#books.intercepts) this.#intercept(payload, now);
    else return false;
    return true;
  }

  /** A frame of which the adapter decides where it goes. */
  #intercept(payload: Payload, now: number): void {
    const { route, send, restored } = this.#books.intercept(payload, now);
    if (route === 'across') this.#relay.down(payload, null, now);
    this.#own.deliver(send, now);
    if (restored && this.#host.phase().name === 'restoring') this.#resumed(now);
  }

  #resumed(now: number): void {
    const phase = this.#host.phase();
    const of = phase.name === 'restoring' ? phase.interruption.of : 'rollover';
    this.#wire.setDeadline('restore', null);
    this.#host.enter({ name: 'live' }, now, { after: of, dial_ms: this.#dialMs });
    this.opened(now);
    this.#host.resumed(now);
  }

  deadline(name: 'idle' | 'restore' | 'rollover', now: number): void {
    switch (name) {
      case 'idle':
        this.#idle(now);
        return;
      case 'restore':
        this.#restoreOver(now);
        return;
      case 'rollover':
        this.rollover.due(now);
    }
  }

  /** The new upstream was told too little in its time. */
  #restoreOver(now: number): void {
    const phase = this.#host.phase();
    if (phase.name === 'restoring') {
      this.#host.end(this.#causeOf(phase.interruption, null), now);
    } else {
      this.rollover.restoreOver(now);
    }
  }

  // --- rest ----------------------------------------------------------------------------------------------------------

  /** The time has come to look whether the upstream has anything to do. */
  #idle(now: number): void {
    const { name } = this.#host.phase();
    if (name === 'moving') this.#wire.setDeadline('idle', now + this.#idleMs);
    if (name !== 'live') return;
    const dueAt = this.#activeAt + this.#idleMs;
    if (now < dueAt) {
      this.#wire.setDeadline('idle', dueAt);
    } else if (
      this.rollover.isUnderWay ||
      !this.#books.isSettled() ||
      !this.#books.canRestore(CLOSE.abnormal, '')
    ) {
      this.#wire.setDeadline('idle', now + this.#idleMs);
    } else {
      this.#part(now);
    }
  }

  /** Tells the provider that its socket will be closed, where it wants to know: its answer is waited for, and goes nowhere. */
  #part(now: number): void {
    if (!this.#own.bidFarewell(now)) {
      this.#rest('idle', now);
      return;
    }
    this.#clearDeadlines();
    this.#host.enter({ name: 'parting' }, now);
    this.#wire.setDeadline('usage', now + this.#limits.usageWaitMs);
  }

  /** A frame that answers our farewell. */
  #parting(payload: Payload, now: number): void {
    this.#books.intercept(payload, now);
    if (!this.#books.owes()) this.#rest('idle', now);
  }

  /** The answer to our farewell did not come. */
  partingOver(now: number): void {
    if (this.#host.phase().name === 'parting') this.#rest('idle', now);
  }

  #rest(why: 'idle' | 'upstream_lost' | 'restarting', now: number): void {
    this.#books.conclude(now);
    this.#wire.closeUpstream(NORMAL);
    this.#clearDeadlines();
    this.rollover.forget();
    this.#host.enter({ name: 'resting' }, now, { after: why });
    this.#wire.resting();
    // What came while the provider was being told waits already.
    if (why !== 'restarting' && this.#host.isAwaited()) this.wake(now);
  }

  /** Lets the upstream go, if the conversation can go on without it. */
  suspend(now: number): boolean {
    const { name } = this.#host.phase();
    if (name === 'resting') return true;
    if (name === 'dialling' || name === 'closing' || name === 'ended') return false;
    if (!this.#books.canRestore(CLOSE.abnormal, '')) return false;
    this.#rest('restarting', now);
    return true;
  }

  /** A client speaks, and nobody is there to hear it. */
  wake(now: number): void {
    this.#attempts = 0;
    this.#interrupt({ of: 'waking' }, now);
  }

  /** The object is new, and its predecessor's upstream is gone. */
  recover(now: number): void {
    this.#interrupt({ of: 'interrupted' }, now);
  }

  /** The old socket first, and whatever is open is broken off: clients are told as after a loss. */
  #moveAtOnce(now: number): void {
    this.#wire.closeUpstream(NORMAL);
    this.#attempts = 0;
    this.#interrupt({ of: 'rollover' }, now);
  }

  #clearDeadlines(): void {
    for (const name of ['idle', 'watch', 'keepalive', 'usage', 'rollover', 'restore'] as const)
      this.#wire.setDeadline(name, null);
  }
}
