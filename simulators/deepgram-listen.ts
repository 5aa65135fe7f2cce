/** Simulated Deepgram v1/listen. It detects speech by its energy; what is said is the line of a scripted caller. */
import type { JsonObject } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import type { Task } from './agenda.ts';
import { heardWords } from './answers.ts';
import type { Dials } from './faults.ts';
import { Ear, type RawFormat } from './raw-audio.ts';
import type { VoiceTurn } from './voice-activity.ts';

const NO_AUDIO_MS = 10_000;
const INTERIM_EVERY_MS = 500;
/** The service's own default is 10 ms of silence; the synthetic voice pauses longer than that between words. */
const ENDPOINTING_MS = 300;
const UTTERANCE_END_MS = 1000;
const WORD_MS = 250;
/** Any line of the script fits. */
const LONGEST_LINE_MS = 60_000;

/** Words of a line that can have been said in so much time; one at least. */
export function wordsWithin(line: string, ms: number): readonly string[] {
  return line.split(' ').slice(0, Math.max(1, Math.floor(ms / WORD_MS)));
}

export function scriptedLine(seed: string, turn: number): string {
  return heardWords(seed, turn, LONGEST_LINE_MS);
}

export interface ListenSetup {
  readonly seed: string;
  readonly dials: Dials;
  readonly query: URLSearchParams;
  readonly format: RawFormat | null;
  readonly requestId: string;
}

export class ListenSession extends AgendaSession {
  readonly #query: URLSearchParams;
  readonly #requestId: string;
  readonly #channels: number;
  readonly #ear: Ear;
  #deadline: Task | null = null;
  /** A stream must begin with audio: before it, KeepAlive does not count. */
  #begun = false;
  /** Where the next result starts. */
  #fromMs = 0;
  #line: string | null = null;
  #interimAtMs = 0;
  #turns = 0;

  constructor({ seed, dials, query, format, requestId }: ListenSetup) {
    super(seed, dials);
    this.#query = query;
    this.#requestId = requestId;
    this.#channels = format?.channels ?? 1;
    const endpointing = Number(query.get('endpointing'));
    this.#ear = new Ear(format, Math.max(ENDPOINTING_MS, Number.isFinite(endpointing) ? endpointing : 0));
  }

  protected opened(): void {
    this.#awake();
  }

  protected heardAudio(bytes: Uint8Array): void {
    if (bytes.length === 0) {
      this.#closeStream();
      return;
    }
    this.#begun = true;
    this.#awake();
    const before = this.#ear.heardMs;
    this.#ear.hear(bytes, (turn) => this.#turn(turn));
    this.ledger.charge({ seconds: ((this.#ear.heardMs - before) / 1000) * this.#channels });
    this.#interim();
  }

  protected heardMessage(message: JsonObject | null): void {
    switch (message?.['type']) {
      case 'KeepAlive':
        if (this.#begun) this.#awake();
        return;
      case 'Finalize':
        this.#final({ speech_final: false, from_finalize: true });
        this.#ear.cut();
        return;
      case 'CloseStream':
        this.#closeStream();
        return;
      default:
        // Of the service's own shape; which messages it answers so is not documented.
        this.send({
          type: 'Error',
          variant: 'UnparsableClientMessage',
          description: 'The message is not one that this socket knows.',
          message: 'Expected KeepAlive, Finalize or CloseStream, or binary audio.',
        });
    }
  }

  protected expired(): void {
    this.close(1011, 'NET-0000: the stream was closed by the server.');
  }

  protected override failed(): void {
    this.close(1011, 'NET-0000: The service has not received any response from its worker.');
  }

  #awake(): void {
    this.agenda.remove(this.#deadline);
    this.#deadline = this.agenda.add(this.now + NO_AUDIO_MS, () =>
      this.close(
        1011,
        'NET-0001: Deepgram did not receive audio data or a text message within the timeout window.',
      ),
    );
  }

  #turn(turn: VoiceTurn): void {
    if (turn.kind === 'started') {
      this.#line = scriptedLine(this.seed, this.#turns);
      this.#turns += 1;
      this.#fromMs = turn.atMs;
      this.#interimAtMs = turn.atMs + INTERIM_EVERY_MS;
      if (this.#query.get('vad_events') === 'true') {
        this.send({ type: 'SpeechStarted', channel: [0, this.#channels], timestamp: turn.atMs / 1000 });
      }
      return;
    }
    this.#final({ speech_final: true });
    if (this.#query.has('utterance_end_ms')) {
      const end = { type: 'UtteranceEnd', channel: [0, this.#channels], last_word_end: turn.atMs / 1000 };
      const afterMs = Number(this.#query.get('utterance_end_ms')) || UTTERANCE_END_MS;
      this.agenda.add(this.now + afterMs, () => this.send(end));
    }
  }

  #interim(): void {
    if (this.#line === null || this.#ear.heardMs < this.#interimAtMs) return;
    this.#interimAtMs = this.#ear.heardMs + INTERIM_EVERY_MS;
    if (this.#query.get('interim_results') !== 'true') return;
    this.sendOutput(this.#results({ is_final: false, speech_final: false }));
  }

  #final(flags: JsonObject): void {
    if (this.#line === null && flags['from_finalize'] !== true) return;
    this.sendOutput(this.#results({ is_final: true, ...flags }));
    this.#line = null;
    this.#fromMs = this.#ear.heardMs;
  }

  #closeStream(): void {
    this.#final({ speech_final: true });
    this.send({
      type: 'Metadata',
      transaction_key: 'deprecated',
      request_id: this.#requestId,
      sha256: Array.from({ length: 64 }, () => this.random.below(16).toString(16)).join(''),
      created: new Date(this.now).toISOString(),
      duration: rounded(this.#ear.heardMs),
      channels: this.#channels,
    });
    this.close(1000, '');
  }

  #results(flags: JsonObject): JsonObject {
    const durationMs = Math.max(0, this.#ear.heardMs - this.#fromMs);
    const said = this.#line === null ? [] : wordsWithin(this.#line, durationMs);
    const step = durationMs / Math.max(1, said.length);
    const words = said.map((word, index) => ({
      word: word.toLowerCase().replace(/[^a-z']/g, ''),
      start: rounded(this.#fromMs + index * step),
      end: rounded(this.#fromMs + (index + 1) * step),
      confidence: 0.98,
      punctuated_word: word,
    }));
    return {
      type: 'Results',
      channel_index: [0, this.#channels],
      duration: rounded(durationMs),
      start: rounded(this.#fromMs),
      from_finalize: false,
      ...flags,
      channel: {
        alternatives: [{ transcript: said.join(' '), confidence: said.length === 0 ? 0 : 0.98, words }],
      },
      metadata: {
        request_id: this.#requestId,
        model_info: { name: this.#query.get('model') ?? 'general', version: '2026-01-01.0', arch: 'nova-3' },
        model_uuid: '00000000-0000-4000-8000-000000000001',
      },
    };
  }
}

/** Seconds, to the hundredth of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100_000;
}
