/** What scripted clients say, as text and as raw sound. */
import { encodeBase64 } from '../../../simulators/base64.ts';
import { encodeRaw, type RawFormat } from '../../../simulators/raw-audio.ts';
import { silent, tone } from '../../support/drive-simulator.ts';

const PIECE_MS = 200;
/** Longer than any detector of turns waits. */
const PAUSE_PIECES = 8;

const TEXTS = [
  'Hello there, how are you?',
  'What is the weather in Oslo today?',
  'Naïve café 😀 👩‍👩‍👧 — ein Gruß.',
  'One.',
  'Tell me the order status of 4417, and then something about the sea, at some length, if you would be so kind.',
];

export function text(n: number): string {
  return TEXTS[n % TEXTS.length] ?? '';
}

const MADE = new Map<string, { readonly loud: Uint8Array; readonly quiet: Uint8Array }>();

/** Made once: thousands of scripts need the same. */
function made(format: RawFormat): { readonly loud: Uint8Array; readonly quiet: Uint8Array } {
  const key = JSON.stringify(format);
  const sounds = MADE.get(key) ?? {
    loud: encodeRaw(tone(PIECE_MS), format),
    quiet: encodeRaw(silent(PIECE_MS), format),
  };
  MADE.set(key, sounds);
  return sounds;
}

/** Pieces of 200 ms: some of a tone, and for every second `n` the silence after which a turn is over. */
function pieces(n: number, format: RawFormat): readonly Uint8Array[] {
  const { loud, quiet } = made(format);
  const count = 1 + (n % 4);
  return [
    ...Array.from({ length: count }, () => loud),
    ...Array.from({ length: n % 2 === 0 ? PAUSE_PIECES : 0 }, () => quiet),
  ];
}

export const pcm = (rate: number): RawFormat => ({ encoding: 'linear16', rate, channels: 1 });

export const base64Pieces = (n: number, format: RawFormat): readonly string[] =>
  pieces(n, format).map((bytes) => encodeBase64(bytes));

export const binaryPieces = (n: number, format: RawFormat): readonly ArrayBuffer[] =>
  // A copy, so that the ArrayBuffer holds these bytes and no others.
  pieces(n, format).map((bytes) => new Uint8Array(bytes).buffer);

/** Frames that no service knows what to do with. */
export const nonsense = (n: number): readonly (string | ArrayBuffer)[] =>
  [['{"type":"unheard.of"}'], ['{"type":'], [new Uint8Array([1, 2]).buffer], ['[]']][n % 4] ?? [];
