/**
 * What is done with a frame after it has gone out: it is numbered and logged, read by the adapter, and summed up.
 *
 * Frames are kept for a moment and worked off together. One by one, between two socket calls, the same work takes some
 * five times as long, because none of its code is in the processor's caches (measured 2026-11-25 in workerd: 14 µs for a
 * round trip of two small frames, where the work itself is under 2 µs). Whoever needs the sums of now catches up first.
 */
import type { ConnectPlan, Payload } from '../protocol/connect.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { LogRecord, Totals } from '../protocol/recording.ts';
import type { Redaction } from '../protocol/redaction.ts';
import type { Direction, LoggedFrame } from '../protocol/segment.ts';
import type { Outgoing, ProviderAdapter, Reading, Sender } from '../providers/adapter.ts';
import type { PriceBasis } from './cost.ts';
import type { Limits } from './limits.ts';
import { lifeOf, type OpenSocket } from './open-socket.ts';
import { PrivateTexts } from './private-texts.ts';
import { Recording, type RecordingPlan } from './recording.ts';
import { Redactor } from './redactor.ts';
import { type Resumption, ResumeWindow } from './resume-window.ts';
import type { Counters, Snapshot } from './snapshot.ts';
import { Tally } from './tally.ts';
import type { Wire } from './wire.ts';

export interface Intercepted {
  readonly route: Reading<JsonValue>['route'];
  readonly send: Outgoing;
  readonly restored: boolean;
}

export interface RelayedFrame {
  readonly direction: Direction;
  /** Who sent it, or to whom alone it went down; 0: nobody's, everyone's. */
  readonly client: number;
  readonly from: Sender;
  /** As its sender sent it, but for keys: that is what the log holds. */
  readonly payload: Payload;
  /** In the provider's own wire; null when a translation dropped it, or it is read already. */
  readonly read: Payload | null;
  readonly translated: boolean;
  /** As the one client got it to whom it went, where that differs. */
  readonly own?: Payload;
  /** ms since the epoch. */
  readonly at: number;
}

const UPSTREAM: Sender = { side: 'upstream' };
const NOTHING: Outgoing = { upstream: [], clients: [] };
/** Going away, lost, and the provider's own trouble: codes after which its conversation may go on elsewhere. */
const RESUMABLE: readonly number[] = [1001, 1006, 1011, 1012, 1013];

export class Bookkeeping {
  readonly recording: Recording;
  readonly #adapter: ProviderAdapter;
  readonly #limits: Limits;
  readonly #wire: Pick<Wire, 'recorded' | 'report'>;
  readonly #tally: Tally;
  readonly #window: ResumeWindow;
  /** The provider said when it will close its socket. */
  readonly #expires: (at: number) => void;
  #intercepts = false;
  /** Null: frames are stored as they are. */
  readonly #redaction: { readonly redactor: Redactor; readonly texts: PrivateTexts } | null;
  /**
   * Under a budget, what a response cost is known before the next can be asked for. A round trip takes 16 to 26 µs longer
   * for it, of 160 to 190 (measured 2026-11-25, workerd 1.20261117.1).
   */
  readonly #isPrompt: boolean;
  #state: JsonValue;
  #socket: OpenSocket | null;
  /** False once the adapter failed: the relay goes on, unread. */
  #readable = true;
  #waiting: RelayedFrame[] = [];
  #waitingLength = 0;

