/**
 * The broker's rules for one session. Events come in as method calls with their time; everything that must happen goes
 * out through a `Wire`, at once and in order. Nothing here waits, and nothing here knows the platform.
 *
 *     dialling -> live -> [closing ->] ended
 *
 * `closing` is the bounded wait for the usage of a response that was open when the last client left, or a budget was spent. What
 * happens between `live` and `live`, on further upstreams, is `continuity.ts`.
 */
import { CLOSE } from '../protocol/close-codes.ts';
import type { Payload, Role } from '../protocol/connect.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Ending, Totals } from '../protocol/recording.ts';
import type { ProviderAdapter, Translation } from '../providers/adapter.ts';
import { Bookkeeping } from './bookkeeping.ts';
import { overBudget } from './budget.ts';
import * as causes from './causes.ts';
import { Continuity, type Host } from './continuity.ts';
import { FlowControl } from './flow-control.ts';
import type { Limits } from './limits.ts';
import { Lives } from './lives.ts';
import { OwnFrames } from './own-frames.ts';
import { PendingFrames } from './pending.ts';
import type { Phase } from './phase.ts';
import type { Recording } from './recording.ts';
import { Relay } from './relay.ts';
import { type Client, type Introduction, Roster, STRANGER } from './roster.ts';
import type { SessionPlan } from './session-plan.ts';
import { SharedSocket } from './shared-socket.ts';
import { Sharing } from './sharing.ts';
import type { Snapshot } from './snapshot.ts';
import { UpstreamWatch } from './upstream-watch.ts';
import { type DeadlineName, DEADLINES, type Wire } from './wire.ts';

export class Session {
  readonly #plan: SessionPlan;
  /** It waits for another process. True before it rests, so that what is kept of it says so. */
  isSuspended = false;
  readonly #limits: Limits;
  readonly #wire: Wire;
  readonly #roster: Roster;
  readonly #pending: PendingFrames;
  readonly books: Bookkeeping;
  readonly lives: Lives;
  readonly #own: OwnFrames;
  #phase: Phase = { name: 'dialling' };
  readonly #upstreamWatch: UpstreamWatch;
  readonly #flow: FlowControl;
  readonly #relay: Relay;
  readonly #sharing: Sharing;
  readonly continuity: Continuity;

