/** One thing that a simulated agent says: its text at once, its audio faster than it plays, until it is interrupted. */
import type { Task } from './agenda.ts';
import { wordDeltas } from './answers.ts';
import type { Format } from './elevenlabs-audio.ts';
import type { Line } from './elevenlabs-line.ts';
import { type Piece, pieces } from './elevenlabs-voice.ts';

export interface AnswerSetup {
  readonly line: Line;
  readonly text: string;
  readonly voiceId: string;
  readonly format: Format;
  readonly isTextOnly: boolean;
  readonly nextEventId: () => number;
}

/** Between the words of a text answer. */
const WORD_MS = 20;

export class AgentAnswer {
  eventId = 0;
  readonly text: string;
  readonly #setup: AnswerSetup;
  readonly #line: Line;
  #next: Task | null;
  #startedAt: number | null = null;
  /** What has been sent, and how long it plays. */
  #sent: { readonly text: string; readonly untilMs: number }[] = [];

  constructor(setup: AnswerSetup) {
    this.#setup = setup;
    this.#line = setup.line;
    this.text = setup.text;
    this.#next = setup.line.after(setup.line.latencyMs(), () => this.#begin());
  }

  /**
   * Stops it. Returns what a listener has heard of it by now: audio comes faster than it plays. Null when it had not begun,
   * or was heard to its end.
   */
  cut(): string | null {
    const isUnfinished = this.#next !== null;
    this.#line.agenda.remove(this.#next);
    this.#next = null;
    if (this.#startedAt === null || this.#setup.isTextOnly) return null;
    const playedMs = this.#line.now - this.#startedAt;
    const wholeMs = this.#sent.at(-1)?.untilMs ?? 0;
    if (!isUnfinished && playedMs >= wholeMs) return null;
    const heard = this.#sent.filter(({ untilMs }) => untilMs <= playedMs).map(({ text }) => text);
    return heard.join('').trim();
  }

  #begin(): void {
    const { nextEventId, isTextOnly, voiceId, format } = this.#setup;
    this.#startedAt = this.#line.now;
    this.eventId = nextEventId();
    if (isTextOnly) {
      this.#part('start', '');
      this.#writeNext(wordDeltas(this.text), 0);
      return;
    }
    this.#tellText();
    this.#playNext(pieces(this.text, voiceId, 1, format), true);
  }

  #tellText(): void {
    this.#line.send({
      type: 'agent_response',
      agent_response_event: { agent_response: this.text, event_id: this.eventId },
    });
  }

  #writeNext(words: readonly string[], at: number): void {
    const word = words[at];
    if (word === undefined) {
      this.#next = null;
      this.#part('stop', '');
      this.#tellText();
      return;
    }
    this.#part('delta', word, at === 0);
    const stallMs = at === 0 ? this.#line.takeStallMs() : 0;
    this.#next = this.#line.after(WORD_MS + stallMs, () => this.#writeNext(words, at + 1));
  }

  #part(type: string, text: string, isFirst = false): void {
    const event = {
      type: 'agent_chat_response_part',
      text_response_part: { type, text, event_id: this.eventId },
    };
    if (isFirst) this.#line.sendFirst(event);
    else this.#line.send(event);
  }

  #playNext(rest: Generator<Piece>, isFirst: boolean): void {
    const next = rest.next();
    if (next.done === true) {
      this.#next = null;
      return;
    }
    const { audio, ms, text, alignment } = next.value;
    const event = {
      type: 'audio',
      audio_event: {
        audio_base_64: audio,
        event_id: this.#setup.nextEventId(),
        alignment: {
          chars: alignment.chars,
          char_start_times_ms: alignment.charStartTimesMs,
          char_durations_ms: alignment.charDurationsMs,
        },
      },
    };
    if (isFirst) this.#line.sendFirst(event);
    else this.#line.send(event);
    this.#sent.push({ text, untilMs: (this.#sent.at(-1)?.untilMs ?? 0) + ms });
    const stallMs = isFirst ? this.#line.takeStallMs() : 0;
    this.#next = this.#line.after(ms / this.#line.dials.speed + stallMs, () => this.#playNext(rest, false));
  }
}
