/** A text as ElevenLabs sends it: pieces of audio with the characters that are in them. */
import { PCM_RATE } from './audio-format.ts';
import { encodeBase64 } from './base64.ts';
import { encode, type Format } from './elevenlabs-audio.ts';
import { speak, voiceNamed } from './speech.ts';

export interface Piece {
  readonly audio: string;
  readonly ms: number;
  /** The pieces' texts joined are the text. */
  readonly text: string;
  readonly alignment: Alignment;
}

export type Alignment = {
  readonly chars: readonly string[];
  /** Relative to the piece. */
  readonly charStartTimesMs: readonly number[];
  readonly charDurationsMs: readonly number[];
};

/** A piece is at least as long. */
const PIECE_MS = 250;

/** Nothing is computed before it is asked for. */
export function* pieces(text: string, voiceId: string, pace: number, format: Format): Generator<Piece> {
  const written = text.match(/^\s*\S+\s*|\S+\s*/g) ?? [];
  let words: { readonly text: string; readonly samples: Int16Array }[] = [];
  let at = 0;
  for (const { samples } of speak(text, voiceNamed(voiceId, pace))) {
    words.push({ text: written[at] ?? '', samples });
    at += 1;
    if (msOf(words) < PIECE_MS) continue;
    yield pieceOf(words, format);
    words = [];
  }
  if (words.length > 0) yield pieceOf(words, format);
}

function msOf(words: readonly { readonly samples: Int16Array }[]): number {
  return (words.reduce((sum, { samples }) => sum + samples.length, 0) * 1000) / PCM_RATE;
}

function pieceOf(
  words: readonly { readonly text: string; readonly samples: Int16Array }[],
  format: Format,
): Piece {
  const samples = new Int16Array(words.reduce((sum, word) => sum + word.samples.length, 0));
  const chars: string[] = [];
  const charStartTimesMs: number[] = [];
  const charDurationsMs: number[] = [];
  let at = 0;
  for (const word of words) {
    samples.set(word.samples, at);
    const letters = [...word.text];
    const each = msOf([word]) / letters.length;
    const start = (at * 1000) / PCM_RATE;
    letters.forEach((letter, index) => {
      chars.push(letter);
      charStartTimesMs.push(Math.round(start + index * each));
      charDurationsMs.push(Math.round(each));
    });
    at += word.samples.length;
  }
  return {
    audio: encodeBase64(encode(samples, format)),
    ms: (samples.length * 1000) / PCM_RATE,
    text: words.map((word) => word.text).join(''),
    alignment: { chars, charStartTimesMs, charDurationsMs },
  };
}
