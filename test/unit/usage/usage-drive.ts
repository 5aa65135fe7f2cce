/**
 * Clients, the broker's real core and a simulated provider, in virtual time: a script says what clients do and what goes
 * wrong, and what is recorded at the end stands beside what the provider charged, on all of its sockets together.
 */
import { asObject, asText, type JsonObject, parseJson } from '../../../protocol/json.ts';
import type { Batch, Totals } from '../../../protocol/recording.ts';
import type { ConnectRequest, Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { SessionPlan } from '../../../session/session-plan.ts';
import type { Snapshot } from '../../../session/snapshot.ts';
import { type Charged, Ledger } from '../../../simulators/ledger.ts';
import type { Simulator } from '../../../simulators/simulator.ts';
import { DIAL_MS, SimulatedUpstreams, SimulatedWire } from '../session/simulated-upstreams.ts';
import { add } from './amounts.ts';

const START = 1_795_000_000_000;
const GRACE_MS = 5_000;
/** Shorter than the longest pause of a script. */
const IDLE_MS = 8_000;
/** Past every wait of the broker's. */
const AFTERWARDS_MS = 60_000;
/** Of a log that is kept: small, so that frames lie in several. */
const SEGMENT_BYTES = 4096;

/** What a client does; `n` is a number of the script's, for variety. `isLive`: it hears at once what becomes of it. */
export type Move = (heard: Heard, n: number, isLive: boolean) => readonly Payload[];

export interface UsageWire {
  readonly name: string;
  readonly adapter: ProviderAdapter;
  /** A service of its own for each session. */
  readonly service: () => Simulator;
  readonly request: Pick<ConnectRequest, 'path' | 'query' | 'baseUrl'>;
  /** What the first client begins with. */
  readonly begin: Move;
  readonly moves: readonly Move[];
  /**
   * `told`: what the provider had charged when its last frame came. `all`: also what it charges when the socket is over,
   * since that is measured here. `told and seconds`: of time all, of the rest what was told.
   */
  readonly records: 'told' | 'all' | 'told and seconds';
  readonly source: 'provider' | 'measured' | 'either';
  /** Says nothing of an answer before its first output: one whose first frames are lost with the socket is unheard of. */
  readonly beginsUnsaid?: true;
  /** Whether it closes a socket after a time: `said`, so that the session moves to another one before, or without a word. */
  readonly limit: 'said' | 'unsaid' | 'none';
}

export type Step =
  | { readonly do: 'move'; readonly which: number; readonly who: number; readonly n: number }
  | { readonly do: 'pass'; readonly ms: number }
  /** `as`: its name, by which it takes the place of its old socket, and goes on with what was its own. */
  | { readonly do: 'join'; readonly as: string | null }
  | { readonly do: 'end' }
  | { readonly do: 'leave'; readonly who: number }
  /** The process is restarted, and a client comes back to what was kept. A session without a name ends by it. */
  | { readonly do: 'restart' }
  /** The upstream socket is lost; `lossy`: with the next frames that the provider sends by itself. */
  | { readonly do: 'cut'; readonly code: 1006 | 1011; readonly lossy: boolean };

export interface Script {
  readonly named: boolean;
  /** What clients send before the upstream is open waits for it. */
  readonly early: boolean;
  /** The upstream is closed when nothing was said for a while, and another dialled when somebody speaks. */
  readonly rests: boolean;
  /** The provider closes each socket after so long, in place of its own limit. */
  readonly lifeSeconds: number | null;
  readonly n: number;
  readonly steps: readonly Step[];
}

/** What has come down, for clients that answer it. */
export class Heard {
  readonly #frames: Payload[] = [];

  get frames(): readonly Payload[] {
    return this.#frames;
  }

  add(payload: Payload): void {
    this.#frames.push(payload);
  }

  /** The newest message of which `pick` makes something. */
  newest<T>(pick: (message: JsonObject) => T | undefined): T | undefined {
    for (const frame of this.#frames.toReversed()) {
      const text = typeof frame === 'string' ? frame : new TextDecoder().decode(frame);
      const message = text.startsWith('{') ? asObject(parseJson(text)) : undefined;
      const found = message === undefined ? undefined : pick(message);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  newestType(...types: readonly string[]): string | undefined {
    return this.newest((message) => types.find((type) => asText(message['type']) === type));
  }
}

export interface Outcome {
  readonly totals: Totals;
  readonly told: Charged;
  readonly all: Charged;
  /** Whose figure each report was. */
  readonly sources: readonly (string | undefined)[];
  /** Outcomes of the turns on record. */
  readonly turns: readonly (string | undefined)[];
  /** How often the session moved to another socket before its provider closed the one before. */
  readonly rollovers: number;
  readonly problems: readonly string[];
  /** What the recorder would have been given, in its order, and in pieces as it came. */
  readonly batches: readonly Batch[];
  /** What the provider sent, in its order. */
  readonly heard: readonly Payload[];
  /** What the provider was sent, in its order. */
  readonly said: readonly Payload[];
}

/** What each client has heard; one that is closed is gone. */
class ClientsWire extends SimulatedWire {
  readonly said: Payload[] = [];
  readonly #heard = new Map<number, Heard>();
  readonly #closed: (client: number) => void;

  constructor(upstreams: () => SimulatedUpstreams, closed: (client: number) => void) {
    super(upstreams);
    this.#closed = closed;
  }

  heardBy(client: number): Heard {
    const heard = this.#heard.get(client) ?? new Heard();
    this.#heard.set(client, heard);
    return heard;
  }

  override toUpstream(payload: Payload): boolean {
    const isSent = super.toUpstream(payload);
    if (isSent) this.said.push(payload);
    return isSent;
  }
  override toClient(client: number, payload: Payload): void {
    this.heardBy(client).add(payload);
  }
  override closeClient(client: number): void {
    this.#closed(client);
  }
  override recorded(): void {
    // Nobody carries it on.
  }
}

class Drive {
  now = START;
  /** What the provider sent on the socket that relayed, in its order. */
  readonly #heard: Payload[] = [];
  readonly #upstreams: SimulatedUpstreams;
  readonly #wire = new ClientsWire(
    () => this.#upstreams,
    (client) => (this.#clients = this.#clients.filter((each) => each !== client)),
  );
  #session: Session;
  readonly #adapter: ProviderAdapter;
  readonly #plan: SessionPlan;
  readonly #about: UsageWire;
  #losing: 1006 | 1011 | null = null;
  /** Of the sockets that are over. */
  readonly #told = new Ledger();
  readonly #all = new Ledger();
  /** What the provider had charged before the frames that were lost with a socket. */
  #toldOfLost: Charged | null = null;
  #clients: readonly number[] = [];
  readonly #batches: Batch[] = [];

  constructor(about: UsageWire, adapter: ProviderAdapter, script: Script, log: 'none' | 'full') {
    this.#about = about;
    this.#adapter = adapter;
    const { lifeSeconds } = script;
    const life: ConnectRequest['query'] =
      lifeSeconds === null || about.limit === 'none'
        ? []
        : [['faults', `session_expired_after=${lifeSeconds}`]];
    const request: ConnectRequest = {
      ...about.request,
      query: [...about.request.query, ...life],
      headers: {},
      subprotocols: [],
      credential: null,
    };
    this.#plan = {
      named: script.named,
      log,
      graceMs: GRACE_MS,
      idleMs: script.rests ? IDLE_MS : 0,
      maxLogBytes: Infinity,
      budget: null,
      maxSessionMs: 3_600_000,
      maxClients: 256,
      floor: 'open',
      onControllerLeave: 'wait',
      prices: {
        provider: adapter.id,
        model: adapter.modelOf(request),
        simulated: 'no',
        custom: null,
        overrides: [],
      },
      request,
    };
    this.#session = this.#newSession(null);
    this.#upstreams = new SimulatedUpstreams(about.service(), adapter, request, {
      now: () => this.now,
      session: () => this.#session,
      heard: (payload) => this.#heard.push(payload),
      over: (told, all) => this.#settle(told, all),
    });
  }

  #newSession(from: Snapshot | null): Session {
    const limits = this.#plan.log === 'full' ? { ...LIMITS, segmentBytes: SEGMENT_BYTES } : LIMITS;
    return new Session(this.#plan, this.#adapter, limits, this.#wire, this.now, from);
  }

  dial(): void {
    this.#upstreams.open();
    this.#session.upstreamOpened(DIAL_MS, this.now);
    this.#upstreams.deliver();
  }

  play(step: Step): void {
    switch (step.do) {
      case 'move':
        this.send(step.who, this.#about.moves[step.which % this.#about.moves.length], step.n);
        return;
      case 'pass':
        this.pass(step.ms);
        return;
      case 'join':
        this.join(step.as);
        return;
      case 'leave':
        this.leave(step.who);
        return;
      case 'end':
        this.#session.endFor('ended_by_request', this.now);
        return;
      case 'restart':
        this.#restart();
        return;
      case 'cut':
        if (step.lossy) this.#losing = step.code;
        else this.#upstreams.lose(step.code);
        this.#upstreams.deliver();
    }
  }

  send(who: number, move: Move | undefined, n: number): void {
    const client = this.#clients[who % this.#clients.length];
    if (client === undefined || move === undefined) return;
    for (const frame of move(this.#wire.heardBy(client), n, this.#session.phase === 'live')) {
      this.#session.clientFrame(client, frame, this.now);
      this.#upstreams.deliver();
    }
  }

  join(name: string | null): void {
    if (this.#session.phase === 'ended') return;
    const as = { name, control: 0, highest: 'controller' } as const;
    const client = this.#session.join('controller', null, {}, this.now, as);
    this.#session.lives.welcome(client, 'session', null, 'none');
    this.#clients = [...this.#clients, client.number];
    this.#upstreams.deliver();
  }

  leave(who: number): void {
    const number = this.#clients[who % Math.max(1, this.#clients.length)];
    if (number === undefined) return;
    this.#clients = this.#clients.filter((each) => each !== number);
    this.#session.leave(number, 1000, '', this.now);
    this.#upstreams.deliver();
  }

  #restart(): void {
    if (this.#session.phase === 'ended') return;
    if (!this.#session.suspend(this.now)) {
      this.#session.endFor('restarting', this.now);
      return;
    }
    this.flush();
    // As it is read back from where it is kept.
    const kept: Snapshot = JSON.parse(JSON.stringify(this.#session.lives.snapshot()));
    this.#wire.deadlines.clear();
    this.#session = this.#newSession(kept);
    this.join(null);
  }

  /** Lets `ms` pass, doing each thing when it is due. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let next = this.#due(until); next !== null; next = this.#due(until)) {
      this.now = Math.max(this.now, next.at);
      const socket = this.#upstreams.current;
      const before = socket?.session.charged ?? null;
      next.act(this.now);
      const sends = socket !== null && socket === this.#upstreams.current && socket.coming.length > 0;
      if (sends && this.#losing !== null) this.#loseFrames(this.#losing, before);
      this.#upstreams.deliver();
    }
    this.now = until;
  }

  #due(until: number) {
    return this.#wire.firstDue(this.#session, until);
  }

  /** The socket is lost with what the provider has just sent. */
  #loseFrames(code: 1006 | 1011, before: Charged | null): void {
    this.#losing = null;
    this.#toldOfLost = before;
    this.#upstreams.lose(code);
  }

  finish(): Outcome {
    while (this.#clients.length > 0) this.leave(0);
    this.pass(AFTERWARDS_MS);
    if (this.#session.phase !== 'ended') throw new Error(`the session is ${this.#session.phase}`);
    this.flush();
    const records = this.#batches.flatMap((batch) => batch.records);
    const of = (kind: string, member: string) =>
      records.filter((each) => each.kind === kind).map(({ body }) => asText(body[member]));
    return {
      totals: this.#session.totals(),
      told: this.#told.charged,
      all: this.#all.charged,
      sources: of('usage', 'source'),
      turns: of('turn', 'outcome'),
      rollovers: of('phase', 'after').filter((after) => after === 'rollover').length,
      problems: this.#wire.problems,
      batches: this.#batches,
      heard: this.#heard,
      said: this.#wire.said,
    };
  }

  /** Takes what there is to be recorded. */
  flush(): void {
    const { recording } = this.#session;
    this.#session.catchUp();
    for (let next = recording.next(() => null, this.now); next !== null;) {
      this.#batches.push(next);
      recording.acknowledged();
      next = recording.next(() => null, this.now);
    }
  }

  /** A socket is over: its account is closed. */
  #settle(told: Charged, all: Charged): void {
    add(this.#told, this.#toldOfLost ?? told);
    this.#toldOfLost = null;
    add(this.#all, all);
  }
}

/** Plays a script. @param adapter in place of the wire's own */
export function play(
  about: UsageWire,
  script: Script,
  adapter = about.adapter,
  log: 'none' | 'full' = 'none',
): Outcome {
  const drive = new Drive(about, adapter, script, log);
  drive.join(null);
  if (!script.early) drive.dial();
  drive.send(0, about.begin, script.n);
  if (script.early) drive.dial();
  drive.pass(DIAL_MS);
  for (const step of script.steps) {
    drive.play(step);
    drive.flush();
  }
  return drive.finish();
}
