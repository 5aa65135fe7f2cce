/** The server's side of one OpenAI Realtime session: what each client event does, and what happens by itself. */
import { asObject, asText, parseJson, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Payload } from '../providers/adapter.ts';
import { Agenda, type Task } from './agenda.ts';
import { heardWords } from './answers.ts';
import { decodeBase64 } from './base64.ts';
import type { Dials } from './faults.ts';
import {
  detectionOf,
  encodingOf,
  inputOf,
  mergeSession,
  newSession,
  newTranscriptionSession,
  turnOption,
} from './openai-config.ts';
import { Conversation } from './openai-conversation.ts';
import type { InBandRefusal } from './openai-handshake.ts';
import type { Charged } from './ledger.ts';
import { Charges } from './openai-charges.ts';
import { InputAudio } from './openai-input.ts';
import { expiryOf, scheduleLifetime } from './openai-lifetime.ts';
import { audioMs, messageWire, readItem, retrieved, type Item, type Sound } from './openai-items.ts';
import { readResponseRequest } from './openai-response-request.ts';
import type { ResponseRequest } from './openai-response.ts';
import { cancelResponse, Responses } from './openai-responses.ts';
import { invalidValue, missing, NOT_ACTIVE, repeated, tooShort, unknownItem } from './openai-rules.ts';
import { scheduleTranscription } from './openai-transcription.ts';
import type { Variant } from './openai-variant.ts';
import { OpenAiWire, type Problem } from './openai-wire.ts';
import type { SimulatedSession, SimulatorOutput } from './simulator.ts';
import type { VoiceTurn } from './voice-activity.ts';

const LEAST_COMMIT_MS = 100;
/** 15 MiB, taken as the length of the base64. */
const LONGEST_APPEND = 15 * 1024 * 1024;
const LONGEST_EVENT_ID = 512;

export interface SessionSetup {
  readonly seed: string;
  readonly dials: Dials;
  readonly model: string | null;
  readonly refusal: InBandRefusal | null;
  readonly variant: Variant;
  /** Of a conversation that is resumed; null for a new one. */
  readonly conversationId: string | null;
}

type Handler = (event: JsonObject, now: number) => Problem | null;

export class OpenAiSession implements SimulatedSession {
  readonly #setup: SessionSetup;
  readonly #wire: OpenAiWire;
  readonly #agenda = new Agenda();
  readonly #conversation: Conversation;
  readonly #input = new InputAudio();
  readonly #responses: Responses;
  readonly #charges: Charges;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #session: JsonObject;
  #idle: Task | null = null;
  /** The item that speech in progress will become; announced before it exists. */
  #turn: { readonly itemId: string; readonly startMs: number } | null = null;
  #turns = 0;
  #now = 0;

