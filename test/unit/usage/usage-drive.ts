/**
 * Clients, the broker's real core and a simulated provider, in virtual time: a script says what clients do and what goes
 * wrong, and what is recorded at the end stands beside what the provider charged.
 */
import { asObject, asText, type JsonObject, parseJson } from '../../../protocol/json.ts';
import type { Batch, Totals, UsageTotals } from '../../../protocol/recording.ts';
import type { ConnectRequest, Payload, ProviderAdapter } from '../../../providers/adapter.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { Amounts, Charged } from '../../../simulators/ledger.ts';
import type { SimulatedSession, Simulator, SimulatorOutput } from '../../../simulators/simulator.ts';
import { FakeWire } from '../session/fake-wire.ts';

const START = 1_795_000_000_000;
const GRACE_MS = 5_000;
const DIAL_MS = 5;
/** Past every wait of the broker's. */
const AFTERWARDS_MS = 60_000;
/** Of a log that is kept: small, so that frames lie in several. */
const SEGMENT_BYTES = 4096;

/** What a client does; `n` is a number of the script's, for variety. */
export type Move = (heard: Heard, n: number) => readonly Payload[];

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
   * since that is measured here.
   */
  readonly records: 'told' | 'all';
  readonly source: 'provider' | 'measured' | 'either';
  /** Says nothing of an answer before its first output: one whose first frames are lost with the socket is unheard of. */
  readonly beginsUnsaid?: true;
}

export type Step =
  | { readonly do: 'move'; readonly which: number; readonly who: number; readonly n: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'join' | 'end' }
  | { readonly do: 'leave'; readonly who: number }
  /** The upstream socket is lost; `lossy`: with the next frames that the provider sends by itself. */
  | { readonly do: 'cut'; readonly code: 1006 | 1011; readonly lossy: boolean };

export interface Script {
  readonly named: boolean;
  /** What clients send before the upstream is open waits for it. */
  readonly early: boolean;
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
  readonly sources: ReadonlySet<string | undefined>;
  /** Outcomes of the turns on record. */
  readonly turns: readonly (string | undefined)[];
  readonly problems: readonly string[];
  /** What the recorder would have been given, in its order, and in pieces as it came. */
  readonly batches: readonly Batch[];
  /** What the provider sent, in its order. */
  readonly heard: readonly Payload[];
  /** What the provider was sent, in its order. */
  readonly said: readonly Payload[];
}

class SimulatedWire extends FakeWire {
  readonly #drive: { up(payload: Payload): boolean; hangUp(): void };

  constructor(drive: { up(payload: Payload): boolean; hangUp(): void }) {
    super();
    this.#drive = drive;
  }

  override toUpstream(payload: Payload): boolean {
    return this.#drive.up(payload);
  }
  override toClient(): void {
    // What came down is kept once, by the drive.
  }
  override recorded(): void {
    // Nobody carries it on.
  }
  override closeUpstream(): void {
    this.#drive.hangUp();
  }
}

class Drive {
  now = START;
  readonly #heard = new Heard();
  readonly #wire: SimulatedWire;
  readonly #session: Session;
  readonly #adapter: ProviderAdapter;
  readonly #request: ConnectRequest;
  readonly #about: UsageWire;
  /** Null before the dial. An upstream that is lost ends the session today; one that is dialled anew would go here. */
  #upstream: SimulatedSession | null = null;
  #isOpen = false;
  #losing: 1006 | 1011 | null = null;
  #told: Charged | null = null;
  #all: Charged | null = null;
  #coming: SimulatorOutput[] = [];
  #clients: number[] = [];
  readonly #said: Payload[] = [];
  readonly #batches: Batch[] = [];

