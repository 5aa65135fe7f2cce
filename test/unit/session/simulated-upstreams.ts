/**
 * The upstream sockets of a session at a simulated provider, in virtual time: the one that relays, and the one that is to take
 * its place, as `durable-objects/upstreams.ts` keeps them.
 */
import type { Payload } from '../../../protocol/connect.ts';
import type { ConnectRequest, ProviderAdapter } from '../../../providers/adapter.ts';
import type { Session } from '../../../session/session.ts';
import type { Charged } from '../../../simulators/ledger.ts';
import type { SimulatedSession, Simulator, SimulatorOutput } from '../../../simulators/simulator.ts';
import { FakeWire } from './fake-wire.ts';

export const DIAL_MS = 5;

/** One socket, from the provider's side. */
interface ProviderSocket {
  readonly session: SimulatedSession;
  /** What is on its way down. */
  coming: SimulatorOutput[];
}

export interface UpstreamEvents {
  now(): number;
  session(): Session;
  /** A frame of the socket that relays, before the session has it. */
  heard?(payload: Payload): void;
  /** A socket is over, by whichever side: what it had charged when its last frame came, and in the end. */
  over?(told: Charged, all: Charged): void;
}

type Due = readonly [at: number | null | undefined, act: () => void];

export class SimulatedUpstreams {
  current: ProviderSocket | null = null;
  successor: ProviderSocket | null = null;
  /** Sockets that were opened at the provider. */
  dials = 0;
  readonly #service: Simulator;
  readonly #adapter: ProviderAdapter;
  readonly #request: ConnectRequest;
  readonly #events: UpstreamEvents;
  #dialAt: number | null = null;

  constructor(service: Simulator, adapter: ProviderAdapter, request: ConnectRequest, events: UpstreamEvents) {
    this.#service = service;
    this.#adapter = adapter;
    this.#request = request;
    this.#events = events;
  }

  /** The first dial; its greeting is on the way when the socket opens. */
  open(): void {
    this.current = this.#dial();
  }

  /** What follows a frame at which the provider closed does not go out any more: its close is on the way. */
  tell(socket: ProviderSocket | null, payload: Payload): boolean {
    if (socket === null || socket.coming.some(({ kind }) => kind !== 'send')) return false;
    socket.coming.push(...socket.session.receive(payload, this.#events.now()));
    return true;
  }

  dialAt(delayMs: number): void {
    this.dropSuccessor();
    this.#dialAt = this.#events.now() + delayMs + DIAL_MS;
  }

  promote(): void {
    this.#over(this.current);
    this.current = this.successor;
    this.successor = null;
  }

  dropSuccessor(): void {
    this.#dialAt = null;
    const { successor } = this;
    this.successor = null;
    this.#over(successor);
  }

  /** Closes every socket there is, and gives up a dial that is under way. */
  hangUp(): void {
    this.dropSuccessor();
    const { current } = this;
    this.current = null;
    this.#over(current);
  }

  /** The socket that relays is gone, with what was on its way. */
  lose(code: number): void {
    const { current } = this;
    this.current = null;
    this.#over(current);
    if (current !== null) this.#events.session().upstreamClosed(code, '', this.#events.now());
  }

  /** What happens here by itself, and when. */
  due(): readonly Due[] {
    return [
      [this.#dialAt, () => this.#redial()],
      ...[this.current, this.successor].map((socket): Due => [
        socket?.session.due(),
        () => socket?.coming.push(...socket.session.advance(this.#events.now())),
      ]),
    ];
  }

  /** Brings to the session what is on its way. */
  deliver(): void {
    for (;;) {
      const socket = [this.current, this.successor].find((each) => (each?.coming.length ?? 0) > 0);
      const next = socket?.coming.shift();
      if (socket == null || next === undefined) return;
      if (next.kind === 'send') this.#frame(socket, next.payload);
      else this.#closed(socket, next);
    }
  }

  #frame(socket: ProviderSocket, payload: Payload): void {
    const session = this.#events.session();
    if (socket === this.current) {
      this.#events.heard?.(payload);
      session.upstreamFrame(payload, this.#events.now());
    } else {
      session.continuity.rollover.frame(payload, this.#events.now());
    }
  }

  #closed(socket: ProviderSocket, end: Exclude<SimulatorOutput, { kind: 'send' }>): void {
    const { code, reason } = end.kind === 'close' ? end : { code: 1006, reason: '' };
    const session = this.#events.session();
    const now = this.#events.now();
    this.#over(socket);
    if (socket === this.current) {
      this.current = null;
      session.upstreamClosed(code, reason, now);
    } else {
      this.successor = null;
      session.continuity.rollover.lost(now);
    }
  }

  #over(socket: ProviderSocket | null): void {
    if (socket === null) return;
    const told = socket.session.charged;
    socket.coming = [];
    socket.session.closed(this.#events.now());
    this.#events.over?.(told, socket.session.charged);
  }

  #redial(): void {
    this.#dialAt = null;
    this.successor = this.#dial();
    this.#events.session().continuity.redialled(DIAL_MS, this.#events.now());
  }

  /** Each socket names things in its own way, as a provider does. */
  #dial(): ProviderSocket {
    this.dials += 1;
    const { url, headers } = this.#adapter.dial(this.#request, this.#events.session().books.state);
    const own = url.replace('seed=1', `seed=${this.dials}`);
    const handshake = this.#service({ url: own, headers }, this.#events.now());
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(handshake)}`);
    return { session: handshake.session, coming: [...handshake.session.open(this.#events.now())] };
  }
}

/** A wire whose upstream side is simulated. */
export class SimulatedWire extends FakeWire {
  readonly #upstreams: () => SimulatedUpstreams;

  constructor(upstreams: () => SimulatedUpstreams) {
    super();
    this.#upstreams = upstreams;
  }

  override toUpstream(payload: Payload): boolean {
    const upstreams = this.#upstreams();
    return upstreams.tell(upstreams.current, payload);
  }
  override toSuccessor(payload: Payload): boolean {
    const upstreams = this.#upstreams();
    return upstreams.tell(upstreams.successor, payload);
  }
  override dial(delayMs: number): void {
    this.#upstreams().dialAt(delayMs);
  }
  override promoteSuccessor(): void {
    this.#upstreams().promote();
  }
  override dropSuccessor(): void {
    this.#upstreams().dropSuccessor();
  }
  override closeUpstream(): void {
    this.#upstreams().hangUp();
  }

  /** The first that is due, of these and of the session's deadlines; null: nothing is until then. */
  firstDue(
    session: Session,
    until: number,
  ): { readonly at: number; readonly act: (now: number) => void } | null {
    const due = [
      ...this.#upstreams().due(),
      ...[...this.deadlines].map(
        ([name, at]) =>
          [
            at,
            (now: number) => {
              this.deadlines.delete(name);
              session.deadline(name, now);
            },
          ] as const,
      ),
    ];
    let first: { readonly at: number; readonly act: (now: number) => void } | null = null;
    for (const [at, act] of due)
      if (at != null && at <= until && at < (first?.at ?? Infinity)) first = { at, act };
    return first;
  }
}
