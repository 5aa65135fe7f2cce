/** The input audio buffer of a session: what was appended and not yet committed, and whose turn it is. */
import { bytesPerMs, concatBytes, type Encoding } from './audio-format.ts';
import type { Sound } from './openai-items.ts';
import { VoiceActivity, type VoiceActivitySettings, type VoiceTurn } from './voice-activity.ts';

/** A longer turn loses its beginning. */
const LONGEST_MS = 10 * 60_000;
/** With a detector, silence older than the padding is of no use; this is beyond the padding. */
const SPARE_MS = 200;

export class InputAudio {
  #encoding: Encoding = 'audio/pcm';
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** ms of audio written in this session, up to the end of the buffer. */
  #endMs = 0;
  #voice = new VoiceActivity('audio/pcm', 0);
  /** Audio has passed that the detector did not hear, so its clock is behind. */
  #missed = false;

  get endMs(): number {
    return Math.round(this.#endMs);
  }

  get bufferedMs(): number {
    return this.#bytes / bytesPerMs(this.#encoding);
  }

  msOf(bytes: Uint8Array): number {
    return bytes.length / bytesPerMs(this.#encoding);
  }

  get speaking(): boolean {
    return this.#voice.speaking;
  }

  /** What is buffered in another encoding is dropped: it could not be told apart. */
  setEncoding(encoding: Encoding): void {
    if (encoding === this.#encoding) return;
    this.#encoding = encoding;
    this.clear();
    this.#voice = new VoiceActivity(encoding, this.#endMs);
  }

  /** Without `settings` nobody listens for turns. */
  append(bytes: Uint8Array, settings: VoiceActivitySettings | null, turn: (turn: VoiceTurn) => void): void {
    if (settings !== null && this.#missed) this.#voice = new VoiceActivity(this.#encoding, this.#endMs);
    this.#missed = settings === null;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#endMs += bytes.length / bytesPerMs(this.#encoding);
    if (settings !== null) this.#voice.hear(bytes, settings, turn);
    const keepMs = settings !== null && !this.speaking ? settings.prefixPaddingMs + SPARE_MS : LONGEST_MS;
    this.#trim(keepMs);
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#voice.reset(this.#endMs);
  }

  /** Takes the audio between two points of the session's audio, and drops all that lies before. */
  take(fromMs: number, toMs: number): Sound {
    const whole = concatBytes(this.#chunks);
    const perMs = bytesPerMs(this.#encoding);
    const startMs = this.#endMs - whole.length / perMs;
    const at = (ms: number): number => Math.min(whole.length, Math.max(0, Math.round(ms - startMs) * perMs));
    const to = at(toMs);
    this.#chunks = [whole.slice(to)];
    this.#bytes = whole.length - to;
    return { bytes: whole.slice(at(fromMs), to), encoding: this.#encoding };
  }

  /** Takes all of it, as a commit by the client does. */
  takeAll(): Sound {
    const bytes = concatBytes(this.#chunks);
    this.clear();
    return { bytes, encoding: this.#encoding };
  }

  #trim(keepMs: number): void {
    const most = keepMs * bytesPerMs(this.#encoding);
    for (;;) {
      const first = this.#chunks[0];
      if (first === undefined || this.#bytes - first.length < most) return;
      this.#chunks.shift();
      this.#bytes -= first.length;
    }
  }
}