  constructor(
    plan: Pick<ConnectPlan, 'named' | 'graceMs' | 'request' | 'redaction'> &
      RecordingPlan & { readonly prices: PriceBasis; readonly hasBudget: boolean },
    adapter: ProviderAdapter,
    limits: Limits,
    wire: Pick<Wire, 'recorded' | 'report'>,
    expires: (at: number) => void,
    from: Snapshot | null,
  ) {
    this.recording = new Recording(plan, limits, from?.counters);
    this.#redaction = plan.redaction === undefined ? null : redactionOf(plan.redaction, adapter, limits);
    this.#adapter = adapter;
    this.#limits = limits;
    this.#wire = wire;
    this.#expires = expires;
    this.#tally = new Tally(plan.log === 'full' ? limits.transcriptCharacters : 0, plan.prices, from?.tally);
    this.#state = from === null ? adapter.begin(plan.request) : from.adapter.state;
    this.#intercepts = adapter.intercepts(this.#state);
    this.#socket = from?.socket ?? null;
    this.#isPrompt = plan.hasBudget;
    // Only who chose the session's name can come back to it.
    this.#window = new ResumeWindow(
      plan.named ? limits.resumeBytes : 0,
      plan.graceMs + limits.resumeExtraMs,
      from?.counters.received,
    );
  }

  /** What is known here of the session, as JSON. */
  snapshot(): Pick<Snapshot, 'adapter' | 'tally' | 'socket'> & {
    readonly counters: Omit<Counters, 'client'>;
  } {
    this.catchUp();
    return {
      adapter: { id: this.#adapter.id, version: this.#adapter.stateVersion, state: this.#state },
      tally: this.#tally.snapshot(),
      socket: this.#socket,
      counters: { ...this.recording.numbers, received: this.#window.received },
    };
  }

  /** True while the adapter decides where upstream frames go: then `intercept` comes before they are sent. */
  get intercepts(): boolean {
    return this.#intercepts;
  }

  /** Upstream frames so far: what a client that comes back counts by. */
  get received(): number {
    this.catchUp();
    return this.#window.received;
  }

  /** What a client that has received `after` of them is owed. */
  missed(after: number): Resumption {
    this.catchUp();
    return this.#window.after(after);
  }

  /** The adapter's state, every frame so far read. */
  get state(): JsonValue {
    this.catchUp();
    return this.#state;
  }

  /** The first upstream socket is open. */
  opened(dialMs: number, now: number): void {
    this.recording.opened(now, dialMs);
    this.record('phase', { phase: 'live', dial_ms: dialMs }, now);
    this.reopened(now);
  }

  /** An upstream socket is open. Returns what both sides are told first. */
  reopened(now: number): { readonly send: Outgoing; readonly complete: boolean } {
    this.catchUp();
    for (const turn of this.#tally.breakOff(this.recording.seq, now)) this.recording.record(turn);
    this.#redaction?.texts.reopened();
    this.#socket = { since: now, audioInMs: this.#tally.audioInMs };
    let begun: ReturnType<ProviderAdapter['restore']> | null = null;
    this.#guarded(now, () => {
      begun = this.#adapter.restore(this.#state);
      this.#keep(begun.state);
    });
    return begun ?? { send: NOTHING, complete: true };
  }

  /** The state of a successor takes the place of the one before. */
  adopt(state: JsonValue, now: number): void {
    this.#socket = { since: now, audioInMs: this.#tally.audioInMs };
    this.#redaction?.texts.moved();
    this.#keep(state);
  }

  /** Reads an upstream frame before it goes anywhere. */
  intercept(payload: Payload, now: number): Intercepted {
    this.catchUp();
    let reading: Reading<JsonValue> | null = null;
    this.#guarded(now, () => {
      const before = this.#state;
      const read = this.#adapter.read(before, UPSTREAM, payload);
      this.#take(this.#told(read, before, UPSTREAM, payload), now);
      reading = read;
    });
    // An adapter that fails cannot restore either: the relay goes on as it is.
    if (reading === null) return { route: 'across', send: NOTHING, restored: true };
    const { route, send, restored }: Reading<JsonValue> = reading;
    return { route, send: send ?? NOTHING, restored: restored === true };
  }

  /** The upstream socket is over, by whichever side: what it cost and the provider did not say is added. */
  conclude(now: number): void {
    this.catchUp();
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    const life = lifeOf(socket, this.#tally.audioInMs, now);
    this.#guarded(now, () => {
      const observed = this.#adapter.atEnd?.(this.#state, life) ?? [];
      this.observe(this.#redaction?.texts.atEnd(life, observed) ?? observed, now);
    });
  }

  /** What came after frame `lastSeq` was in memory, and is lost, and the socket of that time with it. */
  interrupted(lastSeq: number, now: number): void {
    this.conclude(this.#tally.lastFrameAt ?? now);
    this.#tally.lost();
    const unknown = { to_seq: null, frames: null, bytes: null, until: now };
    this.#note('gap', { reason: 'interrupted', from_seq: lastSeq + 1, ...unknown }, now);
  }

  /** Takes note of a frame that is on its way. */
  relayed(frame: RelayedFrame): void {
    if (this.#waiting.push(frame) === 1) this.#wire.recorded();
    this.#waitingLength +=
      typeof frame.payload === 'string' ? frame.payload.length : frame.payload.byteLength;
    if (
      this.#waiting.length >= this.#limits.waitingFrames ||
      this.#waitingLength >= this.#limits.waitingLength ||
      (this.#isPrompt && frame.direction === 'down' && !this.#isSkimmed(frame))
    )
      this.catchUp();
  }

  /** Works off what was taken note of. */
  catchUp(): void {
    const frames = this.#waiting;
    if (frames.length === 0) return;
    this.#waiting = [];
    this.#waitingLength = 0;
    for (const frame of frames) {
      const noted = this.recording.frame(this.#stored(frame));
      this.#tally.frame(frame.direction, noted, frame.at);
      if (frame.direction === 'down') this.#window.add(frame, noted.bytes);
      if (frame.read !== null) this.#read(frame.from, frame.read, frame.at);
    }
    if (this.recording.due === 'now') this.#wire.recorded();
  }

  record(kind: LogRecord['kind'], body: LogRecord['body'], at: number): void {
    this.catchUp();
    this.#store({ kind, seq: this.recording.seq, at, body });
    this.#wire.recorded();
  }

  /** A text of the outside world, as it may be stored. */
  storedText(text: string): string {
    return this.#redaction?.redactor.withoutMatches(text) ?? text;
  }

  totals(): Totals {
    this.catchUp();
    return this.#tally.totals();
  }

  /** In nano-dollars, of what was read so far; null: not known. */
  get costNano(): number | null {
    return this.#tally.costNano;
  }

  /** True while the provider owes frames. */
  owes(): boolean {
    return this.#ask(() => this.#adapter.owes(this.#state), false);
  }

  /** True when nothing is under way that another upstream could not be told. */
  isSettled(): boolean {
    return !this.owes() && this.#ask(() => this.#adapter.settled?.(this.#state) ?? true, false);
  }

  /** Whether the conversation may go on, on another upstream, after this close. */
  canRestore(code: number, reason: string): boolean {
    // One that never said a word has nothing that could go on.
    if (this.received === 0) return false;
    return this.#ask(
      () => this.#adapter.resumable?.(code, reason, this.#state) ?? RESUMABLE.includes(code),
      false,
    );
  }

  /** True while a response that has begun is not over. One that was only asked for is none. */
  isResponding(): boolean {
    return this.owes() && this.#tally.openTurns > 0;
  }

  /** What the provider is told before its socket is closed. */
  farewell(): Payload | null {
    return this.#ask(() => this.#adapter.farewell?.(this.#state) ?? null, null);
  }

  /** What the adapter says of its state, every frame so far read; `otherwise` when it failed, now or before. */
  #ask<T>(question: () => T, otherwise: T): T {
    this.catchUp();
    if (!this.#readable) return otherwise;
    try {
      return question();
    } catch (error) {
      this.#failed('answer', error);
      return otherwise;
    }
  }

  /** True for most frames of a voice session: audio, which says nothing of its cost. */
  #isSkimmed({ from, read }: RelayedFrame): boolean {
    if (read === null || !this.#readable) return true;
    try {
      return (this.#adapter.skim?.(this.#state, from, read) ?? null) !== null;
    } catch {
      // It fails again when it is read, and is told of there.
      return false;
    }
  }

  #read(from: Sender, payload: Payload, now: number): void {
    this.#guarded(now, () => {
      const skimmed = this.#adapter.skim?.(this.#state, from, payload) ?? null;
      if (skimmed !== null) {
        this.observe(skimmed, now);
        return;
      }
      const before = this.#state;
      this.#take(this.#told(this.#adapter.read(before, from, payload), before, from, payload), now);
    });
  }

  /** An adapter that fails must not take the relay with it. */
  #guarded(now: number, read: () => void): void {
    if (!this.#readable) return;
    try {
      read();
    } catch (error) {
      this.#giveUp(error, now);
    }
  }

  #giveUp(error: unknown, now: number): void {
    this.#failed('read a frame', error);
    const message = 'Reading failed; the relay goes on without usage.';
    this.#note('error', { code: 'unreadable', message }, now);
  }

  #failed(to: string, error: unknown): void {
    this.#readable = false;
    this.#tally.lost();
    this.#wire.report(`adapter ${this.#adapter.id} failed to ${to}: ${String(error)}`);
  }

  #take(reading: Reading<JsonValue>, now: number): void {
    this.#keep(reading.state);
    this.observe(reading.observations, now);
    if (reading.expires !== undefined) {
      const at = 'atMs' in reading.expires ? reading.expires.atMs : now + reading.expires.inMs;
      this.#note('expires', { at }, now);
      this.#expires(at);
    }
  }

  #keep(state: JsonValue): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#intercepts = this.#adapter.intercepts(state);
  }

  /** The reading with what may be stored of its texts. */
  #told(reading: Reading<JsonValue>, before: JsonValue, from: Sender, payload: Payload): Reading<JsonValue> {
    if (this.#redaction === null) return reading;
    const observations = this.#redaction.texts.read(before, from, payload, reading.observations);
    return { ...reading, observations };
  }

  /** Sums them up, and records what they are. */
  observe(observations: readonly Observation[], now: number): void {
    for (const observation of observations) {
      const record = this.#tally.observe(observation, this.recording.seq, now);
      if (record !== null) this.#store(record);
    }
  }

  /** Belongs to the frame that was just read. */
  #note(kind: LogRecord['kind'], body: LogRecord['body'], at: number): void {
    this.#store({ kind, seq: this.recording.seq, at, body });
  }

  #store(record: LogRecord): void {
    const body = this.#redaction?.redactor.withoutMatches(record.body);
    this.recording.record(body === undefined ? record : { ...record, body });
  }

  /** The frame with what the log holds of it. */
  #stored(frame: RelayedFrame): LoggedFrame {
    if (this.#redaction === null) return frame;
    try {
      const redacted = this.#redaction.redactor.stored(frame.payload);
      return redacted === undefined ? frame : { ...frame, redacted };
    } catch (error) {
      // A mistake of ours costs the log this payload: neither the relay, nor what must not be stored.
      this.#wire.report(`a frame could not be redacted: ${String(error)}`);
      return { ...frame, redacted: null };
    }
  }
}

function redactionOf(rules: Redaction, adapter: ProviderAdapter, { transcriptCharacters }: Limits) {
  const redactor = new Redactor(rules, adapter.streamedText);
  return { redactor, texts: new PrivateTexts(redactor, adapter, transcriptCharacters) };
}
