/**
 * The server's side of a GPT-Live session, by the types of `openai` 7.57: it listens while it speaks, yields when it is
 * spoken over, and hands work to the client or to a backend of the Responses API. OpenAI's guide to costs (2026-11) has it
 * billed by the time of the session from its start to its end, silence included, and the backend apart. How often the sum is
 * told is not known, nor which codes errors have; those of the realtime wire stand in.
 */
import { asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import { answerText, heardWords } from './answers.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { drawLatencyMs } from './faults.ts';
import { LiveBackend } from './openai-live-backend.ts';
import { invalidValue, missing, repeated } from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';
import { Ear, type RawFormat } from './raw-audio.ts';
import { SpokenQueue } from './spoken-queue.ts';
import { voiceNamed } from './speech.ts';
import type { VoiceTurn } from './voice-activity.ts';

const SESSION_MS = 60 * 60_000;
const USAGE_EVERY_MS = 5_000;
const FINISHING_MS = 100;
const END_OF_TURN_MS = 500;

/** What a started session has. */
interface Started {
  readonly id: string;
  readonly at: number;
  readonly config: JsonObject;
  readonly format: RawFormat;
  readonly ear: Ear;
  readonly queue: SpokenQueue;
  readonly backend: LiveBackend | null;
}

const MUTED: Readonly<Record<string, boolean>> = { mute: true, unmute: false };

export class LiveSession extends AgendaSession {
  #started: Started | null = null;
  #openedAt = 0;
  #turns = 0;
  #speechFromMs = 0;
  #muted = false;
  #closing = false;
  /** What was charged of the session's time so far. */
  #billedMs = 0;
  #isOver = false;

  protected opened(): void {
    this.#openedAt = this.now;
  }

  protected heardAudio(): void {
    const message = 'The server could not parse the event: binary messages are not supported.';
    this.#refuse({ code: 'invalid_event', message, param: null }, {});
  }

  protected heardMessage(event: JsonObject | null): void {
    const problem = event === null ? NO_EVENT : this.#handle(event);
    if (problem !== null) this.#refuse(problem, clientEvent(event ?? {}));
  }

  protected expired(): void {
    this.#end('expired');
  }

  /** Time that was not told, and what the backend was doing: taken to be charged as far as it had come. */
  protected override settle(openMs: number): void {
    if (this.#started === null) return;
    if (!this.#isOver) this.#bill(openMs - (this.#started.at - this.#openedAt));
    const { backend } = this.#started;
    if (backend !== null) this.ledger.charge(backend.abandon());
  }

  #handle(event: JsonObject): Problem | null {
    const type = asText(event['type']);
    if (type === undefined) return missing('type');
    if (type === 'session.start') return this.#start(event);
    const started = this.#started;
    if (started === null) {
      const message = 'The session has not been started: session.start must be the first event.';
      return { code: 'session_not_started', message, param: null };
    }
    // What comes after it was asked to end is not looked at.
    if (this.#closing) return null;
    const [, muting] = /^session\.input_audio\.(mute|unmute)$/.exec(type) ?? [];
    if (muting !== undefined) {
      this.#muted = MUTED[muting] === true;
      this.#event(`${type}d`, clientEvent(event));
      return null;
    }
    switch (type) {
      case 'session.input_audio.append':
        return this.#append(event, started);
      case 'session.instructions.append':
      case 'session.thinking.append':
      case 'session.commentary.append':
        return this.#context(type, event, started);
      case 'session.update':
        return this.#update(event, started);
      case 'response.item.create':
        return started.backend === null ? NO_BACKEND : started.backend.add(event['item'] ?? null);
      case 'response.create':
        return started.backend === null ? NO_BACKEND : started.backend.respond(null);
      case 'session.close':
        this.#finish(started);
        return null;
      default:
        return invalidValue('type', `Invalid value: '${repeated(type)}'.`);
    }
  }

  #start(event: JsonObject): Problem | null {
    if (this.#started !== null)
      return { code: 'session_already_started', message: 'The session has been started.', param: null };
    const config = asObject(event['session']) ?? {};
    if (asText(config['model']) === undefined) return missing('session.model');
    const format = formatOf(member(config['audio'], 'format'));
    if (format === null)
      return invalidValue('session.audio.format', "Invalid 'session.audio.format': no such format.");
    const voice = voiceNamed(asText(member(member(config['audio'], 'output'), 'voice')) ?? 'marin', 1);
    this.#started = {
      id: `live_${this.random.letters(21)}`,
      at: this.now,
      config,
      format,
      ear: new Ear(format, END_OF_TURN_MS),
      queue: new SpokenQueue(this.agenda, this.dials.speed, format, voice),
      backend: this.#backend(asObject(config['delegation'])),
    };
    this.agenda.add(this.now + SESSION_MS, () => this.expired());
    this.#tellUsageLater();
    this.#event('session.started', { session: this.#resource(this.#started), ...clientEvent(event) });
    return null;
  }

  /** Who is delegated to stays; how may change. */
  #update(event: JsonObject, started: Started): Problem | null {
    const delegation = asObject(member(event['session'], 'delegation'));
    if (delegation === undefined) return missing('session.delegation');
    const before = asObject(started.config['delegation']) ?? {};
    if (delegation['type'] !== undefined && delegation['type'] !== before['type'])
      return invalidValue('session.delegation.type', 'The type of delegation cannot change.');
    const responses = { ...asObject(before['responses']), ...asObject(delegation['responses']) };
    started.backend?.configure(responses);
    const config = { ...started.config, delegation: { ...before, ...delegation, responses } };
    this.#started = { ...started, config };
    this.#event('session.updated', { session: this.#resource(this.#started), ...clientEvent(event) });
    return null;
  }

  #backend(delegation: JsonObject | undefined): LiveBackend | null {
    const config = delegation?.['type'] === 'responses' ? asObject(delegation['responses']) : undefined;
    if (config === undefined) return null;
    return new LiveBackend(config, this.agenda, {
      seed: this.seed,
      speed: this.dials.speed,
      failing: false,
      id: (prefix) => `${prefix}_${this.random.letters(24).toLowerCase()}`,
      now: () => this.now,
      latencyMs: () => drawLatencyMs(this.dials, this.random),
      tell: (delegation_id, response) => this.#event('response.event', { delegation_id, event: response }),
      charge: (amounts) => this.ledger.charge(amounts),
      answered: (text) => this.#say(text),
    });
  }

  #resource({ id, at, config }: Started): JsonObject {
    return { ...config, id, expires_at: Math.floor((at + SESSION_MS) / 1000), status: 'active' };
  }

  #append(event: JsonObject, { ear }: Started): Problem | null {
    const bytes = decodeBase64(asText(event['audio']) ?? '*');
    if (bytes === null) return invalidValue('audio', "Invalid 'audio'. Expected base64-encoded audio bytes.");
    if (!this.#muted) ear.hear(bytes, (turn) => this.#turn(turn));
    return null;
  }

  #turn({ kind, atMs }: VoiceTurn): void {
    const started = this.#started;
    if (started === null || this.#closing) return;
    if (kind === 'started') {
      this.#speechFromMs = atMs;
      started.queue.stop();
      return;
    }
    const words = heardWords(this.seed, this.#turns, atMs - this.#speechFromMs);
    const span = { start_ms: Math.round(this.#speechFromMs), end_ms: Math.round(atMs) };
    this.#event('session.input_transcript.delta', { delta: words, ...span });
    this.#answer(words, started);
    this.#turns += 1;
  }

  /** Every other turn is more than the voice can answer by itself. */
  #answer(words: string, { backend, config, at }: Started): void {
    if (this.#turns % 2 === 0) {
      this.#say(answerText(this.seed, this.#turns, words, asText(config['instructions']) ?? ''));
      return;
    }
    const id = `del_${this.random.letters(21)}`;
    const target = backend === null ? 'client' : 'responses';
    const delegation = { id, type: 'delegation', target };
    this.#event('session.delegation.created', { delegation, offset_ms: this.now - at });
    backend?.delegate(id, words);
  }

  #context(type: string, event: JsonObject, { at }: Started): Problem | null {
    const content = asText(event['content']);
    if (content === undefined) return missing('content');
    const offset = this.now - at;
    this.#event(`${type}ed`, { start_ms: offset, end_ms: offset, ...clientEvent(event) });
    if (type === 'session.commentary.append') this.#say(content);
    return null;
  }

  #say(text: string): void {
    const started = this.#started;
    if (started === null || this.#closing) return;
    started.queue.say(
      {
        text,
        latencyMs: drawLatencyMs(this.dials, this.random),
        begin: () => {
          const offset = this.now - started.at;
          this.#event('session.output_transcript.delta', { delta: text, start_ms: offset, end_ms: offset });
        },
        // The one event that has no id.
        audio: (bytes) => this.sendOutput({ type: 'session.output_audio.delta', delta: encodeBase64(bytes) }),
        done: () => undefined,
      },
      this.now,
    );
  }

  #tellUsageLater(): void {
    this.agenda.add(this.now + USAGE_EVERY_MS, () => {
      this.#event('session.usage.updated', { usage: this.#usage() });
      this.#tellUsageLater();
    });
  }

  /** The sum so far, as it is told; what it grew by is charged. */
  #usage(): JsonObject {
    this.#bill(this.now - (this.#started?.at ?? this.now));
    return { seconds: this.#billedMs / 1000 };
  }

  #bill(sessionMs: number): void {
    this.ledger.charge({ seconds: (sessionMs - this.#billedMs) / 1000 });
    this.#billedMs = sessionMs;
  }

  /** Whether it waits for its backend is not known. It does not here, so that nobody relies on it. */
  #finish({ queue, backend }: Started): void {
    this.#closing = true;
    queue.stop();
    backend?.stop();
    this.agenda.add(this.now + FINISHING_MS, () => this.#end('close_requested'));
  }

  #end(reason: string): void {
    const session = this.#started === null ? {} : this.#resource(this.#started);
    this.#event('session.closed', { reason, session, usage: this.#usage() });
    this.#isOver = true;
    this.close(1000, '');
  }

  #event(type: string, fields: JsonObject): void {
    this.send({ type, event_id: `event_${this.random.letters(21)}`, ...fields });
  }

  #refuse({ type = 'invalid_request_error', code, message, param }: Problem, caused: JsonObject): void {
    const about = param === null ? {} : { param };
    this.#event('error', {
      error: { type, code: code ?? 'unknown', message, ...about, ...caused },
      ...caused,
    });
  }
}

