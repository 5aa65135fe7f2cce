/**
 * The server's side of a realtime translation, by the types of `openai` 7.57: sound goes up without end, and comes down in
 * pieces of 200 ms, in another language, with the words of both sides beside it. OpenAI says that translations are priced by
 * the duration of audio, and not of which; the socket tells no usage. Taken here: that of the source.
 */
import { asObject, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import { heardWords, wordDeltas } from './answers.ts';
import { bytesPerMs, concatBytes, decodeSamples, encodeSamples, PCM_RATE } from './audio-format.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { type Dials, drawLatencyMs } from './faults.ts';
import type { InBandRefusal } from './openai-handshake.ts';
import { invalidValue, missing, repeated } from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';
import { speak, voiceNamed } from './speech.ts';

const SESSION_MS = 60 * 60_000;
const FRAME_MS = 200;
const FRAME_BYTES = FRAME_MS * bytesPerMs('audio/pcm');
const FRAME_SAMPLES = (FRAME_MS * PCM_RATE) / 1000;
const LONGEST_APPEND = 15 * 1024 * 1024;
/** Of 16-bit samples, on average: nobody speaks below it. */
const SILENCE_LEVEL = 200;
const CALLER_MS = 60_000;

const VOICE = voiceNamed('translation', 1);

export class TranslationSession extends AgendaSession {
  readonly #id: string;
  readonly #model: string;
  readonly #refusal: InBandRefusal | null;
  #audio: { readonly input: JsonObject; readonly output: JsonObject } = {
    input: { transcription: null, noise_reduction: null },
    output: { language: 'en' },
  };
  #expiresAt = 0;
  /** Of the source, less than a piece. */
  #rest: Uint8Array = new Uint8Array(0);
  #heardMs = 0;
  #words: readonly string[] = [];
  #lines = 0;
  /** When the piece that was heard last comes down. */
  #lastAt = 0;
  #closing = false;

  constructor(seed: string, dials: Dials, model: string, refusal: InBandRefusal | null) {
    super(seed, dials);
    this.#model = model;
    this.#refusal = refusal;
    this.#id = `sess_${this.random.letters(21)}`;
  }

  protected opened(): void {
    if (this.#refusal !== null) {
      const { problem, closeCode } = this.#refusal;
      this.#refuse(problem, null);
      this.close(closeCode, `invalid_request_error.${String(problem.code)}`);
      return;
    }
    this.#expiresAt = this.now + SESSION_MS;
    this.agenda.add(this.#expiresAt, () => this.expired());
    this.#event('session.created', { session: this.#session() });
  }

  protected heardAudio(): void {
    const message = 'The server could not parse the event: binary messages are not supported.';
    this.#refuse({ code: 'invalid_event', message, param: null }, null);
  }

  protected heardMessage(event: JsonObject | null): void {
    const problem = event === null ? NO_EVENT : this.#handle(event);
    if (problem !== null) this.#refuse(problem, event?.['event_id'] ?? null);
  }

  protected expired(): void {
    const message = 'Your session hit the maximum duration of 60 minutes.';
    this.#refuse({ code: 'session_expired', message, param: null }, null);
    this.close(1001, message);
  }

  #handle(event: JsonObject): Problem | null {
    switch (event['type']) {
      case 'session.update':
        return this.#update(event['session']);
      case 'session.input_audio_buffer.append':
        return this.#append(event['audio']);
      case 'session.close':
        this.#finish();
        return null;
      default:
        return event['type'] === undefined
          ? missing('type')
          : invalidValue(
              'type',
              `Invalid value: '${repeated(event['type'])}'. Supported values are: 'session.update', 'session.input_audio_buffer.append', 'session.close'.`,
            );
    }
  }

  #update(session: JsonValue | undefined): Problem | null {
    if (asObject(session) === undefined) return missing('session');
    const [input, output] = ['input', 'output'].map((side) =>
      asObject(member(member(session, 'audio'), side)),
    );
    this.#audio = { input: { ...this.#audio.input, ...input }, output: { ...this.#audio.output, ...output } };
    this.#event('session.updated', { session: this.#session() });
    return null;
  }

  #append(audio: JsonValue | undefined): Problem | null {
    if (audio === undefined) return missing('audio');
    const bytes = typeof audio === 'string' && audio.length <= LONGEST_APPEND ? decodeBase64(audio) : null;
    if (bytes === null) return invalidValue('audio', "Invalid 'audio'. Expected base64-encoded audio bytes.");
    this.ledger.charge({ seconds: bytes.length / bytesPerMs('audio/pcm') / 1000 });
    let rest = concatBytes([this.#rest, bytes]);
    for (; rest.length >= FRAME_BYTES; rest = rest.subarray(FRAME_BYTES))
      this.#hear(rest.subarray(0, FRAME_BYTES));
    this.#rest = rest;
    return null;
  }

  /** A piece of the source: its translation follows, in its order. */
  #hear(piece: Uint8Array): void {
    this.#heardMs += FRAME_MS;
    const elapsed = this.#heardMs;
    const word = isLoud(piece) ? this.#nextWord() : null;
    const due = this.now + drawLatencyMs(this.dials, this.random);
    this.#lastAt = Math.round(Math.max(due, this.#lastAt + FRAME_MS / this.dials.speed));
    this.agenda.add(this.#lastAt, () => this.#translate(word, elapsed));
  }

  #translate(word: string | null, elapsed: number): void {
    const samples = new Int16Array(FRAME_SAMPLES);
    if (word !== null) {
      const beside = { delta: word, elapsed_ms: elapsed };
      if (asObject(this.#audio.input['transcription']) !== undefined)
        this.#event('session.input_transcript.delta', beside);
      this.#event('session.output_transcript.delta', beside);
      for (const spoken of speak(word, VOICE)) samples.set(spoken.samples.subarray(0, FRAME_SAMPLES));
    }
    const delta = encodeBase64(encodeSamples(samples, 'audio/pcm'));
    const sound = { delta, sample_rate: PCM_RATE, channels: 1, format: 'pcm16', elapsed_ms: elapsed };
    this.sendOutput(this.#named('session.output_audio.delta', sound));
  }

  /** It hears no words and knows no languages: they are those of a scripted caller, on both sides. */
  #nextWord(): string {
    if (this.#words.length === 0) this.#words = wordDeltas(heardWords(this.seed, this.#lines++, CALLER_MS));
    const [word = '', ...further] = this.#words;
    this.#words = further;
    return word;
  }

  /** What was heard is translated to its end; what goes on coming meanwhile is heard too. */
  #finish(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#rest.length > 0)
      this.#hear(concatBytes([this.#rest, new Uint8Array(FRAME_BYTES - this.#rest.length)]));
    this.#rest = new Uint8Array(0);
    this.#closeAfter();
  }

  #closeAfter(): void {
    if (this.#lastAt > this.now) {
      this.agenda.add(this.#lastAt, () => this.#closeAfter());
      return;
    }
    this.#event('session.closed', {});
    this.close(1000, '');
  }

  #event(type: string, fields: JsonObject): void {
    this.send(this.#named(type, fields));
  }

  #named(type: string, fields: JsonObject): JsonObject {
    return { type, event_id: `event_${this.random.letters(21)}`, ...fields };
  }

  #refuse({ type = 'invalid_request_error', code, message, param }: Problem, clientEventId: JsonValue): void {
    this.#event('error', { error: { type, code, message, param, event_id: clientEventId } });
  }

  #session(): JsonObject {
    const expiresAt = Math.floor(this.#expiresAt / 1000);
    return {
      id: this.#id,
      type: 'translation',
      model: this.#model,
      expires_at: expiresAt,
      audio: this.#audio,
    };
  }
}

function isLoud(piece: Uint8Array): boolean {
  const samples = decodeSamples(piece, 'audio/pcm');
  return samples.reduce((sum, sample) => sum + Math.abs(sample), 0) / samples.length > SILENCE_LEVEL;
}

const NO_EVENT: Problem = {
  code: 'invalid_json',
  message: 'The server could not parse the event: it is not a JSON object.',
  param: null,
};
