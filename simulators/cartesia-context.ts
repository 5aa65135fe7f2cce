/** One context of Cartesia's text to speech: text is buffered, spoken piece by piece, and ended once. */
import type { JsonObject } from '../protocol/json.ts';
import type { Task } from './agenda.ts';
import { PCM_RATE } from './audio-format.ts';
import { encodeBase64 } from './base64.ts';
import { encodeSpeech } from './cartesia-audio.ts';
import type { SpeechRequest } from './cartesia-request.ts';
import { type Dials, drawLatencyMs } from './faults.ts';
import { charactersOf } from './ledger.ts';
import { wordSounds } from './letter-to-sound.ts';
import type { Seeded } from './seeded.ts';
import type { Workplace } from './service-session.ts';
import { speak, type SpokenWord, voiceNamed } from './speech.ts';

/** Text to be spoken without a break, and what is said after it. */
interface Piece {
  readonly text: string;
  readonly after: 'flushed' | 'done' | 'more';
}

interface Timed {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface ContextSetup {
  readonly workplace: Workplace;
  readonly dials: Dials;
  readonly random: Seeded;
  /** A chunk of this session was about to be sent: faults that happen to the first. */
  readonly firstChunk: () => {
    readonly malformed: boolean;
    readonly stallMs: number;
    readonly close: boolean;
  };
  readonly ended: (at: number) => void;
}

export class SpeechContext {
  readonly envelope: string;
  readonly #setup: ContextSetup;
  readonly #about: SpeechRequest;
  #buffer = '';
  #delay: Task | null = null;
  #pieces: Piece[] = [];
  #current: { readonly piece: Piece; readonly words: Generator<SpokenWord>; readonly said: Timed[] } | null =
    null;
  #seconds = 0;
  #flushes = 0;
  #chunks = 0;
  #cancelled = false;
  /** Characters taken of which no audio has come; a context that fails before its first is free. */
  #unpaid = 0;
  /** No more text is taken. */
  inputOver = false;
  over = false;

  constructor(first: SpeechRequest, setup: ContextSetup) {
    this.envelope = first.envelope;
    this.#about = first;
    this.#setup = setup;
  }

  add(request: SpeechRequest, now: number): void {
    this.#buffer += request.transcript;
    this.#unpaid += charactersOf(request.transcript);
    if (this.#chunks > 0) this.#pay();
    if (request.isLast) {
      this.inputOver = true;
      this.#release('done', now);
    } else if (request.flush) this.#release('flushed', now);
    else if (this.#buffer !== '' && this.#delay === null) {
      const due = now + request.maxDelayMs;
      this.#delay = this.#setup.workplace.agenda.add(due, (at) => this.#release('more', at));
    }
  }

  /** What has not begun is dropped; the word being spoken is the last. That `done` follows is an assumption. */
  cancel(now: number): void {
    this.inputOver = true;
    this.#cancelled = true;
    this.#pay();
    this.#setup.workplace.agenda.remove(this.#delay);
    this.#pieces = [];
    if (this.#current === null) this.#done(now);
  }

  /** Charges what was taken. */
  #pay(): void {
    this.#setup.workplace.ledger.charge({ characters: this.#unpaid });
    this.#unpaid = 0;
  }

  /** Nothing more is said, as after an error. */
  stop(): void {
    this.over = true;
    this.inputOver = true;
    this.#setup.workplace.agenda.remove(this.#delay);
  }

  #release(after: Piece['after'], now: number): void {
    this.#setup.workplace.agenda.remove(this.#delay);
    this.#delay = null;
    this.#pieces.push({ text: this.#buffer, after });
    this.#buffer = '';
    if (this.#current !== null) return;
    // Only the first audio of a context has to be waited for.
    const latencyMs = this.#chunks === 0 ? drawLatencyMs(this.#setup.dials, this.#setup.random) : 0;
    this.#begin(now + latencyMs);
  }

  #begin(at: number): void {
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      this.#current = null;
      return;
    }
    const { voice, pace } = this.#about;
    this.#current = { piece, words: speak(piece.text, voiceNamed(voice, pace)), said: [] };
    this.#setup.workplace.agenda.add(at, (now) => this.#word(now));
  }

  #word(now: number): void {
    const current = this.#current;
    if (this.over || current === null) return;
    const next = this.#cancelled ? null : current.words.next();
    if (next === null || next.done === true) {
      this.#endPiece(now);
      return;
    }
    const { samples, text } = next.value;
    const start = this.#seconds;
    this.#seconds += samples.length / PCM_RATE;
    current.said.push({ text: text.trim(), start, end: this.#seconds });
    const pauseMs = this.#chunk(samples, current.piece);
    const spokenMs = (samples.length / PCM_RATE) * 1000;
    this.#setup.workplace.agenda.add(now + spokenMs / this.#setup.dials.speed + pauseMs, (at) =>
      this.#word(at),
    );
  }

  /** Returns the pause after it. */
  #chunk(samples: Int16Array, piece: Piece): number {
    const { out } = this.#setup.workplace;
    const { malformed, stallMs, close } = this.#setup.firstChunk();
    const frame = JSON.stringify({
      type: 'chunk',
      context_id: this.#about.contextId,
      status_code: 206,
      done: false,
      step_time: 10 + this.#setup.random.below(40),
      ...(piece.after === 'flushed' ? { flush_id: this.#flushes + 1 } : {}),
      data: encodeBase64(encodeSpeech(samples, this.#about.format)),
    });
    if (malformed) out.text(frame.slice(0, frame.length >> 1));
    out.text(frame);
    if (this.#chunks === 0 && this.#setup.dials.faults.duplicate_event) out.text(frame);
    this.#chunks += 1;
    this.#pay();
    if (close) out.close(1011, 'internal error');
    return stallMs;
  }

  #endPiece(now: number): void {
    const { piece, said } = this.#current ?? { piece: null, said: [] };
    if (said.length > 0) this.#timestamps(said);
    if (this.#cancelled || piece?.after === 'done') {
      this.#done(now);
      return;
    }
    if (piece?.after === 'flushed') {
      this.#flushes += 1;
      this.#say('flush_done', { done: false, flush_done: true, flush_id: this.#flushes, status_code: 206 });
    }
    this.#begin(now);
  }

  #timestamps(said: readonly Timed[]): void {
    const times = { start: said.map(({ start }) => start), end: said.map(({ end }) => end) };
    const about = { done: false, status_code: 206 };
    if (this.#about.wordTimestamps) {
      this.#say('timestamps', {
        ...about,
        word_timestamps: { words: said.map(({ text }) => text), ...times },
      });
    }
    if (this.#about.phonemeTimestamps) {
      this.#say('phoneme_timestamps', { ...about, phoneme_timestamps: phonemesOf(said) });
    }
  }

  #done(now: number): void {
    this.over = true;
    this.#pay();
    this.#say('done', { done: true, status_code: 206 });
    this.#setup.ended(now);
  }

  #say(type: string, members: JsonObject): void {
    this.#setup.workplace.out.json({ type, context_id: this.#about.contextId, ...members });
  }
}

/** The sounds of each word share its time evenly. */
function phonemesOf(said: readonly Timed[]): JsonObject {
  const sounds = said.flatMap(({ text, start, end }) => {
    const names = wordSounds(text);
    const each = (end - start) / Math.max(1, names.length);
    return names.map((name, index) => ({
      name,
      start: start + index * each,
      end: start + (index + 1) * each,
    }));
  });
  return {
    phonemes: sounds.map(({ name }) => name),
    start: sounds.map(({ start }) => start),
    end: sounds.map(({ end }) => end),
  };
}