  /** @param from what is known of a session that rests, or whose object was lost; null: a new one */
  constructor(
    plan: SessionPlan,
    adapter: ProviderAdapter,
    limits: Limits,
    wire: Wire,
    now: number,
    from: Snapshot | null = null,
  ) {
    this.#plan = plan;
    this.#limits = limits;
    this.#wire = wire;
    this.#roster = new Roster(limits, from?.counters.client, from?.roles);
    const about = { adapter, limits, wire, roster: this.#roster };
    this.#sharing = new Sharing(plan, {
      ...about,
      later: () => ({ books: this.books, flow: this.#flow }),
      host: { cut: (...of) => this.#cut(...of), end: (...of) => this.#end(...of) },
    });
    this.#pending = new PendingFrames(limits.pendingBytes);
    const expires = (at: number): void => this.continuity.rollover.expires(at);
    const hasBudget = plan.budget !== null;
    this.books = new Bookkeeping({ ...plan, hasBudget }, adapter, limits, wire, expires, from);
    if (from !== null) this.#phase = { name: 'resting' };
    const { control } = this.#sharing;
    const parts = { limits, wire, books: this.books, roster: this.#roster, control };
    const shared = new SharedSocket(adapter, parts);
    this.#own = new OwnFrames(adapter, plan.request, {
      ...parts,
      shared,
      relayDown: (payload, at) => this.#relay.down(payload, null, at),
    });
    this.#own.onceSent = from?.onceSent ?? false;
    const host = this.#host();
    this.#upstreamWatch = new UpstreamWatch({ limits, wire, provider: adapter.id }, this.books, host);
    this.#flow = new FlowControl(limits, this.#roster, wire, {
      cut: (client, bytesBehind, at) =>
        this.#cut(client, 'slow_consumer', { bytes: String(bytesBehind) }, at),
      blocked: (at) => this.#end(causes.blocked(adapter.id, limits.stalledMs), at),
    });
    this.#relay = new Relay(
      adapter,
      wire,
      { roster: this.#roster, flow: this.#flow, books: this.books, shared },
      () => this.ending !== null,
    );
    this.continuity = new Continuity(
      { adapter, limits, wire, idleMs: plan.idleMs },
      { books: this.books, own: this.#own, relay: this.#relay, host },
    );
    const dial = (at: number): void => this.continuity.recover(at);
    this.lives = new Lives({ adapter, host, dial, ...parts, own: this.#own, shared }, plan, from, now);
  }

  /** What continuity sees of the session. */
  #host(): Host {
    return {
      phase: () => this.#phase,
      clients: () => this.#roster.size,
      isAwaited: () => this.#pending.size > 0,
      enter: (next, now, about) => {
        this.#phase = next;
        this.books.record('phase', { phase: next.name, ...about }, now);
        this.#sharing.phase(next.name, about?.after ?? null);
      },
      resumed: (now) => this.#resumed(now),
      end: (cause, now) => this.#end(cause, now),
    };
  }

  get phase(): Phase['name'] {
    return this.#phase.name;
  }

  get ending(): Ending | null {
    return this.#phase.name === 'ended' ? this.#phase.ending : null;
  }

  get clients(): number {
    return this.#roster.size;
  }

  /** Whether a client of this name is here: the next one of it takes its place. */
  has(name: string | null): boolean {
    return this.#roster.all().some((client) => name !== null && client.name === name);
  }

  /** The log, for whoever carries it to the recorder; call `catchUp` before a batch is taken. */
  get recording(): Recording {
    return this.books.recording;
  }

  catchUp(): void {
    this.books.catchUp();
  }

  totals(): Totals {
    return this.books.totals();
  }

  join(
    role: Role | null,
    translation: Translation | null,
    about: Readonly<Record<string, JsonValue>>,
    now: number,
    as: Introduction = STRANGER,
  ): Client {
    const client = this.#roster.add(this.#sharing.roleFor(role, as), translation, now, as);
    this.#wire.setDeadline('grace', null);
    this.#wire.setDeadline('keepalive', null);
    this.books.record('client.joined', { client: client.sender.client, role: client.role, ...about }, now);
    const before = this.#roster.namesake(client);
    if (before !== undefined) this.#cut(before, 'superseded', {}, now);
    this.#sharing.joined(client);
    this.lives.joined(client, now);
    return client;
  }

  /** A client whose socket outlived the object that this session was in. */
  rejoin(...client: Parameters<Roster['again']>): void {
    this.#roster.again(...client);
  }

  /** The client is gone, for whatever cause. Comes at most once a client has effect. */
  leave(number: number, code: number, reason: string, now: number): void {
    this.#left(number, causes.clientClosed(code, reason), now);
  }

  /** @param cause why the session ends, if this was the last client of a plain one */
  #left(number: number, cause: causes.Cause, now: number): void {
    const client = this.#roster.get(number);
    if (client === undefined || !this.#roster.remove(number)) return;
    this.#pending.drop(number);
    if (this.#phase.name === 'ended') return;
    const { code, closeReason: reason } = cause;
    this.books.record('client.left', { client: client.sender.client, code, reason }, now);
    this.#sharing.left(client, code, reason, now);
    if (this.#roster.size > 0 || this.#phase.name === 'closing') return;
    if (this.#plan.named) {
      this.#wire.setDeadline('grace', now + this.#plan.graceMs);
      this.#own.keepAliveLater(now);
      return;
    }
    if (['live', 'moving', 'parting'].includes(this.#phase.name)) {
      this.#wire.dropSuccessor();
      this.#own.bidFarewell(now);
      if (this.books.owes()) {
        this.#phase = { name: 'closing', cause, isServing: () => this.books.owes() };
        this.#wire.setDeadline('usage', now + this.#limits.usageWaitMs);
        return;
      }
    }
    this.#end(cause, now);
  }

  /** The first upstream is open. */
  upstreamOpened(dialMs: number, now: number): void {
    if (this.#phase.name !== 'dialling') return;
    this.#phase = { name: 'live' };
    this.books.opened(dialMs, now);
    this.continuity.opened(now);
    this.#resumed(now);
  }

  /** An upstream relays: what clients sent meanwhile goes first. */
  #resumed(now: number): void {
    this.#upstreamWatch.begin(now);
    this.#wire.setDeadline('longest', this.lives.endsAt);
    this.#sharing.resumed(this.lives.endsAt, now);
    // What was heard of it meanwhile counts before what waited.
    this.watchBudget(now);
    if (this.ending !== null) return;
    for (const held of this.#pending.takeAll()) {
      const client = this.#roster.get(held.client);
      if (client !== undefined) this.#sendUp(client, held.payload, held.at);
    }
    this.#own.keepAliveLater(now);
  }

  /** The dial failed: there never was an upstream. */
  upstreamRefused(reason: ErrorCode, detail: Readonly<Record<string, JsonValue>>, now: number): void {
    if (this.#phase.name !== 'dialling') return;
    this.books.record('error', { code: reason, ...detail }, now);
    this.#end(causes.neverOpened(reason), now);
  }

  upstreamClosed(code: number, reason: string, now: number): void {
    if (this.#phase.name === 'ended') return;
    if (this.#phase.name === 'closing') {
      this.#end(this.#phase.cause, now);
      return;
    }
    const cause = causes.upstreamClosed(code, reason);
    if (!this.continuity.lost(code, reason, cause, now)) this.#end(cause, now);
  }

  /** The upstream sent a frame over the platform's limit: its socket is dead. */
  upstreamFrameTooBig(now: number): void {
    this.#end(causes.upstreamTooBig(), now);
  }

  /** One frame from a client. It goes out first; numbering, storing and reading come after. */
  clientFrame(number: number, payload: Payload, now: number): void {
    const client = this.#roster.get(number);
    if (client === undefined || this.#phase.name === 'ended') return;
    client.backlog.alive(now);
    // Before the role: an SDK that begins with such a frame could not observe otherwise.
    if (this.#sharing.takes(client, payload, now) || this.#own.answersFor(client, payload)) return;
    if (!this.#sharing.passes(client, payload, now)) return;
    const { name } = this.#phase;
    if (name === 'live') {
      this.continuity.active(now);
      this.#sendUp(client, payload, now);
    } else if (name !== 'closing') {
      this.#hold(client, payload, now);
      if (name === 'resting') this.continuity.wake(now);
    }
  }

  /** What cannot be sent waits: the event that says why is on its way. */
  #sendUp(client: Client, payload: Payload, at: number): void {
    if (this.#relay.up(client, payload, at)) this.#sharing.sentUp(client, payload, at);
    else this.#hold(client, payload, at);
  }

  #hold(client: Client, payload: Payload, now: number): void {
    const limit = this.#phase.name === 'dialling' ? this.#limits.pendingFrames : this.#limits.restoringFrames;
    const passed = this.#pending.hold({ client: client.number, payload, at: now }, limit);
    if (passed !== null) this.#cut(client, 'pending_overflow', { limit: passed }, now);
  }

  /** One frame from the upstream. */
  upstreamFrame(payload: Payload, now: number): void {
    if (this.#phase.name === 'ended') return;
    this.#upstreamWatch.heard(now);
    this.continuity.active(now);
    if (this.continuity.takes(payload, now)) return;
    this.#relay.down(payload, payload, now);
    if (this.ending !== null) return;
    this.#own.answer(payload, now);
    this.#sharing.heard(now);
    this.watchBudget(now);
    if (this.#phase.name === 'closing' && !this.#phase.isServing()) this.#end(this.#phase.cause, now);
  }

  deadline(name: DeadlineName, now: number): void {
    if (this.#phase.name === 'ended') return;
    switch (name) {
      case 'grace':
        if (this.#roster.size === 0)
          this.#end(
            causes.parleyEnds('grace_over', { code: CLOSE.normal, reason: 'no client came back' }),
            now,
          );
        return;
      case 'keepalive':
        this.#own.keepAlive(now);
        return;
      case 'usage':
        if (this.#phase.name === 'closing') this.#end(this.#phase.cause, now);
        else this.continuity.partingOver(now);
        return;
      case 'idle':
      case 'restore':
      case 'rollover':
        this.continuity.deadline(name, now);
        return;
      case 'longest':
        this.#end(causes.tooLong(this.#plan.maxSessionMs), now);
        return;
      case 'watch':
        this.#upstreamWatch.look(now);
        return;
      case 'hearing':
        this.#flow.heard(now);
        return;
      default:
        this.#sharing.deadline(name, now);
    }
  }

  inputReleased(now: number): void {
    if (this.#phase.name !== 'ended') this.#flow.released(now);
  }

  /** When a budget is spent, no response begins any more; the session ends with the one that is running. */
  watchBudget(now: number): void {
    if (this.#phase.name !== 'live') return;
    const cause = overBudget(this.#plan.budget, this.books, this.#wire, now);
    if (cause === null) return;
    this.#sharing.control.ending(cause.reason, this.#limits.lastResponseMs);
    this.#phase = { name: 'closing', cause, isServing: () => this.books.isResponding() };
    this.#wire.setDeadline('usage', now + this.#limits.lastResponseMs);
    if (!this.books.isResponding()) this.#end(cause, now);
  }

  /** Ends the session for a cause of the broker's own. */
  endFor(code: 'ended_by_request' | 'deleted' | 'restarting' | 'internal', now: number): void {
    if (this.#phase.name === 'ended') return;
    this.#end(causes.parleyEnds(code, causes.closeFor(code)), now);
  }

  /** Before a restart: closes what clients can come back to, and keeps it. False when they cannot. */
  suspend(now: number): boolean {
    this.isSuspended = this.#plan.named;
    this.isSuspended &&= this.continuity.suspend(now);
    if (!this.isSuspended) return false;
    for (const client of this.#roster.all()) this.#cut(client, 'restarting', {}, now);
    return true;
  }

  /** Takes one client out for a cause of the broker's own; the others notice nothing. */
  #cut(client: Client, code: ErrorCode, values: Readonly<Record<string, string>>, now: number): void {
    const frame = causes.closeFor(code, values);
    this.#wire.closeClient(client.number, frame);
    this.#left(client.number, causes.parleyEnds(code, frame), now);
  }

  #end(cause: causes.Cause, now: number): void {
    if (this.#phase.name === 'ended') return;
    const clients = this.#roster.all();
    if (this.#phase.name !== 'dialling' && cause.closedBy !== 'upstream') this.#own.bidFarewell(now);
    this.books.conclude(now);
    const ending: Ending = {
      at: now,
      reason: cause.reason,
      closedBy: cause.closedBy,
      code: cause.code,
      closeReason: this.books.storedText(cause.closeReason),
      totals: this.totals(),
    };
    this.#phase = { name: 'ended', ending };
    for (const name of DEADLINES) this.#wire.setDeadline(name, null);
    this.#wire.closeUpstream(cause.toUpstream);
    this.#sharing.control.ending(cause.reason, 0);
    for (const client of clients) {
      this.#wire.closeClient(client.number, cause.toClients);
      this.books.record('client.left', { client: client.sender.client, ...cause.toClients }, now);
    }
    this.recording.finish(now);
    this.#wire.ended(ending);
  }
}