const NO_EVENT: Problem = {
  code: 'invalid_json',
  message: 'The server could not parse the event: it is not a JSON object.',
  param: null,
};
const NO_BACKEND: Problem = {
  code: 'invalid_value',
  message: 'The session does not delegate to the Responses API.',
  param: 'type',
};

/** The name of the client's event that something answers, if it has one. */
function clientEvent(event: JsonObject): JsonObject {
  const id = asText(event['event_id']);
  return id === undefined ? {} : { client_event_id: id };
}

const PCM_RATES: readonly JsonValue[] = [16_000, 24_000];

/** Null for one that GPT-Live does not have. */
function formatOf(format: JsonValue | undefined): RawFormat | null {
  if (format === undefined) return { encoding: 'linear16', rate: 24_000, channels: 1 };
  const rate = member(format, 'rate');
  switch (asText(member(format, 'type'))) {
    case 'audio/pcm':
      return typeof rate === 'number' && PCM_RATES.includes(rate)
        ? { encoding: 'linear16', rate, channels: 1 }
        : null;
    case 'audio/pcmu':
      return { encoding: 'mulaw', rate: 8_000, channels: 1 };
    case 'audio/pcma':
      return { encoding: 'alaw', rate: 8_000, channels: 1 };
    default:
      return null;
  }
}
