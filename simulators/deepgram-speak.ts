/** Simulated Deepgram v1/speak: text is collected until a Flush, audio comes in binary frames, then `Flushed`. */
import { asText, type JsonObject } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import { type Dials, drawLatencyMs } from './faults.ts';
import { charactersOf } from './ledger.ts';
import type { RawFormat } from './raw-audio.ts';
import { SpokenQueue } from './spoken-queue.ts';
import { voiceNamed } from './speech.ts';

const SESSION_MS = 60 * 60_000;
const MOST_FLUSHES = 20;
const FLUSH_WINDOW_MS = 60_000;
const LONGEST_TEXT = 2_000;

export interface SpeakSetup {
  readonly seed: string;
  readonly dials: Dials;
  readonly model: string;
  readonly format: RawFormat;
  readonly requestId: string;
}

export class SpeakSession extends AgendaSession {
  readonly #setup: SpeakSetup;
  readonly #queue: SpokenQueue;
  #text = '';
  #sequence = 0;
  #flushes: number[] = [];
  #closing = false;
  /** Flushed and not yet spoken. */
  #waiting = 0;

  constructor(setup: SpeakSetup) {
    super(setup.seed, setup.dials);
    this.#setup = setup;
    this.#queue = new SpokenQueue(this.agenda, setup.dials.speed, setup.format, voiceNamed(setup.model, 1));
  }

  protected opened(): void {
    this.send({
      type: 'Metadata',
      request_id: this.#setup.requestId,
      model_name: this.#setup.model,
      model_version: '2026-01-01.0',
      model_uuid: '00000000-0000-4000-8000-000000000002',
    });
    this.agenda.add(this.now + SESSION_MS, () => this.expired());
  }

  protected heardAudio(): void {
    this.close(1003, 'MESSAGE-0000: Binary messages are not supported.');
  }

  protected heardMessage(message: JsonObject | null): void {
    switch (message?.['type']) {
      case 'Speak':
        this.#speak(asText(message['text']));
        return;
      case 'Flush':
        this.#flush();
        return;
      case 'Clear':
        this.#queue.stop();
        this.#waiting = 0;
        this.#text = '';
        this.send({ type: 'Cleared', sequence_id: this.#sequence++ });
        return;
      case 'Close':
        this.#closing = true;
        if (this.#text !== '') this.#flush();
        this.#closeWhenDone();
        return;
      default:
        this.close(1003, 'MESSAGE-0000: The message could not be parsed.');
    }
  }

  protected expired(): void {
    this.close(1011, 'NET-0003: The connection was open for too long.');
  }

  protected override failed(): void {
    this.close(1011, 'NET-0000: Internal server error.');
  }

  #speak(text: string | undefined): void {
    if (text === undefined) {
      this.close(1008, 'DATA-0000: Speak needs a text.');
      return;
    }
    if (text.length > LONGEST_TEXT) {
      this.close(1009, `BIG-0000: A message holds at most ${LONGEST_TEXT} characters.`);
      return;
    }
    this.#text += text;
    this.ledger.charge({ characters: charactersOf(text) });
  }

  #flush(): void {
    this.#flushes = [...this.#flushes.filter((at) => at > this.now - FLUSH_WINDOW_MS), this.now];
    if (this.#flushes.length > MOST_FLUSHES) {
      const description = `More than ${MOST_FLUSHES} Flush messages within 60 seconds.`;
      this.send({ type: 'Warning', description, code: 'EXCESSIVE_FLUSH' });
      return;
    }
    const text = this.#text;
    this.#text = '';
    this.#waiting += 1;
    this.#queue.say(
      {
        text,
        latencyMs: drawLatencyMs(this.dials, this.random),
        audio: (bytes) => this.sendOutput(bytes),
        done: () => {
          this.#waiting -= 1;
          this.send({ type: 'Flushed', sequence_id: this.#sequence++ });
          this.#closeWhenDone();
        },
      },
      this.now,
    );
  }

  #closeWhenDone(): void {
    if (this.#closing && this.#waiting === 0) this.close(1000, '');
  }
}
