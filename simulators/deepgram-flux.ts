/** Simulated Deepgram v2/listen (Flux): turns instead of results, and no KeepAlive. */
import { asObject, type JsonObject } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import type { Task } from './agenda.ts';
import { type ListenSetup, scriptedLine, wordsWithin } from './deepgram-listen.ts';
import { Ear } from './raw-audio.ts';
import type { VoiceTurn } from './voice-activity.ts';

const NO_AUDIO_MS = 10_000;
const UPDATE_EVERY_MS = 240;
const END_OF_TURN_MS = 500;

export class FluxSession extends AgendaSession {
  readonly #query: URLSearchParams;
  readonly #requestId: string;
  readonly #ear: Ear;
  #thresholds: JsonObject = { eot_threshold: 0.7, eot_timeout_ms: 5000 };
  #deadline: Task | null = null;
  #sequence = 0;
  #index = 0;
  #windowMs = 0;
  #line: string | null = null;
  #updateAtMs = UPDATE_EVERY_MS;

  constructor({ seed, dials, query, format, requestId }: ListenSetup) {
    super(seed, dials);
    this.#query = query;
    this.#requestId = requestId;
    this.#ear = new Ear(format, END_OF_TURN_MS);
  }

  protected opened(): void {
    this.#say({ type: 'Connected' });
    this.#awake();
  }

  protected heardAudio(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#awake();
    const before = this.#ear.heardMs;
    this.#ear.hear(bytes, (turn) => this.#turn(turn));
    this.ledger.charge({ seconds: (this.#ear.heardMs - before) / 1000 });
    if (this.#ear.heardMs < this.#updateAtMs) return;
    this.#updateAtMs = this.#ear.heardMs + UPDATE_EVERY_MS;
    this.#info('Update');
  }

  protected heardMessage(message: JsonObject | null): void {
    switch (message?.['type']) {
      case 'CloseStream':
        this.#endTurn('model');
        this.close(1000, '');
        return;
      case 'ForceEndTurn':
        this.#endTurn('manual');
        this.#ear.cut();
        return;
      case 'Configure':
        this.#thresholds = { ...this.#thresholds, ...asObject(message['thresholds']) };
        this.#say({
          type: 'ConfigureSuccess',
          thresholds: this.#thresholds,
          keyterms: message['keyterms'] ?? this.#query.getAll('keyterm'),
        });
        return;
      default:
        this.#fail('MESSAGE-0000', 'The message could not be parsed.', 1008);
    }
  }

  protected expired(): void {
    this.#fail('NET-0000', 'The session was ended by the server.', 1011);
  }

  protected override failed(): void {
    this.#fail('NET-0000', 'Internal server error.', 1011);
  }

  #awake(): void {
    this.agenda.remove(this.#deadline);
    this.#deadline = this.agenda.add(this.now + NO_AUDIO_MS, () =>
      this.#fail('NET-0001', 'No audio was received within the timeout.', 1011),
    );
  }

  #fail(code: string, description: string, closeCode: number): void {
    this.send({ type: 'Error', sequence_id: this.#sequence++, code, description });
    this.close(closeCode, code);
  }

  #turn(turn: VoiceTurn): void {
    if (turn.kind === 'stopped') {
      if (this.#query.has('eager_eot_threshold')) this.#info('EagerEndOfTurn');
      this.#endTurn('model');
      return;
    }
    this.#line = scriptedLine(this.seed, this.#index);
    this.#info('StartOfTurn');
  }

  #endTurn(trigger: string): void {
    if (this.#line === null) return;
    this.#info('EndOfTurn', { trigger });
    this.#line = null;
    this.#index += 1;
    this.#windowMs = this.#ear.heardMs;
  }

  #info(event: string, more: JsonObject = {}): void {
    const heardMs = this.#ear.heardMs;
    const words = this.#line === null ? [] : wordsWithin(this.#line, heardMs - this.#windowMs);
    this.sendOutput({
      type: 'TurnInfo',
      request_id: this.#requestId,
      sequence_id: this.#sequence++,
      event,
      turn_index: this.#index,
      audio_window_start: this.#windowMs / 1000,
      audio_window_end: heardMs / 1000,
      transcript: words.join(' '),
      words: words.map((word) => ({ word, confidence: 0.97 })),
      end_of_turn_confidence: event === 'EndOfTurn' ? 0.9 : 0.1,
      ...more,
    });
  }

  #say(message: JsonObject): void {
    this.send({ ...message, request_id: this.#requestId, sequence_id: this.#sequence++ });
  }
}
