/** One context of text-to-speech: text is gathered until there is enough of it, then spoken, in order. */
import type { JsonObject } from '../protocol/json.ts';
import { charactersOf } from './ledger.ts';
import type { Line } from './elevenlabs-line.ts';
import { pieces, type Piece } from './elevenlabs-voice.ts';
import type { Format } from './elevenlabs-audio.ts';

export interface ContextSetup {
  readonly line: Line;
  readonly voiceId: string;
  readonly pace: number;
  readonly format: Format;
  /** Characters that are gathered before the first generation, the second, and so on; the last one stays. */
  readonly schedule: readonly number[];
  /** Each message is spoken as it comes. */
  readonly autoMode: boolean;
  readonly frame: (piece: Piece) => JsonObject;
  readonly finalFrame: JsonObject;
  /** The final message is out. */
  readonly finished: () => void;
}

/** `try_trigger_generation` has an effect from here on. */
const LEAST_TRIGGERED = 50;

export class SpeechContext {
  readonly #setup: ContextSetup;
  #gathered = '';
  #generations = 0;
  #waiting: Generator<Piece>[] = [];
  #isSpeaking = false;
  #hasSpoken = false;
  #isEnding = false;

  constructor(setup: ContextSetup) {
    this.#setup = setup;
  }

  add(text: string, trigger: boolean, flush: boolean): void {
    this.#gathered += text;
    this.#setup.line.ledger.charge({ characters: charactersOf(text) });
    const { schedule, autoMode } = this.#setup;
    const enough = schedule[Math.min(this.#generations, schedule.length - 1)] ?? 0;
    const { length } = this.#gathered;
    if (flush || autoMode || length >= enough || (trigger && length >= LEAST_TRIGGERED)) this.#generate();
  }

  /** No more text comes: the rest is spoken, then the final message ends the context. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#generate();
    if (!this.#isSpeaking) this.#setup.line.after(0, () => this.#finish());
  }

  #generate(): void {
    const text = this.#gathered;
    if (text.trim() === '') return;
    const { line, voiceId, pace, format } = this.#setup;
    this.#gathered = '';
    this.#generations += 1;
    this.#waiting.push(pieces(text, voiceId, pace, format));
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    line.after(line.latencyMs(), () => this.#speak());
  }

  #speak(): void {
    const { line, frame } = this.#setup;
    const next = this.#waiting[0]?.next();
    if (next === undefined) {
      this.#isSpeaking = false;
      if (this.#isEnding) this.#finish();
      return;
    }
    if (next.done === true) {
      this.#waiting.shift();
      this.#speak();
      return;
    }
    if (this.#hasSpoken) line.send(frame(next.value));
    else line.sendFirst(frame(next.value));
    const stallMs = this.#hasSpoken ? 0 : line.takeStallMs();
    this.#hasSpoken = true;
    line.after(next.value.ms / line.dials.speed + stallMs, () => this.#speak());
  }

  #finish(): void {
    this.#setup.line.send(this.#setup.finalFrame);
    this.#setup.finished();
  }
}
