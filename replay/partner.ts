/** The side that is there in a lockstep replay: what it has sent, against what its recorded counterpart had. */
import { AUDIO } from './frame-name.ts';

export interface Meeting {
  readonly isMet: boolean;
  /** What came in its place, or before it, and was not told yet. */
  readonly unexpected: readonly string[];
}

export class Partner {
  readonly #most: number;
  #sent: { readonly name: string; told: boolean }[] = [];
  #inAudio = false;

  /** @param most names of frames that nobody awaited yet; the oldest go first */
  constructor(most: number) {
    this.#most = most;
  }

  /** It has sent a frame of this name. Audio in a row counts once. */
  sent(name: string): void {
    if (name === AUDIO && this.#sent.at(-1)?.name === AUDIO) return;
    this.#sent.push({ name, told: false });
    if (this.#sent.length > this.#most) this.#sent.shift();
  }

  /** Whether the recorded frame is one that is awaited: of a run of audio only the first is. Ask once for each, in order. */
  awaits(name: string): boolean {
    const goesOn = name === AUDIO && this.#inAudio;
    this.#inAudio = name === AUDIO;
    return !goesOn;
  }

  /**
   * Whether a frame of this name was sent. What was sent before it stays, and may be awaited later, but for audio, which
   * is unexpected nowhere: a microphone goes on and on.
   */
  meet(name: string): Meeting {
    const at = this.#sent.findIndex((sent) => sent.name === name);
    const before = at === -1 ? this.#sent : this.#sent.slice(0, at);
    const strangers = before.filter((sent) => sent.name !== AUDIO);
    const unexpected = strangers.filter((sent) => !sent.told).map((sent) => sent.name);
    for (const sent of strangers) sent.told = true;
    if (at !== -1) this.#sent = [...strangers, ...this.#sent.slice(at + 1)];
    return { isMet: at !== -1, unexpected };
  }
}