  constructor(setup: SessionSetup) {
    this.#setup = setup;
    this.#wire = new OpenAiWire(setup.seed, setup.dials, setup.variant);
    this.#conversation = new Conversation(setup.conversationId ?? this.#wire.id('conv'));
    const id = this.#wire.id('sess');
    this.#session = setup.model === null ? newTranscriptionSession(id, 0) : newSession(id, setup.model, 0);
    this.#charges = new Charges(setup.variant.charges);
    this.#responses = new Responses({
      seed: setup.seed,
      dials: setup.dials,
      wire: this.#wire,
      agenda: this.#agenda,
      conversation: this.#conversation,
      now: () => this.#now,
      charges: this.#charges,
      finished: (run) => {
        if (run.request.inConversation) this.#startIdle(this.#now + run.audioMs);
      },
    });
    this.#handlers = this.#table();
  }

  open(now: number): readonly SimulatorOutput[] {
    this.#now = now;
    const { refusal, dials, variant } = this.#setup;
    if (refusal !== null) {
      const { problem, closeCode } = refusal;
      this.#wire.error(problem, null);
      this.#wire.close(closeCode, `invalid_request_error.${String(problem.code)}`);
      return this.#wire.take();
    }
    const expiresAt = expiryOf(now, dials, variant);
    this.#session = { ...this.#session, expires_at: Math.floor(expiresAt / 1000) };
    if (variant.tellsConversation) {
      const conversation = { id: this.#conversation.id, object: 'realtime.conversation' };
      this.#wire.event('conversation.created', { conversation });
    }
    this.#wire.event('session.created', { session: this.#session });
    if (dials.faults.binary_frame) this.#wire.binary(new TextEncoder().encode('{"type":"binary"}'));
    scheduleLifetime(this.#wire, this.#agenda, now, dials, variant);
    return this.#wire.take();
  }

  receive(payload: Payload, now: number): readonly SimulatorOutput[] {
    this.#runDue(now);
    if (this.#wire.closed) return this.#wire.take();
    this.#now = now;
    if (typeof payload !== 'string') {
      const message = 'The server could not parse the event: binary messages are not supported.';
      this.#wire.error({ code: 'invalid_event', message, param: null }, null);
      return this.#wire.take();
    }
    const event = asObject(parseJson(payload));
    if (event === undefined) {
      const message = 'The server could not parse the event: it is not a JSON object.';
      this.#wire.error({ code: 'invalid_json', message, param: null }, null);
      return this.#wire.take();
    }
    const eventId = asText(event['event_id']) ?? null;
    const problem = this.#read(event, now);
    if (problem !== null) this.#wire.error(problem, eventId);
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
    return this.#charges.charged;
  }

  get context(): JsonValue {
    return { session: this.#session, items: this.#conversation.items.map(retrieved) };
  }

  closed(): void {
    this.#responses.abandon();
    this.#agenda.clear();
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
    if (this.#wire.closed) this.#agenda.clear();
    return this.#wire.take();
  }

  #read(event: JsonObject, now: number): Problem | null {
    const incoming = this.#setup.variant.incoming(event);
    if (incoming.kind === 'event') return this.#handle(incoming.event, now);
    return incoming.kind === 'refused' ? incoming.problem : null;
  }

  #handle(event: JsonObject, now: number): Problem | null {
    const eventId = event['event_id'];
    if (eventId !== undefined && (typeof eventId !== 'string' || eventId.length > LONGEST_EVENT_ID)) {
      return invalidValue(
        'event_id',
        `Invalid 'event_id': expected a string of at most ${LONGEST_EVENT_ID} characters.`,
      );
    }
    const type = event['type'];
    if (type === undefined) return missing('type');
    const handler = typeof type === 'string' ? this.#handlers.get(type) : undefined;
    if (handler !== undefined) return handler(event, now);
    const supported = [...this.#handlers.keys()].map((name) => `'${name}'`).join(', ');
    return invalidValue('type', `Invalid value: '${repeated(type)}'. Supported values are: ${supported}.`);
  }

  #table(): ReadonlyMap<string, Handler> {
    return new Map<string, Handler>([
      ['session.update', (event) => this.#update(event)],
      ['input_audio_buffer.append', (event, now) => this.#append(event, now)],
      ['input_audio_buffer.commit', (_, now) => this.#commitByClient(now)],
      ['input_audio_buffer.clear', () => this.#clear()],
      ['conversation.item.create', (event) => this.#create(event)],
      ['conversation.item.retrieve', (event) => this.#retrieve(event)],
      ['conversation.item.truncate', (event) => this.#truncate(event)],
      ['conversation.item.delete', (event) => this.#delete(event)],
      ['response.create', (event, now) => this.#respondTo(event, now)],
      ['response.cancel', (event) => this.#cancelByClient(event)],
    ]);
  }

  #update(event: JsonObject): Problem | null {
    if (event['session'] === undefined) return missing('session');
    const merge = mergeSession(this.#session, event['session'], this.#responses.spoken);
    if (!merge.ok) return merge.problem;
    this.#session = merge.session;
    this.#input.setEncoding(encodingOf(inputOf(this.#session)));
    if (detectionOf(this.#session) === null) this.#turn = null;
    this.#wire.event('session.updated', { session: this.#session });
    return null;
  }

  #append(event: JsonObject, now: number): Problem | null {
    const text = event['audio'];
    if (text === undefined) return missing('audio');
    const bytes = typeof text === 'string' && text.length <= LONGEST_APPEND ? decodeBase64(text) : null;
    if (bytes === null) {
      return invalidValue(
        'audio',
        "Invalid 'audio'. Expected base64-encoded audio bytes, at most 15 MiB of them.",
      );
    }
    this.#charges.sound(this.#input.msOf(bytes));
    this.#input.append(bytes, detectionOf(this.#session), (turn) => this.#voiceTurn(turn, now));
    return null;
  }

  #voiceTurn(turn: VoiceTurn, now: number): void {
    if (turn.kind === 'started') {
      const itemId = this.#wire.id('item');
      this.#turn = { itemId, startMs: turn.atMs };
      this.#stopIdle();
      const startMs = Math.round(turn.atMs);
      this.#wire.event('input_audio_buffer.speech_started', { audio_start_ms: startMs, item_id: itemId });
      const active = this.#responses.active();
      if (active !== undefined && turnOption(this.#session, 'interrupt_response')) {
        cancelResponse(active, 'turn_detected');
      }
      return;
    }
    const { itemId, startMs } = this.#turn ?? { itemId: this.#wire.id('item'), startMs: 0 };
    this.#turn = null;
    const endMs = Math.round(turn.atMs);
    this.#wire.event('input_audio_buffer.speech_stopped', { audio_end_ms: endMs, item_id: itemId });
    this.#commit(itemId, this.#input.take(startMs, turn.atMs), now);
    if (!turnOption(this.#session, 'create_response')) return;
    const problem = this.#respond(this.#plainRequest(), now);
    if (problem !== null) this.#wire.error(problem, null);
  }

  #commitByClient(now: number): Problem | null {
    const buffered = this.#input.bufferedMs;
    if (buffered < LEAST_COMMIT_MS) return tooShort(buffered);
    const itemId = this.#turn?.itemId ?? this.#wire.id('item');
    this.#turn = null;
    this.#commit(itemId, this.#input.takeAll(), now);
    return null;
  }

  #commit(itemId: string, audio: Sound, now: number): void {
    this.#stopIdle();
    const words = heardWords(this.#setup.seed, this.#turns, audioMs(audio));
    this.#turns++;
    const wire = messageWire(itemId, 'user', 'completed', [{ type: 'input_audio', transcript: null }]);
    const item: Item = { id: itemId, wire, audio, words };
    const previous = this.#conversation.last()?.id ?? null;
    this.#wire.event('input_audio_buffer.committed', { previous_item_id: previous, item_id: itemId });
    this.#show(item);
    const model = asText(asObject(inputOf(this.#session)['transcription'])?.['model']);
    if (asObject(inputOf(this.#session)['transcription']) === undefined) return;
    scheduleTranscription({
      item,
      model: model ?? 'whisper-1',
      wire: this.#wire,
      agenda: this.#agenda,
      present: () => this.#conversation.find(itemId) === item,
      at: now,
      speed: this.#setup.dials.speed,
      charge: (amounts) => this.#charges.transcription(amounts),
    });
  }

  #show(item: Item, previous?: JsonValue): void {
    const before = this.#conversation.insert(item, previous);
    this.#wire.event('conversation.item.added', { previous_item_id: before, item: item.wire });
    this.#wire.event('conversation.item.done', { previous_item_id: before, item: item.wire });
  }

  #clear(): Problem | null {
    this.#input.clear();
    this.#turn = null;
    this.#wire.event('input_audio_buffer.cleared', {});
    return null;
  }

  #create(event: JsonObject): Problem | null {
    if (event['item'] === undefined) return missing('item');
    const encoding = encodingOf(inputOf(this.#session));
    const reading = readItem(event['item'], encoding, 'item', (prefix) => this.#wire.id(prefix));
    if (!reading.ok) return reading.problem;
    const previous = event['previous_item_id'];
    const problem = this.#conversation.refusal(reading.item, previous);
    if (problem !== null) return problem;
    const { item } = reading;
    if (item.audio !== null && item.words === '') {
      item.words = heardWords(this.#setup.seed, this.#turns++, audioMs(item.audio));
    }
    this.#charges.item(item);
    this.#stopIdle();
    this.#show(item, previous ?? undefined);
    return null;
  }

  #retrieve(event: JsonObject): Problem | null {
    const item = this.#conversation.find(event['item_id']);
    if (item === undefined) return unknownItem('retriev', event);
    this.#wire.event('conversation.item.retrieved', { item: retrieved(item) });
    return null;
  }

  #truncate(event: JsonObject): Problem | null {
    const item = this.#conversation.find(event['item_id']);
    const problem = this.#conversation.truncate(item, event);
    if (problem !== null) return problem;
    const { item_id = '', audio_end_ms = 0 } = event;
    this.#wire.event('conversation.item.truncated', { item_id, content_index: 0, audio_end_ms });
    return null;
  }

  #delete(event: JsonObject): Problem | null {
    const item = this.#conversation.find(event['item_id']);
    if (item === undefined) return unknownItem('delet', event);
    this.#conversation.remove(item);
    this.#wire.event('conversation.item.deleted', { item_id: item.id });
    return null;
  }

  #plainRequest(): ResponseRequest {
    const [config, input, turn] = [this.#session, [...this.#conversation.items], this.#responses.count];
    return { config, inConversation: true, metadata: null, input, turn };
  }

  #respondTo(event: JsonObject, now: number): Problem | null {
    const reading = readResponseRequest(event['response'], {
      plain: this.#plainRequest(),
      conversation: this.#conversation,
      encoding: encodingOf(inputOf(this.#session)),
      spoken: this.#responses.spoken,
      newId: (prefix) => this.#wire.id(prefix),
    });
    return reading.ok ? this.#respond(reading.request, now) : reading.problem;
  }

  #respond(request: ResponseRequest, now: number): Problem | null {
    if (this.#session['type'] !== 'realtime') {
      const message = 'Response creation is not allowed in a transcription session.';
      return { code: 'invalid_value', message, param: 'type' };
    }
    const problem = this.#responses.refusal(request);
    if (problem !== null) return problem;
    if (request.inConversation) this.#stopIdle();
    this.#responses.start(request, now);
    return null;
  }

  /** The timer starts when the answer has been played. */
  #startIdle(playedAt: number): void {
    const idleMs = detectionOf(this.#session)?.idleMs ?? null;
    this.#stopIdle();
    if (idleMs === null || this.#input.speaking) return;
    const startMs = this.#input.endMs;
    this.#idle = this.#agenda.add(playedAt + idleMs, (at) => {
      const itemId = this.#wire.id('item');
      const endMs = this.#input.endMs;
      const fields = { item_id: itemId, audio_start_ms: startMs, audio_end_ms: endMs };
      this.#wire.event('input_audio_buffer.timeout_triggered', fields);
      this.#commit(itemId, this.#input.take(startMs, endMs), at);
      const problem = this.#respond(this.#plainRequest(), at);
      if (problem !== null) this.#wire.error(problem, null);
    });
  }

  #stopIdle(): void {
    this.#agenda.remove(this.#idle);
    this.#idle = null;
  }

  #cancelByClient(event: JsonObject): Problem | null {
    const run = this.#responses.find(event['response_id']);
    if (run === undefined) return NOT_ACTIVE;
    cancelResponse(run, 'client_cancelled');
    return null;
  }
}
