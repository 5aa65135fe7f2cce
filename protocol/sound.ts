/** Sound in a provider's frames: what it is made of, and what became of it. */

/** How raw samples are written; all little-endian. */
export type Coding = 's16le' | 's32le' | 'f16le' | 'f32le' | 'mulaw' | 'alaw';

export type RawSound = {
  readonly coding: Coding;
  /** Samples a second, of each channel. */
  readonly rate: number;
  /** Interleaved. */
  readonly channels: number;
  /** A piece may begin with the head of a WAV file, which is no sound. */
  readonly wavHeads?: true;
};

/** Null: a coding that is not decoded here, such as mp3 or opus, or one that nothing told. `name` is what it is called. */
export type SoundFormat = RawSound | { readonly coding: null; readonly name: string };

/**
 * What a frame does to what is heard. A `line` is what is played one after the other, such as a speech context; lines of
 * one side sound together. Without one it is the side's only line.
 */
export type SoundEvent =
  | {
      readonly kind: 'piece';
      readonly speaker: 'user' | 'model';
      readonly line?: string;
      /** What a cut ends: pieces of an utterance that was cut are not played, however late they come. */
      readonly utterance: string;
      readonly format: SoundFormat;
      /** Text is base64. */
      readonly data: string | Uint8Array;
    }
  /**
   * The model is not heard any further: from now, or from where the player says that it stopped, in ms of that utterance's
   * own sound. Without a line: on every line.
   */
  | {
      readonly kind: 'cut';
      readonly line?: string;
      readonly played?: { readonly utterance: string; readonly ms: number };
    }
  /** Nothing more comes on the model's line: a line that begins later is played after it, not over it. */
  | { readonly kind: 'end'; readonly line: string };

/** Formats told by an encoding's name and a rate, as queries and settings have them. */
export function rawSound(
  codings: Readonly<Record<string, Coding>>,
  encoding: string | undefined,
  rate: number | null,
  channels = 1,
): SoundFormat {
  const coding = encoding !== undefined && Object.hasOwn(codings, encoding) ? codings[encoding] : undefined;
  return coding === undefined || rate === null || !isRate(rate) || !isChannels(channels)
    ? { coding: null, name: encoding?.slice(0, NAME_CHARACTERS) ?? 'unknown' }
    : { coding, rate, channels };
}

const NAME_CHARACTERS = 64;
const LEAST_RATE = 1_000;
const MOST_RATE = 192_000;
const MOST_CHANNELS = 32;

/** A client writes it, and what is resampled from it must stay within bounds. */
function isRate(rate: number): boolean {
  return Number.isInteger(rate) && rate >= LEAST_RATE && rate <= MOST_RATE;
}

function isChannels(channels: number): boolean {
  return Number.isInteger(channels) && channels >= 1 && channels <= MOST_CHANNELS;
}
