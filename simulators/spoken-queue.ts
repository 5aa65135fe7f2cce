/** Speaks texts one after another, a word at a time, as fast as the dials say. */
import type { Agenda, Task } from './agenda.ts';
import { encodeRaw, type RawFormat, rawMs } from './raw-audio.ts';
import { speak, type Voice } from './speech.ts';

export interface Utterance {
  readonly text: string;
  /** Before its first audio. */
  readonly latencyMs: number;
  /** Comes once, just before its first audio, if there is any. */
  begin?(): void;
  audio(bytes: Uint8Array): void;
  /** @param audioMs how long all of it sounds */
  done(audioMs: number): void;
}

export class SpokenQueue {
  readonly #agenda: Agenda;
  readonly #speed: number;
  readonly #format: RawFormat;
  readonly #voice: Voice;
  #waiting: Utterance[] = [];
  #task: Task | null = null;
  #spoken: { readonly utterance: Utterance; audioMs: number } | null = null;

  constructor(agenda: Agenda, speed: number, format: RawFormat, voice: Voice) {
    this.#agenda = agenda;
    this.#speed = speed;
    this.#format = format;
    this.#voice = voice;
  }

  get busy(): boolean {
    return this.#spoken !== null;
  }

  say(utterance: Utterance, now: number): void {
    this.#waiting.push(utterance);
    if (!this.busy) this.#next(now);
  }

  /** Stops, and forgets what waits. Returns how much of the utterance in progress was spoken, or null when none was. */
  stop(): number | null {
    const spoken = this.#spoken?.audioMs ?? null;
    this.#agenda.remove(this.#task);
    this.#task = null;
    this.#spoken = null;
    this.#waiting = [];
    return spoken;
  }

  #next(now: number): void {
    const utterance = this.#waiting.shift();
    if (utterance === undefined) return;
    const words = speak(utterance.text, this.#voice);
    const spoken = { utterance, audioMs: 0 };
    this.#spoken = spoken;
    const word = (at: number): void => {
      const next = words.next();
      if (next.done === true) {
        this.#spoken = null;
        this.#task = null;
        utterance.done(spoken.audioMs);
        // Whoever is told may have spoken again, or stopped.
        if (!this.busy) this.#next(at);
        return;
      }
      if (spoken.audioMs === 0) utterance.begin?.();
      const bytes = encodeRaw(next.value.samples, this.#format);
      const ms = rawMs(bytes.length, this.#format);
      spoken.audioMs += ms;
      this.#task = this.#agenda.add(at + ms / this.#speed, word);
      utterance.audio(bytes);
    };
    this.#task = this.#agenda.add(now + utterance.latencyMs, word);
  }
}
