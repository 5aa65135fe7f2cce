/** The server's side of one Gemini Live session: what each client message does, and what happens by itself. */
import { asArray, asObject, asText, member, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Payload } from '../providers/adapter.ts';
import { Agenda, type Task } from './agenda.ts';
import { heardWords, wordDeltas } from './answers.ts';
import { decodeBase64 } from './base64.ts';
import { drawLatencyMs, type Dials } from './faults.ts';
import { Context, shown, spoken, written } from './gemini-context.ts';
import { SpeechInput } from './gemini-input.ts';
import { readSetup, readTools, textOf, type Setup } from './gemini-setup.ts';
import { GeminiTurn } from './gemini-turn.ts';
import { GeminiWire, INVALID_ARGUMENT, readMessage, unknownField, type Refusal } from './gemini-wire.ts';
import { type Charged, Ledger } from './ledger.ts';
import { seeded, type Seeded } from './seeded.ts';
import type { SimulatedSession, SimulatorOutput } from './simulator.ts';
import type { VoiceTurn } from './voice-activity.ts';

const CONNECTION_MS = 10 * 60_000;
const NOTICE_MS = 50_000;
const EXPIRED: Refusal = { code: 1011, reason: 'Deadline expired before operation could complete.' };

export interface SessionPlan {
  readonly seed: string;
  readonly dials: Dials;
  readonly onVertex: boolean;
  /** Closes the socket as soon as it is open. */
  readonly refusal: Refusal | null;
  /** Sessions that have an open connection. */
  readonly connected: Set<string>;
}

type Handler = (body: JsonValue, now: number) => Refusal | null;

export class GeminiSession implements SimulatedSession {
  readonly #plan: SessionPlan;
  readonly #wire: GeminiWire;
  readonly #agenda = new Agenda();
  readonly #context = new Context();
  readonly #input = new SpeechInput();
  readonly #ledger = new Ledger();
  readonly #latency: Seeded;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #session: string;
  #setup: Setup | null = null;
  #turn: GeminiTurn | null = null;
  #step: Task | null = null;
  /** Something was said that the turn in progress does not answer. */
  #unanswered = false;
  #heardTurns = 0;
  #stalled = false;
  #now = 0;

