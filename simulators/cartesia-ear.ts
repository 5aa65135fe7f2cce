/** Hears raw audio: where speech begins and ends, and how much of it there was. It cannot tell words. */
import { encodeSamples, PCM_RATE } from './audio-format.ts';
import { type RawFormat, SampleReader } from './cartesia-audio.ts';
import { VoiceActivity } from './voice-activity.ts';

const THRESHOLD = 0.5;

export class Ear {
  readonly #reader: SampleReader;
  readonly #voice = new VoiceActivity('audio/pcm', 0);
  heardMs = 0;
  /** Of the speech in progress, or since `forget`. */
  spokenMs = 0;

  constructor(format: RawFormat) {
    this.#reader = new SampleReader(format);
  }

  /** Returns how long it was, in ms. */
  hear(bytes: Uint8Array, silenceMs: number, turn: (kind: 'started' | 'stopped') => void): number {
    const samples = this.#reader.read(bytes);
    const ms = (samples.length / PCM_RATE) * 1000;
    this.heardMs += ms;
    const settings = { threshold: THRESHOLD, prefixPaddingMs: 0, silenceMs };
    if (this.#voice.speaking) this.spokenMs += ms;
    this.#voice.hear(encodeSamples(samples, 'audio/pcm'), settings, ({ kind }) => {
      if (kind === 'started') this.spokenMs += ms;
      turn(kind);
    });
    return ms;
  }

  /** A new count begins. */
  forget(): void {
    this.heardMs = 0;
    this.spokenMs = 0;
  }
}
