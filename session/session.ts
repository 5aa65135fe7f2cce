/**
 * The broker's rules for one session. Events come in as method calls with their time; everything that must happen goes
 * out through a `Wire`, at once and in order. Nothing here waits, and nothing here knows the platform.
 *
 *     dialling -> live -> [closing ->] ended
 *
 * `closing` is the bounded wait for the usage of a response that was open when the last client left.
 */
import { CLOSE, type CloseFrame } from '../protocol/close-codes.ts';
import type { ConnectPlan, Payload, Role } from '../protocol/connect.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Ending, Totals } from '../protocol/recording.ts';
import type { ProviderAdapter, Sender, Translation } from '../providers/adapter.ts';
import { Bookkeeping } from './bookkeeping.ts';
import {
  type Cause,
  clientClosed,
  closeFor,
  neverOpened,
  parleyEnds,
  upstreamClosed,
  upstreamTooBig,
} from './causes.ts';
import type { PriceBasis } from './cost.ts';
import { FlowControl } from './flow-control.ts';
import type { Limits } from './limits.ts';
import { OwnFrames } from './own-frames.ts';
import { PendingFrames } from './pending.ts';
import type { Recording } from './recording.ts';
import type { Resumption } from './resume-window.ts';
import { type Client, clientName, Roster } from './roster.ts';
import { UpstreamWatch } from './upstream-watch.ts';
import type { DeadlineName, Wire } from './wire.ts';

type Phase =
  | { readonly name: 'dialling' }
  | { readonly name: 'live' }
  | { readonly name: 'closing'; readonly cause: Cause }
  | { readonly name: 'ended'; readonly ending: Ending };

export type SessionPlan = Pick<ConnectPlan, 'named' | 'log' | 'graceMs' | 'maxSessionMs' | 'request'> & {
  readonly prices: PriceBasis;
};

export class Session {
  readonly #plan: SessionPlan;
  readonly #adapter: ProviderAdapter;
  readonly #limits: Limits;
  readonly #wire: Wire;
  readonly #roster: Roster;
  readonly #pending: PendingFrames;
  readonly #books: Bookkeeping;
  readonly #startedAt: number;
  readonly #own: OwnFrames;
  #phase: Phase = { name: 'dialling' };
  readonly #upstreamWatch: UpstreamWatch;
  readonly #flow: FlowControl;

