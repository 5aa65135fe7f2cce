/**
 * Voice activity by energy. It hears 20 ms frames, follows the noise floor of the line, and reports where speech began
 * and ended, in ms of audio heard since it was made.
 */
import { bytesPerMs, decodeSamples, type Encoding } from './audio-format.ts';

export interface VoiceActivitySettings {
  /** 0 to 1, as `turn_detection.threshold`. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceMs: number;
}

export type VoiceTurn =
  /** The prefix padding is included, so it may lie before the frame in which speech was noticed. */
  | { readonly kind: 'started'; readonly atMs: number }
  /** The closing silence is included. */
  | { readonly kind: 'stopped'; readonly atMs: number };

const FRAME_MS = 20;
/** A click is shorter than this. */
const ONSET_MS = 60;
/** RMS of full scale at threshold 1. At the default 0.5 it is -40 dBFS: above a quiet room, below any voice. */
const FULL_THRESHOLD_RMS = 0.02;
/** A voice must stand out of the noise by this factor. */
const ABOVE_NOISE = 3;
/** However loud the line, a voice at -20 dBFS is heard. */
const LOUDEST_GATE = 0.1;
const RELEASE = 0.6;

export class VoiceActivity {
  speaking = false;
  #encoding: Encoding;
  #heardMs: number;
  #remainder: Uint8Array = new Uint8Array(0);
  #noise = 0;
  #loudMs = 0;
  #quietMs = 0;
  /** Speech may not be said to have begun before this point: what lies before it was already committed. */
  #earliestMs: number;

  constructor(encoding: Encoding, heardMs: number) {
    this.#encoding = encoding;
    this.#heardMs = heardMs;
    this.#earliestMs = heardMs;
  }

  /** Forgets speech in progress, as after a commit or a clear by the client. */
  reset(atMs: number): void {
    this.speaking = false;
    this.#loudMs = 0;
    this.#quietMs = 0;
    this.#earliestMs = atMs;
  }

  /** Calls `turn` at each boundary, in order. */
  hear(bytes: Uint8Array, settings: VoiceActivitySettings, turn: (turn: VoiceTurn) => void): void {
    const frameBytes = FRAME_MS * bytesPerMs(this.#encoding);
    let rest = bytes;
    if (this.#remainder.length > 0) {
      rest = new Uint8Array(this.#remainder.length + bytes.length);
      rest.set(this.#remainder);
      rest.set(bytes, this.#remainder.length);
    }
    let at = 0;
    for (; at + frameBytes <= rest.length; at += frameBytes) {
      const level = rms(decodeSamples(rest.subarray(at, at + frameBytes), this.#encoding));
      this.#heardMs += FRAME_MS;
      this.#frame(level, settings, turn);
    }
    this.#remainder = rest.slice(at);
  }

  #frame(level: number, settings: VoiceActivitySettings, turn: (turn: VoiceTurn) => void): void {
    const gate = Math.min(
      LOUDEST_GATE,
      Math.max(FULL_THRESHOLD_RMS * settings.threshold, this.#noise * ABOVE_NOISE),
    );
    if (!this.speaking) {
      const loud = level > gate;
      if (!loud) this.#noise += (level - this.#noise) * 0.05;
      this.#loudMs = loud ? this.#loudMs + FRAME_MS : 0;
      if (this.#loudMs < ONSET_MS) return;
      this.speaking = true;
      this.#quietMs = 0;
      const began = this.#heardMs - this.#loudMs - settings.prefixPaddingMs;
      turn({ kind: 'started', atMs: Math.max(this.#earliestMs, began) });
      return;
    }
    this.#quietMs = level > gate * RELEASE ? 0 : this.#quietMs + FRAME_MS;
    if (this.#quietMs < settings.silenceMs) return;
    this.reset(this.#heardMs);
    turn({ kind: 'stopped', atMs: this.#heardMs });
  }
}

/** Of full scale, without the constant part: a microphone's DC offset is not a voice. */
function rms(samples: Int16Array): number {
  let sum = 0;
  let squares = 0;
  for (const sample of samples) {
    sum += sample;
    squares += sample * sample;
  }
  const mean = sum / samples.length;
  return Math.sqrt(Math.max(0, squares / samples.length - mean * mean)) / 32768;
}
