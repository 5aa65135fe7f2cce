/**
 * One client, the broker's real core and a simulated provider, in virtual time, over as many upstreams as it takes: what
 * the provider's model has before it can be looked at, on whichever socket it is.
 */
import { asObject, type JsonObject, type JsonValue, parseJson } from '../../../protocol/json.ts';
import type { ConnectRequest, Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { SimulatedSession, Simulator, SimulatorOutput } from '../../../simulators/simulator.ts';
import { FakeWire, planOf } from '../session/fake-wire.ts';

const START = 1_795_000_000_000;
const DIAL_MS = 5;
const IDLE_MS = 60_000;
/** Longer than any answer takes here. */
const ANSWER_MS = 20_000;

interface Upstream {
  readonly session: SimulatedSession;
  coming: SimulatorOutput[];
}

export interface Service {
  readonly adapter: ProviderAdapter;
  /** One for all dials of a conversation. */
  readonly service: () => Simulator;
  readonly request: Pick<ConnectRequest, 'path' | 'query' | 'baseUrl' | 'restoredAudioBytes'>;
}

class DrivenWire extends FakeWire {
  readonly #drive: Conversation;

  constructor(drive: Conversation) {
    super();
    this.#drive = drive;
  }

  override toUpstream(payload: Payload): boolean {
    return this.#drive.tell(this.#drive.current, payload);
  }
  override toSuccessor(payload: Payload): boolean {
    return this.#drive.tell(this.#drive.successor, payload);
  }
  override toClient(_client: number, payload: Payload): void {
    this.#drive.seen.push(payload);
  }
  override dial(delayMs: number): void {
    this.#drive.dialAt(delayMs);
  }
  override promoteSuccessor(): void {
    this.#drive.promote();
  }
  override dropSuccessor(): void {
    this.#drive.dropSuccessor();
  }
  override closeUpstream(): void {
    this.#drive.hangUp();
  }
}

export class Conversation {
  now = START;
  current: Upstream | null = null;
  successor: Upstream | null = null;
  /** All that the client has received. */
  readonly seen: Payload[] = [];
  /** Sockets that were opened at the provider. */
  dials = 0;
  readonly #about: Service;
  readonly #service: Simulator;
  readonly #request: ConnectRequest;
  readonly #wire: DrivenWire;
  readonly #session: Session;
  readonly #client: number;
  #dialAt: number | null = null;

  constructor(about: Service) {
    this.#about = about;
    this.#service = about.service();
    this.#request = { ...about.request, headers: {}, subprotocols: [], credential: null };
    this.#wire = new DrivenWire(this);
    const plan = { ...planOf({ named: true, idleMs: IDLE_MS }), maxSessionMs: 86_400_000 };
    this.#session = new Session(
      { ...plan, request: this.#request },
      about.adapter,
      LIMITS,
      this.#wire,
      this.now,
    );
    this.current = this.#dial();
    this.#session.upstreamOpened(DIAL_MS, this.now);
    this.#client = this.#session.join('controller', null, {}, this.now).number;
    this.pass(DIAL_MS);
  }

  /** What the model has before it, on the socket of now. */
  get context(): JsonValue {
    const context = this.current?.session.context;
    if (context === undefined) throw new Error('there is no provider, or it keeps nothing');
    return context;
  }

  get phase(): string {
    return this.#session.phase;
  }

  /** What the client received, as JSON; frames of `type`, where it is given. */
  messages(type?: string): readonly JsonObject[] {
    return this.seen
      .map((payload) => (typeof payload === 'string' ? payload : new TextDecoder().decode(payload)))
      .map((text) => asObject(parseJson(text)))
      .filter((message) => message !== undefined)
      .filter((message) => type === undefined || message['type'] === type);
  }

  /** The client sends, and waits for whatever comes of it. */
  say(...frames: readonly JsonValue[]): void {
    for (const frame of frames) {
      this.#session.clientFrame(this.#client, JSON.stringify(frame), this.now);
      this.#deliver();
    }
    this.pass(ANSWER_MS);
  }

  /** The provider's socket is lost. */
  lose(code: number): void {
    if (this.current === null) throw new Error('there is none');
    this.hangUp();
    this.#session.upstreamClosed(code, '', this.now);
    this.pass(ANSWER_MS);
  }

  /** Nothing happens for so long that the session rests. */
  rest(): void {
    this.pass(2 * IDLE_MS);
    if (this.phase !== 'resting') throw new Error(`the session is ${this.phase}`);
  }

  /** Lets `ms` pass, with a frame that means nothing now and then, so that nothing rests. */
  passAwake(ms: number, nothing: JsonValue): void {
    const until = this.now + ms;
    while (this.now < until) {
      this.#session.clientFrame(this.#client, JSON.stringify(nothing), this.now);
      this.pass(IDLE_MS / 2);
    }
  }

  /** Lets `ms` pass, doing each thing when it is due. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = [
        [this.#dialAt, () => this.#redial()],
        [this.current?.session.due(), () => this.#advance(this.current)],
        [this.successor?.session.due(), () => this.#advance(this.successor)],
        ...[...this.#wire.deadlines].map(
          ([name, at]) =>
            [
              at,
              () => {
                this.#wire.deadlines.delete(name);
                this.#session.deadline(name, this.now);
              },
            ] as const,
        ),
      ] as const;
      const [at, act] = due.reduce<readonly [number, () => void]>(
        (first, [each, run]) => ((each ?? Infinity) < first[0] ? [each ?? Infinity, run] : first),
        [Infinity, () => undefined],
      );
      if (at > until) break;
      this.now = Math.max(this.now, at);
      act();
      this.#deliver();
    }
    this.now = until;
  }

  // --- for the wire ------------------------------------------------------------------------------------------------

  tell(upstream: Upstream | null, payload: Payload): boolean {
    if (upstream === null) return false;
    upstream.coming.push(...upstream.session.receive(payload, this.now));
    return true;
  }

  dialAt(delayMs: number): void {
    this.dropSuccessor();
    this.#dialAt = this.now + delayMs + DIAL_MS;
  }

  hangUp(): void {
    this.current?.session.closed(this.now);
    this.current = null;
  }

  dropSuccessor(): void {
    this.successor?.session.closed(this.now);
    this.successor = null;
    this.#dialAt = null;
  }

  promote(): void {
    this.hangUp();
    this.current = this.successor;
    this.successor = null;
  }

  // --- the provider's side -----------------------------------------------------------------------------------------

  /** Each socket names things in its own way, as a provider does. */
  #dial(): Upstream {
    this.dials += 1;
    const { url, headers } = this.#about.adapter.dial(this.#request, this.#session.books.state);
    const own = url.replace('seed=1', `seed=${this.dials}`);
    const handshake = this.#service({ url: own, headers }, this.now);
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(handshake)}`);
    return { session: handshake.session, coming: [...handshake.session.open(this.now)] };
  }

  #redial(): void {
    this.#dialAt = null;
    this.successor = this.#dial();
    this.#session.continuity.redialled(DIAL_MS, this.now);
  }

  #advance(upstream: Upstream | null): void {
    upstream?.coming.push(...upstream.session.advance(this.now));
  }

  #deliver(): void {
    for (;;) {
      const upstream = [this.current, this.successor].find((each) => (each?.coming.length ?? 0) > 0);
      const next = upstream?.coming.shift();
      if (upstream == null || next === undefined) return;
      if (next.kind === 'send') {
        if (upstream === this.current) this.#session.upstreamFrame(next.payload, this.now);
        else this.#session.continuity.rollover.frame(next.payload, this.now);
      } else {
        this.#over(upstream, next);
      }
    }
  }

  #over(upstream: Upstream, end: Exclude<SimulatorOutput, { kind: 'send' }>): void {
    const { code, reason } = end.kind === 'close' ? end : { code: 1006, reason: '' };
    upstream.session.closed(this.now);
    if (upstream === this.current) {
      this.current = null;
      this.#session.upstreamClosed(code, reason, this.now);
    } else {
      this.successor = null;
      this.#session.continuity.rollover.lost(this.now);
    }
  }
}