  constructor(plan: SessionPlan, adapter: ProviderAdapter, limits: Limits, wire: Wire, now: number) {
    this.#plan = plan;
    this.#adapter = adapter;
    this.#limits = limits;
    this.#wire = wire;
    this.#roster = new Roster(limits);
    this.#pending = new PendingFrames(limits.pendingBytes, limits.pendingFrames);
    this.#books = new Bookkeeping(plan, adapter, limits, wire);
    this.#startedAt = now;
    this.#own = new OwnFrames(adapter, plan.request, { wire, books: this.#books, roster: this.#roster });
    this.#upstreamWatch = new UpstreamWatch(limits, now);
    this.#flow = new FlowControl(limits, this.#roster, wire, {
      cut: (client, bytesBehind, at) =>
        this.#cut(client, 'slow_consumer', { bytes: String(bytesBehind) }, at),
      blocked: (at) => this.#end(parleyEnds('upstream_blocked', this.#blocked()), at),
    });
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

  /** The log, for whoever carries it to the recorder; call `catchUp` before a batch is taken. */
  get recording(): Recording {
    return this.#books.recording;
  }

  catchUp(): void {
    this.#books.catchUp();
  }

  /** Upstream frames so far. */
  get received(): number {
    return this.#books.received;
  }

  /** What a client that comes back is owed before anything else. */
  missed(after: number): Resumption {
    return this.#books.missed(after);
  }

  totals(): Totals {
    return this.#books.totals();
  }

  /** The state that a dial needs. */
  get adapterState(): JsonValue {
    return this.#books.state;
  }

  join(
    role: Role | null,
    translation: Translation | null,
    about: Readonly<Record<string, JsonValue>>,
    now: number,
  ): Client {
    const client = this.#roster.add(role, translation, now);
    this.#wire.setDeadline('grace', null);
    this.#wire.setDeadline('keepalive', null);
    this.#books.record(
      'client.joined',
      { client: clientName(client.number), role: client.role, ...about },
      now,
    );
    return client;
  }

  /** Sends a client that joined late what it must get first. Its socket takes frames by now. */
  greet(number: number): void {
    if (this.#phase.name !== 'live') return;
    const greeting = this.#adapter.greeting?.(this.#books.state) ?? null;
    if (greeting !== null) this.#wire.toClient(number, greeting);
  }

  /** The client is gone, for whatever cause. Comes at most once a client has effect. */
  leave(number: number, code: number, reason: string, now: number): void {
    this.#left(number, clientClosed(code, reason), now);
  }

  /** @param cause why the session ends, if this was the last client of a plain one */
  #left(number: number, cause: Cause, now: number): void {
    if (!this.#roster.remove(number)) return;
    this.#pending.drop(number);
    if (this.#phase.name === 'ended') return;
    const { code, closeReason: reason } = cause;
    this.#books.record('client.left', { client: clientName(number), code, reason }, now);
    if (this.#roster.size > 0) return;
    if (this.#plan.named) {
      this.#wire.setDeadline('grace', now + this.#plan.graceMs);
      this.#own.keepAliveLater(now);
      return;
    }
    if (this.#phase.name === 'live') {
      this.#own.bidFarewell(now);
      if (this.#books.owes()) {
        this.#phase = { name: 'closing', cause };
        this.#wire.setDeadline('usage', now + this.#limits.usageWaitMs);
        return;
      }
    }
    this.#end(cause, now);
  }

  /** The upstream is open: what clients sent meanwhile goes first. */
  upstreamOpened(dialMs: number, now: number): void {
    if (this.#phase.name !== 'dialling') return;
    this.#phase = { name: 'live' };
    this.#upstreamWatch.heard(now);
    this.#books.opened(dialMs, now);
    for (const held of this.#pending.takeAll()) {
      const client = this.#roster.get(held.client);
      if (client !== undefined) this.#sendUp(client, held.payload, held.at);
    }
    this.#wire.setDeadline('watch', now + this.#limits.watchMs);
    this.#wire.setDeadline('longest', this.#startedAt + this.#plan.maxSessionMs);
  }

  /** The dial failed: there never was an upstream. */
  upstreamRefused(reason: ErrorCode, detail: Readonly<Record<string, JsonValue>>, now: number): void {
    if (this.#phase.name !== 'dialling') return;
    this.#books.record('error', { code: reason, ...detail }, now);
    this.#end(neverOpened(reason), now);
  }

  upstreamClosed(code: number, reason: string, now: number): void {
    if (this.#phase.name === 'ended') return;
    if (this.#phase.name === 'closing') {
      this.#end(this.#phase.cause, now);
      return;
    }
    this.#end(upstreamClosed(code, reason), now);
  }

  /** The upstream sent a frame over the platform's limit: its socket is dead. */
  upstreamFrameTooBig(now: number): void {
    this.#end(upstreamTooBig(), now);
  }

  /** One frame from a client. It goes out first; numbering, storing and reading come after. */
  clientFrame(number: number, payload: Payload, now: number): void {
    const client = this.#roster.get(number);
    if (client === undefined) return;
    client.backlog.alive(now);
    // Before the role: an SDK that begins with such a frame could not observe otherwise.
    if (this.#own.isRepeated(client, payload)) return;
    if (client.role === 'observer') {
      this.#cut(client, 'role_forbids_sending', {}, now);
      return;
    }
    switch (this.#phase.name) {
      case 'live':
        this.#sendUp(client, payload, now);
        return;
      case 'dialling':
        if (!this.#pending.hold({ client: number, payload, at: now })) {
          this.#cut(client, 'pending_overflow', { limit: this.#pendingLimit() }, now);
        }
        return;
      case 'closing':
      case 'ended':
        return;
    }
  }

  /** One frame from the upstream, to every client. */
  upstreamFrame(payload: Payload, now: number): void {
    if (this.#phase.name === 'ended') return;
    this.#upstreamWatch.heard(now);
    let translated = false;
    for (const client of this.#roster.all()) {
      if (!this.#flow.keepsUp(client, payload, now)) continue;
      if (client.translation === null) {
        this.#wire.toClient(client.number, payload);
        continue;
      }
      translated = true;
      const own = client.translation.toClient(payload);
      if (own !== null) this.#wire.toClient(client.number, own);
    }
    // Cutting a slow client may have ended the session.
    if (this.ending !== null) return;
    this.#flow.sentDown(now);
    this.#books.relayed({
      direction: 'down',
      client: 0,
      from: UPSTREAM,
      payload,
      read: payload,
      translated,
      at: now,
    });
    this.#own.answer(payload, now);
    if (this.#phase.name === 'closing' && !this.#books.owes()) this.#end(this.#phase.cause, now);
  }

  deadline(name: DeadlineName, now: number): void {
    if (this.#phase.name === 'ended') return;
    switch (name) {
      case 'grace':
        if (this.#roster.size === 0)
          this.#end(parleyEnds('grace_over', { code: CLOSE.normal, reason: 'no client came back' }), now);
        return;
      case 'keepalive':
        this.#own.keepAlive(now);
        return;
      case 'usage':
        if (this.#phase.name === 'closing') this.#end(this.#phase.cause, now);
        return;
      case 'longest':
        this.#end(parleyEnds('session_too_long', this.#tooLong()), now);
        return;
      case 'watch':
        this.#watch(now);
        return;
      case 'hearing':
        this.#flow.heard(now);
    }
  }

  /** A hold of the input is over. */
  inputReleased(now: number): void {
    if (this.#phase.name !== 'ended') this.#flow.released(now);
  }

  /** Ends the session for a cause of the broker's own. */
  endFor(code: 'ended_by_request' | 'deleted' | 'restarting' | 'internal', now: number): void {
    if (this.#phase.name === 'ended') return;
    this.#end(parleyEnds(code, closeFor(code)), now);
  }

  #sendUp(client: Client, payload: Payload, at: number): void {
    const keys = this.#adapter.withoutKeys?.(payload, (text) => this.#wire.isGatewayToken(text)) ?? null;
    const sent = keys?.up ?? payload;
    const own = client.translation === null ? sent : client.translation.toUpstream(sent);
    if (own !== null) {
      if (!this.#wire.toUpstream(own)) return;
      this.#flow.sentUp(own, at);
    }
    this.#books.relayed({
      direction: 'up',
      client: client.number,
      from: client.sender,
      payload: keys?.log ?? payload,
      read: keys?.log ?? own,
      translated: own !== payload || keys !== null,
      at,
    });
  }

  #watch(now: number): void {
    switch (this.#upstreamWatch.look(this.#phase.name === 'live' && this.#books.owes(), now)) {
      case 'dead': {
        const seconds = String(Math.round(this.#limits.upstreamSilentMs / 1000));
        const frame = closeFor('upstream_silent', { provider: this.#adapter.id, seconds });
        this.#end(parleyEnds('upstream_silent', frame), now);
        return;
      }
      case 'stalled':
        this.#books.record('stalled', { silent_ms: this.#upstreamWatch.silentMs(now) }, now);
        break;
      case 'fine':
        break;
    }
    this.#wire.setDeadline('watch', now + this.#limits.watchMs);
  }

  /** Takes one client out for a cause of the broker's own; the others notice nothing. */
  #cut(client: Client, code: ErrorCode, values: Readonly<Record<string, string>>, now: number): void {
    const frame = closeFor(code, values);
    this.#wire.closeClient(client.number, frame);
    this.#left(client.number, parleyEnds(code, frame), now);
  }

  #end(cause: Cause, now: number): void {
    if (this.#phase.name === 'ended') return;
    const clients = this.#roster.all();
    if (this.#phase.name !== 'dialling' && cause.closedBy !== 'upstream') this.#own.bidFarewell(now);
    this.#books.conclude(now);
    const ending: Ending = {
      at: now,
      reason: cause.reason,
      closedBy: cause.closedBy,
      code: cause.code,
      closeReason: cause.closeReason,
      totals: this.totals(),
    };
    this.#phase = { name: 'ended', ending };
    for (const name of DEADLINES) this.#wire.setDeadline(name, null);
    this.#wire.closeUpstream(cause.toUpstream);
    for (const client of clients) {
      this.#wire.closeClient(client.number, cause.toClients);
      this.#books.record(
        'client.left',
        { client: clientName(client.number), code: cause.toClients.code, reason: cause.toClients.reason },
        now,
      );
    }
    this.recording.finish(now);
    this.#wire.ended(ending);
  }

  #tooLong(): CloseFrame {
    return closeFor('session_too_long', { seconds: String(this.#plan.maxSessionMs / 1000) });
  }

  #blocked(): CloseFrame {
    const seconds = String(this.#limits.stalledMs / 1000);
    return closeFor('upstream_blocked', { provider: this.#adapter.id, seconds });
  }

  #pendingLimit(): string {
    return `${this.#limits.pendingBytes} bytes or ${this.#limits.pendingFrames} frames`;
  }
}

const DEADLINES: readonly DeadlineName[] = ['grace', 'keepalive', 'usage', 'watch', 'longest', 'hearing'];
const UPSTREAM: Sender = { side: 'upstream' };