  constructor(plan: SessionPlan) {
    this.#plan = plan;
    this.#wire = new GeminiWire(plan.seed, plan.dials);
    this.#latency = seeded(plan.seed, 'latency');
    this.#session = this.#wire.id('session');
    this.#handlers = new Map<string, Handler>([
      ['setup', (body, now) => this.#begin(body, now)],
      ['clientContent', (body) => this.#clientContent(body)],
      ['realtimeInput', (body) => this.#realtimeInput(body)],
      ['toolResponse', (body) => this.#toolResponse(body)],
      ['contextUpdate', (body) => this.#contextUpdate(body)],
    ]);
  }

  open(now: number): readonly SimulatorOutput[] {
    this.#now = now;
    const { refusal, dials } = this.#plan;
    if (refusal !== null) {
      this.#wire.close(refusal);
      return this.#flush();
    }
    const { session_expired_after: expiresAfter, drop_after: dropAfter } = dials.faults;
    const lifeMs = expiresAfter === null ? CONNECTION_MS : expiresAfter * 1000;
    const noticeMs = Math.min(NOTICE_MS, lifeMs / 2);
    this.#agenda.add(now + lifeMs - noticeMs, () =>
      this.#wire.message({ goAway: { timeLeft: `${noticeMs / 1000}s` } }),
    );
    this.#agenda.add(now + lifeMs, () => this.#wire.close(EXPIRED));
    if (dropAfter !== null) this.#agenda.add(now + dropAfter * 1000, () => this.#wire.drop());
    return this.#flush();
  }

  receive(payload: Payload, now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    if (this.#wire.closed) return this.#flush();
    this.#now = now;
    const refusal = this.#handle(readMessage(payload), now);
    if (refusal !== null) this.#wire.close(refusal);
    return this.#flush();
  }

  due(): number | null {
    return this.#wire.closed ? null : this.#agenda.due();
  }

  advance(now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    return this.#flush();
  }

  get charged(): Charged {
    return this.#ledger.charged;
  }

  get context(): JsonValue {
    return { setup: this.#setup?.instructions ?? null, contents: this.#context.contents };
  }

  closed(): void {
    this.#turn?.abandon();
    this.#turn = null;
    this.#rest();
  }

  #rest(): void {
    this.#agenda.clear();
    if (this.#setup !== null) this.#plan.connected.delete(this.#session);
    this.#setup = null;
  }

  #runDue(now: number): void {
    for (;;) {
      const task = this.#wire.closed ? null : this.#agenda.take(now);
      if (task === null) return;
      this.#now = task.at;
      task.run(task.at);
    }
  }

  #flush(): readonly SimulatorOutput[] {
    if (this.#wire.closed) this.#rest();
    return this.#wire.flush();
  }

  /** Exactly one key a message, and a setup before anything else. */
  #handle(message: JsonObject | undefined, now: number): Refusal | null {
    if (message === undefined) return { code: 1007, reason: 'Invalid JSON payload received.' };
    const [name, ...more] = Object.keys(message);
    if (name === undefined || more.length > 0) return INVALID_ARGUMENT;
    const handler = this.#handlers.get(name);
    if (handler === undefined) return unknownField(name, '');
    if (this.#setup === null && name !== 'setup') {
      return { code: 1007, reason: 'The first message must be a setup.' };
    }
    return handler(message[name] ?? null, now);
  }

  #begin(body: JsonValue, now: number): Refusal | null {
    if (this.#setup !== null) return INVALID_ARGUMENT;
    const reading = readSetup(body, this.#plan.onVertex);
    if (!reading.ok) return reading.refusal;
    const { setup } = reading;
    const { connected, dials } = this.#plan;
    const handle = setup.resumption?.handle ?? null;
    if (handle !== null) {
      const session = this.#context.resume(handle, setup.model, now);
      if (session === null) return INVALID_ARGUMENT;
      // The old connection must be closed first.
      if (connected.has(session)) return { code: 1011, reason: 'Internal error occurred.' };
      this.#session = session;
    }
    this.#setup = setup;
    connected.add(this.#session);
    this.#wire.message({ setupComplete: {} });
    if (dials.faults.binary_frame) this.#wire.binary('\u0000');
    return null;
  }

  #clientContent(body: JsonValue): Refusal | null {
    const turns = member(body, 'turns') === undefined ? [] : asArray(member(body, 'turns'));
    if (turns === undefined || !turns.every(isContent)) return INVALID_ARGUMENT;
    const history = this.#setup?.beginsWithHistory === true && this.#context.isEmpty;
    if (!history) this.#turn?.interrupt();
    for (const turn of turns) {
      this.#context.add(written(member(turn, 'role') === 'model' ? 'model' : 'user', textOf(turn)));
    }
    if (member(body, 'turnComplete') === true && !history) this.#generate();
    return null;
  }

  #realtimeInput(body: JsonValue): Refusal | null {
    const input = asObject(body);
    if (input === undefined || Object.keys(input).length === 0) return INVALID_ARGUMENT;
    // Of this older member the first chunk counts.
    const chunk = asArray(input['mediaChunks'])?.[0];
    const isAudio = asText(member(chunk, 'mimeType'))?.startsWith('audio/') === true;
    for (const audio of [input['audio'], isAudio ? chunk : undefined]) {
      if (audio !== undefined && !this.#hear(audio)) return INVALID_ARGUMENT;
    }
    for (const image of [input['video'], isAudio ? undefined : chunk]) {
      if (image === undefined) continue;
      if (!isImage(image)) return INVALID_ARGUMENT;
      this.#context.add(shown());
    }
    const { text } = input;
    if (text !== undefined) {
      if (typeof text !== 'string') return INVALID_ARGUMENT;
      this.#context.add(written('user', text));
      this.#generate();
    }
    return this.#activity(input);
  }

  /** Who says where speech begins and ends: voice activity or the client, never both. */
  #activity(input: JsonObject): Refusal | null {
    const isAutomatic = this.#setup?.detection !== null;
    const starts = input['activityStart'] !== undefined;
    const ends = input['activityEnd'] !== undefined;
    const isOver = input['audioStreamEnd'] === true;
    if (isAutomatic ? starts || ends : isOver) return INVALID_ARGUMENT;
    if (starts) {
      this.#input.begin();
      this.#speechBegan();
    }
    if (ends || (isOver && this.#input.isActive)) this.#speechEnded();
    return null;
  }

  #hear(blob: JsonValue): boolean {
    const [mimeType, data] = [asText(member(blob, 'mimeType')), asText(member(blob, 'data'))];
    if (mimeType === undefined || data === undefined) return false;
    return this.#input.append(mimeType, data, this.#setup?.detection ?? null, (turn) => this.#voice(turn));
  }

  #voice(turn: VoiceTurn): void {
    if (turn.kind === 'started') this.#speechBegan();
    else this.#speechEnded();
  }

  #speechBegan(): void {
    if (this.#setup?.activityInterrupts === true) this.#turn?.interrupt();
  }

  #speechEnded(): void {
    const ms = this.#input.end();
    const words = heardWords(this.#plan.seed, this.#heardTurns, ms);
    this.#heardTurns += 1;
    this.#context.add(spoken('user', words, ms));
    if (this.#setup?.transcribesInput === true) {
      for (const text of wordDeltas(words))
        this.#wire.message({ serverContent: { inputTranscription: { text } } });
    }
    this.#generate();
  }

  #toolResponse(body: JsonValue): Refusal | null {
    const responses = asArray(member(body, 'functionResponses'));
    const turn = this.#turn;
    if (responses === undefined || turn === null) return INVALID_ARGUMENT;
    for (const each of responses) {
      const id = asText(member(each, 'id')) ?? '';
      const response = asObject(member(each, 'response'));
      // What the service says to an id that it does not know was never seen.
      if (response === undefined || !turn.calls.has(id)) return INVALID_ARGUMENT;
      const rest = turn.respond(id, response);
      if (rest !== null) this.#run(turn, rest, this.#now);
    }
    return null;
  }

  #contextUpdate(body: JsonValue): Refusal | null {
    if (this.#setup === null) return INVALID_ARGUMENT;
    const instruction = member(body, 'systemInstruction');
    const tools = member(member(body, 'tools'), 'tools');
    this.#setup = {
      ...this.#setup,
      ...(instruction === undefined ? {} : { instructions: textOf(instruction) }),
      ...(tools === undefined ? {} : { tools: readTools(tools) }),
    };
    return null;
  }

