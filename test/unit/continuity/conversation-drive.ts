/**
 * One client, the broker's real core and a simulated provider, in virtual time, over as many upstreams as it takes: what
 * the provider's model has before it can be looked at, on whichever socket it is.
 */
import { asObject, type JsonObject, type JsonValue, parseJson } from '../../../protocol/json.ts';
import type { ConnectRequest, Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { Simulator } from '../../../simulators/simulator.ts';
import { planOf } from '../session/fake-wire.ts';
import { DIAL_MS, SimulatedUpstreams, SimulatedWire } from '../session/simulated-upstreams.ts';

const START = 1_795_000_000_000;
const IDLE_MS = 60_000;
/** Longer than any answer takes here. */
const ANSWER_MS = 20_000;

export interface Service {
  readonly adapter: ProviderAdapter;
  /** One for all dials of a conversation. */
  readonly service: () => Simulator;
  readonly request: Pick<ConnectRequest, 'path' | 'query' | 'baseUrl' | 'restoredAudioBytes'>;
}

class DrivenWire extends SimulatedWire {
  /** All that the client has received. */
  readonly seen: Payload[] = [];

  override toClient(_client: number, payload: Payload): void {
    this.seen.push(payload);
  }
}

export class Conversation {
  now = START;
  readonly #upstreams: SimulatedUpstreams;
  readonly #wire = new DrivenWire(() => this.#upstreams);
  readonly #session: Session;
  readonly #client: number;

  constructor(about: Service) {
    const request = { ...about.request, headers: {}, subprotocols: [], credential: null };
    const plan = { ...planOf({ named: true, idleMs: IDLE_MS }), maxSessionMs: 86_400_000 };
    this.#session = new Session({ ...plan, request }, about.adapter, LIMITS, this.#wire, this.now);
    this.#upstreams = new SimulatedUpstreams(about.service(), about.adapter, request, {
      now: () => this.now,
      session: () => this.#session,
    });
    this.#upstreams.open();
    this.#session.upstreamOpened(DIAL_MS, this.now);
    this.#client = this.#session.join('controller', null, {}, this.now).number;
    this.pass(DIAL_MS);
  }

  /** What the model has before it, on the socket of now. */
  get context(): JsonValue {
    const context = this.#upstreams.current?.session.context;
    if (context === undefined) throw new Error('there is no provider, or it keeps nothing');
    return context;
  }

  /** Sockets that were opened at the provider. */
  get dials(): number {
    return this.#upstreams.dials;
  }

  /** All that the client has received. */
  get seen(): readonly Payload[] {
    return this.#wire.seen;
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
      this.#upstreams.deliver();
    }
    this.pass(ANSWER_MS);
  }

  /** The provider's socket is lost. */
  lose(code: number): void {
    if (this.#upstreams.current === null) throw new Error('there is none');
    this.#upstreams.lose(code);
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
    for (let next = this.#due(until); next !== null; next = this.#due(until)) {
      this.now = Math.max(this.now, next.at);
      next.act(this.now);
      this.#upstreams.deliver();
    }
    this.now = until;
  }

  #due(until: number) {
    return this.#wire.firstDue(this.#session, until);
  }
}
