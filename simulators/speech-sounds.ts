/**
 * The sounds of English as targets for a formant synthesiser. Vowel formants are near the averages that textbooks of
 * phonetics give for a man's voice; consonants were tuned by looking at spectra of what came out.
 */

export type Formants = readonly [number, number, number];

/** A stretch of sound with one target. Amplitudes are 0 to 1. */
export interface Segment {
  readonly ms: number;
  /** The larynx. */
  readonly voice: number;
  /** Breath noise through the vocal tract, as in h and after p, t, k. */
  readonly breath: number;
  /** Noise made at the teeth or lips, with its own resonance, past the tract. */
  readonly hiss: number;
  readonly hissHz: number;
  readonly hissWidth: number;
  /** Null: those of the sound that follows. */
  readonly formants: Formants | null;
  /** A vowel may carry stress and be lengthened. */
  readonly vowel: boolean;
}

const QUIET = {
  voice: 0,
  breath: 0,
  hiss: 0,
  hissHz: 3000,
  hissWidth: 1500,
  formants: null,
  vowel: false,
} as const;

const vowel = (ms: number, ...formants: [number, number, number]): readonly Segment[] => [
  { ...QUIET, ms, voice: 1, formants, vowel: true },
];

const glide = (ms: number, from: Formants, to: Formants): readonly Segment[] => [
  { ...QUIET, ms: ms * 0.55, voice: 1, formants: from, vowel: true },
  { ...QUIET, ms: ms * 0.45, voice: 0.9, formants: to, vowel: true },
];

const sonorant = (ms: number, voice: number, ...formants: [number, number, number]): readonly Segment[] => [
  { ...QUIET, ms, voice, formants },
];

const fricative = (
  ms: number,
  voice: number,
  hiss: number,
  hissHz: number,
  hissWidth: number,
  formants: Formants,
): readonly Segment[] => [{ ...QUIET, ms, voice, hiss, hissHz, hissWidth, formants }];

/** Closure, burst, and for the voiceless ones a puff of breath before the vowel. */
const stop = (voiced: boolean, hissHz: number, hissWidth: number, formants: Formants): readonly Segment[] => [
  { ...QUIET, ms: voiced ? 45 : 55, voice: voiced ? 0.12 : 0, formants },
  { ...QUIET, ms: 10, voice: voiced ? 0.3 : 0, hiss: voiced ? 0.25 : 0.45, hissHz, hissWidth, formants },
  ...(voiced ? [] : [{ ...QUIET, ms: 28, breath: 0.35 }]),
];

const IY: Formants = [280, 2250, 2950];
const IH: Formants = [400, 1950, 2550];
const UH: Formants = [440, 1050, 2250];
const LIPS: Formants = [280, 850, 2250];
const TEETH: Formants = [300, 1700, 2650];
const PALATE: Formants = [290, 2000, 2400];

export const SOUNDS = {
  iy: vowel(105, ...IY),
  ih: vowel(80, ...IH),
  eh: vowel(90, 540, 1830, 2480),
  ae: vowel(120, 670, 1720, 2420),
  aa: vowel(120, 730, 1110, 2450),
  ao: vowel(120, 580, 860, 2420),
  uh: vowel(80, ...UH),
  uw: vowel(105, 310, 900, 2240),
  ah: vowel(85, 640, 1200, 2400),
  ax: vowel(55, 500, 1400, 2450),
  er: vowel(110, 480, 1350, 1700),
  ey: glide(135, [480, 2000, 2600], IY),
  ay: glide(150, [720, 1200, 2500], IH),
  oy: glide(160, [560, 880, 2420], IH),
  aw: glide(155, [720, 1250, 2500], UH),
  ow: glide(140, [530, 950, 2400], [360, 850, 2300]),
  m: sonorant(70, 0.45, 270, 1100, 2200),
  n: sonorant(65, 0.45, 270, 1650, 2500),
  ng: sonorant(75, 0.45, 270, 2050, 2700),
  l: sonorant(60, 0.7, 350, 1050, 2700),
  r: sonorant(65, 0.75, 340, 1150, 1550),
  w: sonorant(60, 0.65, 300, 650, 2250),
  y: sonorant(50, 0.65, 270, 2200, 2950),
  f: fricative(95, 0, 0.1, 6500, 5000, LIPS),
  th: fricative(90, 0, 0.09, 7000, 4000, TEETH),
  s: fricative(105, 0, 0.32, 6300, 1600, TEETH),
  sh: fricative(110, 0, 0.38, 2900, 1100, PALATE),
  v: fricative(60, 0.5, 0.05, 6500, 5000, LIPS),
  dh: fricative(45, 0.55, 0.04, 7000, 4000, TEETH),
  z: fricative(80, 0.4, 0.18, 6300, 1600, TEETH),
  zh: fricative(80, 0.4, 0.2, 2900, 1100, PALATE),
  h: [{ ...QUIET, ms: 60, breath: 0.3 }],
  p: stop(false, 900, 900, LIPS),
  t: stop(false, 4200, 2000, TEETH),
  k: stop(false, 1900, 700, PALATE),
  b: stop(true, 700, 700, LIPS),
  d: stop(true, 3600, 1800, TEETH),
  g: stop(true, 1700, 700, PALATE),
} as const satisfies Readonly<Record<string, readonly Segment[]>>;

export type Sound = keyof typeof SOUNDS;

export function silence(ms: number): Segment {
  return { ...QUIET, ms };
}
