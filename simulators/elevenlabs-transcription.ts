/** Simulated realtime speech-to-text. It hears when somebody speaks, and what they say is a script. */
import { asText, type JsonObject } from '../protocol/json.ts';
import { heardWords } from './answers.ts';
import { decodeBase64 } from './base64.ts';
import { durationMs, type Format, toSpeechRate } from './elevenlabs-audio.ts';
import type { Line, Product } from './elevenlabs-line.ts';
import { VoiceActivity, type VoiceTurn } from './voice-activity.ts';

export interface TranscriptionSetup {
  readonly line: Line;
  readonly query: URLSearchParams;
  readonly format: Format;
  readonly formatName: string;
}

type Word = { readonly text: string; readonly start: number; readonly end: number; readonly type: string };

const SPEECH_BYTES_PER_MS = 48;
const LEAST_COMMIT_MS = 300;
/** A partial transcript after so much more speech. */
const PARTIAL_MS = 500;
const WORDS_PER_SECOND = 4;
const LONGEST_CHUNK = 4 * 1024 * 1024;
const POLICY = 1008;
const DEFAULT_SILENCE_SECONDS = 1.5;

export class Transcription implements Product {
  readonly #setup: TranscriptionSetup;
  readonly #line: Line;
  readonly #activity = new VoiceActivity('audio/pcm', 0);
  #segments = 0;
  #chunks = 0;
  /** Of the present segment. */
  #audioMs = 0;
  #speechMs = 0;
  #toldMs = 0;
  #hasSpoken = false;

  constructor(setup: TranscriptionSetup) {
    this.#setup = setup;
    this.#line = setup.line;
  }

  open(): void {
    const { query, formatName, format } = this.#setup;
    const { faults } = this.#line.dials;
    const model = query.get('model_id') ?? '';
    if (model !== 'scribe_v2_realtime' && !model.startsWith('sim-')) {
      this.#fail('invalid_request', `The model '${model}' is not one of realtime transcription.`);
      return;
    }
    if (query.get('token')?.includes('bad') === true) {
      this.#fail('auth_error', 'The token is not valid.');
      return;
    }
    if (faults.rate_limited) {
      this.#fail('rate_limited', 'You have too many realtime sessions open.');
      return;
    }
    this.#line.send({
      message_type: 'session_started',
      session_id: this.#line.id('session'),
      config: {
        sample_rate: format.rate,
        audio_format: formatName,
        language_code: query.get('language_code'),
        model_id: model,
        commit_strategy: this.#strategy(),
        vad_silence_threshold_secs: this.#silenceMs() / 1000,
        include_timestamps: query.get('include_timestamps') === 'true',
      },
    });
    if (faults.session_expired_after !== null) {
      this.#line.after(faults.session_expired_after * 1000, () =>
        this.#fail('session_time_limit_exceeded', 'The session reached its longest duration.'),
      );
    }
  }

  receiveGarbage(): void {
    this.#fail('input_error', 'A message must be a JSON object in a text frame.');
  }

  receive(event: JsonObject): void {
    if (event['message_type'] !== 'input_audio_chunk') {
      this.#fail('input_error', "message_type must be 'input_audio_chunk'.");
      return;
    }
    const text = asText(event['audio_base_64']);
    if (text !== undefined && text.length > LONGEST_CHUNK) {
      this.#fail('chunk_size_exceeded', 'The audio of one chunk is too long.');
      return;
    }
    const bytes = text === undefined ? null : decodeBase64(text);
    if (bytes === null) {
      this.#fail('input_error', 'audio_base_64 must be base64.');
      return;
    }
    if (event['previous_text'] !== undefined && this.#chunks > 0) {
      this.#error('input_error', 'previous_text may be sent in the first chunk only.');
      return;
    }
    this.#chunks += 1;
    this.#hear(bytes);
    if (event['commit'] === true) this.#commitByClient();
  }

  #strategy(): string {
    return this.#setup.query.get('commit_strategy') ?? 'manual';
  }

  #silenceMs(): number {
    return Number(this.#setup.query.get('vad_silence_threshold_secs') ?? DEFAULT_SILENCE_SECONDS) * 1000;
  }

  #hear(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const speech = toSpeechRate(bytes, this.#setup.format);
    const ms = speech.length / SPEECH_BYTES_PER_MS;
    const settings = { threshold: 0.5, prefixPaddingMs: 0, silenceMs: this.#silenceMs() };
    const turns: VoiceTurn[] = [];
    this.#activity.hear(speech, settings, (turn) => turns.push(turn));
    this.#audioMs += ms;
    this.#line.ledger.charge({ seconds: durationMs(bytes, this.#setup.format) / 1000 });
    if (turns.length > 0 || this.#activity.speaking) this.#speechMs += ms;
    if (this.#speechMs - this.#toldMs >= PARTIAL_MS) this.#tellPartial();
    if (this.#strategy() !== 'manual' && turns.some(({ kind }) => kind === 'stopped')) this.#commit();
  }

  #tellPartial(): void {
    this.#toldMs = this.#speechMs;
    const text = this.#words().join(' ');
    if (text === '') return;
    const event = { message_type: 'partial_transcript', text };
    if (this.#hasSpoken) this.#line.send(event);
    else this.#line.sendFirst(event);
    this.#hasSpoken = true;
  }

  /** Of the script's line, as many words as the speech so far has time for. */
  #words(): readonly string[] {
    const words = heardWords(this.#line.seed, this.#segments, Number.POSITIVE_INFINITY).split(' ');
    return words.slice(0, Math.floor((this.#speechMs / 1000) * WORDS_PER_SECOND));
  }

  #commitByClient(): void {
    if (this.#audioMs >= LEAST_COMMIT_MS) {
      this.#commit();
      return;
    }
    const seconds = (this.#audioMs / 1000).toFixed(2);
    const least = LEAST_COMMIT_MS / 1000;
    this.#error(
      'commit_throttled',
      `Commit request ignored: only ${seconds}s of uncommitted audio, and at least ${least}s is needed.`,
    );
  }

  #commit(): void {
    const words = this.#words();
    const speechMs = this.#speechMs;
    const text = words.join(' ').replace(/[.,?!]?$/, words.length === 0 ? '' : '.');
    if (this.#speechMs > 0) this.#segments += 1;
    this.#audioMs = 0;
    this.#speechMs = 0;
    this.#toldMs = 0;
    this.#activity.reset(0);
    const stallMs = this.#line.takeStallMs();
    this.#line.after(this.#line.latencyMs() + stallMs, () => this.#tellCommitted(text, words, speechMs));
  }

  #tellCommitted(text: string, words: readonly string[], speechMs: number): void {
    this.#line.send({ message_type: 'committed_transcript', text });
    if (this.#setup.query.get('include_timestamps') !== 'true') return;
    this.#line.send({
      message_type: 'committed_transcript_with_timestamps',
      text,
      language_code: this.#setup.query.get('language_code') ?? 'en',
      words: timed(words, speechMs / 1000),
    });
  }

  /** The session goes on. */
  #error(kind: string, message: string): void {
    this.#line.send({ message_type: kind, error: message });
  }

  #fail(kind: string, message: string): void {
    this.#error(kind, message);
    this.#line.close(POLICY, message);
  }
}

function timed(words: readonly string[], seconds: number): readonly Word[] {
  const each = seconds / Math.max(1, words.length);
  return words.map((text, index) => ({
    text,
    start: Number((index * each).toFixed(2)),
    end: Number(((index + 1) * each).toFixed(2)),
    type: 'word',
  }));
}