  /** Begins a turn of the model; one that is in progress is followed by another. */
  #generate(): void {
    const setup = this.#setup;
    if (setup === null) return;
    if (this.#turn !== null) {
      this.#unanswered = true;
      return;
    }
    const { seed, dials, onVertex } = this.#plan;
    const turn = new GeminiTurn({
      wire: this.#wire,
      context: this.#context,
      setup,
      seed,
      dials,
      onVertex,
      latencyMs: () => drawLatencyMs(dials, this.#latency),
      afterFirstOutput: () => this.#afterFirstOutput(),
      finished: () => this.#finished(setup),
      charge: (amounts) => this.#ledger.charge(amounts),
    });
    this.#turn = turn;
    this.#run(turn, turn.script(), this.#now);
  }

  #run(turn: GeminiTurn, script: Generator<number>, now: number): void {
    if (turn.done || this.#wire.closed) return;
    const { done, value } = script.next();
    if (done !== true) this.#step = this.#agenda.add(now + value, (at) => this.#run(turn, script, at));
  }

  #afterFirstOutput(): number {
    const { duplicate_event: duplicate, close_1011: close, stall } = this.#plan.dials.faults;
    if (duplicate) this.#wire.repeat();
    if (close) this.#wire.close({ code: 1011, reason: 'Internal error occurred.' });
    if (stall === null || this.#stalled) return 0;
    this.#stalled = true;
    return stall * 1000;
  }

  #finished({ resumption, model }: Setup): void {
    this.#agenda.remove(this.#step);
    this.#turn = null;
    if (resumption !== null) {
      const newHandle = this.#context.handle(this.#session, model, this.#now);
      this.#wire.message({ sessionResumptionUpdate: { newHandle, resumable: true } });
    }
    if (!this.#unanswered) return;
    this.#unanswered = false;
    this.#generate();
  }
}

function isContent(value: JsonValue): boolean {
  const role = member(value, 'role');
  const isRole = role === undefined || role === 'user' || role === 'model';
  return isRole && asArray(member(value, 'parts')) !== undefined;
}

function isImage(blob: JsonValue): boolean {
  const isType = /^image\/(jpeg|png)$/.test(asText(member(blob, 'mimeType')) ?? '');
  return isType && decodeBase64(asText(member(blob, 'data')) ?? '') !== null;
}
