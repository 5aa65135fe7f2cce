/** What a Gemini Live session hears: PCM of any rate, cut into turns by voice activity or by the client. */
import { decodeSamples, encodeSamples, PCM_RATE } from './audio-format.ts';
import { decodeBase64 } from './base64.ts';
import type { Setup } from './gemini-setup.ts';
import { VoiceActivity, type VoiceTurn } from './voice-activity.ts';

const DEFAULT_RATE = 16_000;
const THRESHOLD = 0.5;

export class SpeechInput {
  #heardMs = 0;
  #voice = new VoiceActivity('audio/pcm', 0);
  #startMs: number | null = null;

  /** Audio is arriving that belongs to a turn of the user. */
  get isActive(): boolean {
    return this.#startMs !== null;
  }

  /** Returns false when the blob is not audio that this service takes. */
  append(
    mimeType: string,
    base64: string,
    detection: Setup['detection'],
    turn: (turn: VoiceTurn) => void,
  ): boolean {
    const rate = /^audio\/pcm(?:;\s*rate=(\d{4,6}))?$/i.exec(mimeType);
    const bytes = decodeBase64(base64);
    if (rate === null || bytes === null) return false;
    const samples = resample(decodeSamples(bytes, 'audio/pcm'), Number(rate[1] ?? DEFAULT_RATE));
    this.#heardMs += (samples.length * 1000) / PCM_RATE;
    if (detection !== null) {
      this.#voice.hear(
        encodeSamples(samples, 'audio/pcm'),
        { threshold: THRESHOLD, ...detection },
        (each) => {
          if (each.kind === 'started') this.#startMs = each.atMs;
          turn(each);
        },
      );
    }
    return true;
  }

  /** The client says that its activity begins. */
  begin(): void {
    this.#startMs = this.#heardMs;
  }

  /** Ends the turn in progress, and returns how long it was. */
  end(): number {
    const ms = this.#startMs === null ? 0 : this.#heardMs - this.#startMs;
    this.#startMs = null;
    this.#voice.reset(this.#heardMs);
    return ms;
  }
}

/** To the rate at which voices are detected and made. */
function resample(samples: Int16Array, rate: number): Int16Array {
  if (rate === PCM_RATE) return samples;
  const step = rate / PCM_RATE;
  return Int16Array.from({ length: Math.floor(samples.length / step) }, (_, index) => {
    const at = Math.floor(index * step);
    const here = samples[at] ?? 0;
    return here + ((samples[at + 1] ?? here) - here) * (index * step - at);
  });
}
