/** Cartesia's two kinds of speech to text on one socket. What a caller "says" is a script: nothing here knows words. */
import { asObject, asText, parseJson, type JsonObject } from '../protocol/json.ts';
import { heardWords, wordDeltas } from './answers.ts';
import type { RawFormat } from './cartesia-audio.ts';
import { Ear } from './cartesia-ear.ts';
import { badRequest, type CartesiaError, errorMembers } from './cartesia-error.ts';
import type { Dials } from './faults.ts';
import type { Outbox } from './outbox.ts';
import { seeded } from './seeded.ts';
import type { Service, Workplace } from './service-session.ts';

export interface ListeningSetup {
  readonly workplace: Workplace;
  readonly dials: Dials;
  readonly seed: string;
  readonly version: string;
  readonly format: RawFormat;
}

const FIRST_AFTER_MS = 300;
const WORD_MS = 80;
const SILENCE_MS = 600;
/** Less speech than this holds no word. */
const WORD_SPOKEN_MS = 250;

function requestIdOf(seed: string): string {
  return seeded(seed, 'ids').letters(24);
}

/** By finalize: commands are bare words, and each transcript is a delta of its segment. */
export class FinalizeService implements Service {
  readonly #setup: ListeningSetup;
  readonly #requestId: string;
  readonly #ear: Ear;
  #segments = 0;
  /** When what was asked for last will have been said. */
  #busyUntil = 0;

  constructor(setup: ListeningSetup) {
    this.#setup = setup;
    this.#requestId = requestIdOf(setup.seed);
    this.#ear = new Ear(setup.format);
  }

  text(text: string, now: number): void {
    switch (text) {
      case 'finalize':
        this.#finalize(now, () => this.#say('flush_done', {}));
        return;
      case 'close':
      case 'done':
        this.#finalize(now, () => {
          this.#say('done', {});
          this.#setup.workplace.out.close(1000, '');
        });
        return;
      default:
        this.#say(
          'error',
          errorMembers(badRequest(`unknown command: ${text.slice(0, 64)}`), this.#setup.version),
        );
    }
  }

  binary(bytes: Uint8Array): void {
    const heardMs = this.#ear.hear(bytes, SILENCE_MS, () => undefined);
    this.#setup.workplace.ledger.charge({ seconds: heardMs / 1000 });
  }

  idle(out: Outbox): void {
    out.close(1000, 'connection idle');
  }

  #finalize(now: number, then: () => void): void {
    const { heardMs, spokenMs } = this.#ear;
    this.#ear.forget();
    const { workplace, dials, seed } = this.#setup;
    const hasWords = spokenMs >= WORD_SPOKEN_MS;
    const deltas = hasWords ? wordDeltas(heardWords(seed, this.#segments++, spokenMs)) : [];
    const each = spokenMs / 1000 / Math.max(1, deltas.length);
    let when = Math.max(now, this.#busyUntil) + FIRST_AFTER_MS / dials.speed;
    deltas.forEach((text, index) => {
      const isFinal = index === deltas.length - 1;
      const words = [{ word: text.trim(), start: index * each, end: (index + 1) * each }];
      workplace.agenda.add(when, () => {
        this.#say('transcript', { text, is_final: isFinal, duration: heardMs / 1000, language: 'en', words });
      });
      when += WORD_MS / dials.speed;
    });
    workplace.agenda.add(when, then);
    this.#busyUntil = when;
  }

  #say(type: string, members: JsonObject): void {
    this.#setup.workplace.out.json({ type, request_id: this.#requestId, ...members });
  }
}

const TURN_OPTIONS = new Set(['start_threshold', 'end_threshold', 'eager_end_threshold', 'end_timeout_ms']);

/** By turns: each text is the whole turn so far. */
export class TurnsService implements Service {
  readonly #setup: ListeningSetup;
  readonly #requestId: string;
  readonly #ear: Ear;
  #silenceMs: number;
  #predictsEnds: boolean;
  #turns = 0;
  #words = 0;
  #open = false;

  constructor(setup: ListeningSetup, query: URLSearchParams) {
    this.#setup = setup;
    this.#requestId = requestIdOf(setup.seed);
    this.#ear = new Ear(setup.format);
    this.#silenceMs = Number(query.get('turn_end_timeout_ms') ?? SILENCE_MS);
    this.#predictsEnds = query.has('turn_eager_end_threshold');
  }

  greet(): void {
    this.#say('connected', {});
  }

  text(text: string): void {
    const event = asObject(parseJson(text));
    switch (asText(event?.['type'])) {
      case 'config': {
        const problem = this.#configure(asObject(event?.['turn']));
        if (problem !== null) this.#say('error', errorMembers(problem, this.#setup.version));
        return;
      }
      case 'close':
        if (this.#open) this.#end();
        this.#setup.workplace.out.close(1000, '');
        return;
      default:
        this.#say(
          'error',
          errorMembers(badRequest('expected a JSON message of type config or close'), this.#setup.version),
        );
    }
  }

  binary(bytes: Uint8Array): void {
    const heardMs = this.#ear.hear(bytes, this.#silenceMs, (kind) => {
      if (kind === 'started') this.#start();
      else this.#end();
    });
    this.#setup.workplace.ledger.charge({ seconds: heardMs / 1000 });
    if (!this.#open) return;
    const words = Math.floor(this.#ear.spokenMs / WORD_SPOKEN_MS);
    if (words <= this.#words) return;
    this.#words = words;
    this.#say('turn.update', { transcript: this.#transcript() });
  }

  idle(out: Outbox): void {
    out.close(1000, 'connection idle');
  }

  #configure(turn: JsonObject | undefined): CartesiaError | null {
    if (turn === undefined) return badRequest('config needs a turn');
    const wrong = Object.entries(turn).find(
      ([name, value]) => !TURN_OPTIONS.has(name) || typeof value !== 'number',
    );
    if (wrong !== undefined) return badRequest(`turn.${wrong[0].slice(0, 64)} is not known, or not a number`);
    const { end_timeout_ms: timeout } = turn;
    if (typeof timeout === 'number') this.#silenceMs = timeout;
    this.#predictsEnds ||= turn['eager_end_threshold'] !== undefined;
    return null;
  }

  #start(): void {
    this.#open = true;
    this.#words = 0;
    this.#say('turn.start', {});
  }

  #end(): void {
    const transcript = this.#transcript();
    if (this.#predictsEnds) this.#say('turn.eager_end', { transcript });
    this.#say('turn.end', { transcript });
    this.#open = false;
    this.#turns += 1;
    this.#ear.forget();
  }

  /** As many words of the caller's line as there was speech for; at least the first. */
  #transcript(): string {
    const line = wordDeltas(heardWords(this.#setup.seed, this.#turns, 60_000));
    return line.slice(0, Math.max(1, this.#words)).join('');
  }

  #say(type: string, members: JsonObject): void {
    this.#setup.workplace.out.json({ type, request_id: this.#requestId, ...members });
  }
}