  constructor(about: UsageWire, adapter: ProviderAdapter, named: boolean, log: 'none' | 'full') {
    this.#about = about;
    this.#adapter = adapter;
    this.#wire = new SimulatedWire({ up: (payload) => this.#up(payload), hangUp: () => this.#over() });
    this.#request = { ...about.request, headers: {}, subprotocols: [], credential: null };
    const prices = {
      provider: adapter.id,
      model: adapter.modelOf(this.#request),
      simulated: 'no',
      custom: null,
      overrides: [],
    } as const;
    const plan = {
      named,
      log,
      graceMs: GRACE_MS,
      idleMs: 0,
      maxLogBytes: Infinity,
      budget: null,
      maxSessionMs: 3_600_000,
      maxClients: 256,
      floor: 'open',
      onControllerLeave: 'wait',
      prices,
    } as const;
    const limits = log === 'full' ? { ...LIMITS, segmentBytes: SEGMENT_BYTES } : LIMITS;
    this.#session = new Session({ ...plan, request: this.#request }, adapter, limits, this.#wire, this.now);
  }

  dial(): void {
    const { url, headers } = this.#adapter.dial(this.#request, this.#session.books.state);
    const handshake = this.#about.service()({ url, headers }, this.now);
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(handshake)}`);
    this.#upstream = handshake.session;
    this.#isOpen = true;
    // Its greeting is on the way when the socket opens.
    this.#take(handshake.session.open(this.now));
    this.#session.upstreamOpened(DIAL_MS, this.now);
    this.#deliver();
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
        this.join();
        return;
      case 'leave':
        this.leave(step.who);
        return;
      case 'end':
        this.#session.endFor('ended_by_request', this.now);
        return;
      case 'cut':
        if (step.lossy) this.#losing = step.code;
        else this.#cut(step.code);
    }
  }

  send(who: number, move: Move | undefined, n: number): void {
    const client = this.#clients[who % this.#clients.length];
    if (client === undefined || move === undefined) return;
    for (const frame of move(this.#heard, n)) {
      this.#session.clientFrame(client, frame, this.now);
      this.#deliver();
    }
  }

  join(): void {
    if (this.#session.phase === 'ended') return;
    const client = this.#session.join('controller', null, {}, this.now);
    this.#session.lives.welcome(client, 'session', null, 'none');
    this.#clients.push(client.number);
  }

  leave(who: number): void {
    const [number] = this.#clients.splice(who % Math.max(1, this.#clients.length), 1);
    if (number === undefined) return;
    this.#session.leave(number, 1000, '', this.now);
    this.#deliver();
  }

  /** Lets `ms` pass, doing each thing when it is due. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.#isOpen ? (this.#upstream?.due() ?? Infinity) : Infinity;
      const [deadline, at] = [...this.#wire.deadlines].reduce(
        (first, each) => (each[1] < first[1] ? each : first),
        ['watch', Infinity] as const,
      );
      const next = Math.min(due, at);
      if (next > until) break;
      this.now = Math.max(this.now, next);
      if (due <= at) this.#advance();
      else {
        this.#wire.deadlines.delete(deadline);
        this.#session.deadline(deadline, this.now);
      }
      this.#deliver();
    }
    this.now = until;
  }

  finish(): Outcome {
    while (this.#clients.length > 0) this.leave(0);
    this.pass(AFTERWARDS_MS);
    if (this.#session.phase !== 'ended' || this.#told === null || this.#all === null)
      throw new Error(`the session is ${this.#session.phase}`);
    const totals = this.#session.totals();
    this.flush();
    const batches = this.#batches;
    const records = batches.flatMap((batch) => batch.records);
    const of = (kind: string, member: string) =>
      records.filter((each) => each.kind === kind).map(({ body }) => asText(body[member]));
    return {
      totals,
      told: this.#told,
      all: this.#all,
      sources: new Set(of('usage', 'source')),
      turns: of('turn', 'outcome'),
      problems: this.#wire.problems,
      batches,
      heard: this.#heard.frames,
      said: this.#said,
    };
  }

  /** Takes what there is to be recorded. */
  flush(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) this.#batches.push(next);
  }

  #next(): Batch | null {
    const batch = this.#session.recording.next(() => null, this.now);
    this.#session.recording.acknowledged();
    return batch;
  }

  #up(payload: Payload): boolean {
    if (!this.#isOpen || this.#upstream === null) return false;
    this.#said.push(payload);
    this.#take(this.#upstream.receive(payload, this.now));
    return true;
  }

  #advance(): void {
    const before = this.#upstream?.charged ?? null;
    const outputs = this.#upstream?.advance(this.now) ?? [];
    if (this.#losing === null || outputs.length === 0) {
      this.#take(outputs);
      return;
    }
    this.#told = before;
    this.#cut(this.#losing);
  }

  #cut(code: 1006 | 1011): void {
    if (!this.#isOpen) return;
    this.#over();
    this.#session.upstreamClosed(code, '', this.now);
  }

  /** The account is closed with the socket. */
  #over(): void {
    if (!this.#isOpen || this.#upstream === null) return;
    this.#isOpen = false;
    this.#told ??= this.#upstream.charged;
    this.#upstream.closed(this.now);
    this.#all = this.#upstream.charged;
  }

  #take(outputs: readonly SimulatorOutput[]): void {
    this.#coming.push(...outputs);
  }

  #deliver(): void {
    for (let next = this.#coming.shift(); next !== undefined; next = this.#coming.shift()) {
      switch (next.kind) {
        case 'send':
          this.#heard.add(next.payload);
          this.#session.upstreamFrame(next.payload, this.now);
          break;
        case 'close':
        case 'drop': {
          const { code, reason } = next.kind === 'close' ? next : { code: 1006, reason: '' };
          this.#over();
          this.#session.upstreamClosed(code, reason, this.now);
        }
      }
    }
  }
}

/** Plays a script. @param adapter in place of the wire's own */
export function play(
  about: UsageWire,
  script: Script,
  adapter = about.adapter,
  log: 'none' | 'full' = 'none',
): Outcome {
  const drive = new Drive(about, adapter, script.named, log);
  drive.join();
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

/** What is on record, in the meters in which providers charge. */
export function recorded({ response, transcription }: Totals): Charged {
  return { response: metered(response), transcription: metered(transcription) };
}

function metered({ tokens, seconds, characters, requests }: UsageTotals): Amounts {
  return { ...tokens, seconds, characters, requests };
}

/** Seconds are sums of fractions; a price takes them to a microsecond. */
export function toMicroseconds({ response, transcription }: Charged): Charged {
  const of = (amounts: Amounts): Amounts => ({
    ...amounts,
    seconds: Math.round(amounts.seconds * 1_000_000) / 1_000_000,
  });
  return { response: of(response), transcription: of(transcription) };
}
