/**
 * A synthetic voice: text in, 24 kHz samples out, a word at a time. A pulse train for the larynx and noise for the
 * breath run through the resonances of a vocal tract (formant synthesis). It is meant to be heard as speech and to cost
 * little, not to be mistaken for a person.
 */
import { PCM_RATE } from './audio-format.ts';
import { wordSounds } from './letter-to-sound.ts';
import { SOUNDS, silence, type Formants, type Segment } from './speech-sounds.ts';
import { hashText } from './seeded.ts';

export interface Voice {
  readonly pitchHz: number;
  /** 1 is a long (man's) vocal tract. */
  readonly tract: number;
  /** 1 is an ordinary pace. */
  readonly pace: number;
}

export interface SpokenWord {
  /** As written, with the space before it unless it is the first: the words joined are the text. */
  readonly text: string;
  readonly samples: Int16Array;
}

/** A name always sounds the same, and different names differ. */
export function voiceNamed(name: string, pace: number): Voice {
  const hash = hashText(name);
  const high = (hash & 1) === 1;
  const within = ((hash >>> 8) % 100) / 100;
  return { pitchHz: (high ? 165 : 95) + 40 * within, tract: (high ? 1.12 : 1) + 0.05 * within, pace };
}

/** Targets move, and the tract is retuned, this often. */
const STEP_MS = 5;
const STEP = (PCM_RATE * STEP_MS) / 1000;
const OPEN_PHASE = 0.62;
const VOICE_GAIN = 7800;
const BREATH_GAIN = 3900;
const HISS_GAIN = 7500;
const LIP_GAIN = 3.4;
const LOUDEST = 30_000;
const COMMA_MS = 160;
const STOP_MS = 320;

/** A two-pole resonator with unit gain at 0 Hz. */
class Resonator {
  #a = 1;
  #b = 0;
  #c = 0;
  #y1 = 0;
  #y2 = 0;

  tune(hz: number, width: number): void {
    const radius = Math.exp((-Math.PI * width) / PCM_RATE);
    this.#c = -radius * radius;
    this.#b = 2 * radius * Math.cos((2 * Math.PI * Math.min(hz, PCM_RATE * 0.45)) / PCM_RATE);
    this.#a = 1 - this.#b - this.#c;
  }

  run(input: number): number {
    const output = this.#a * input + this.#b * this.#y1 + this.#c * this.#y2;
    this.#y2 = this.#y1;
    this.#y1 = output;
    return output;
  }
}

/** The throat: what goes on from one word to the next. */
class Tract {
  #resonators = [new Resonator(), new Resonator(), new Resonator(), new Resonator()] as const;
  #hiss = new Resonator();
  #formants: [number, number, number] = [500, 1500, 2500];
  #voice = 0;
  #breath = 0;
  #hissing = 0;
  #phase = 0;
  #noise = 0x2545f491;
  #last = 0;
  readonly #tract: number;

  constructor(tract: number) {
    this.#tract = tract;
    this.#resonators[3].tune(3500 * tract, 250);
  }

  /** One step of `STEP` samples into `out` at `at`, moving towards the segment's target. */
  step(
    segment: Segment,
    target: Formants,
    pitchHz: number,
    loudness: number,
    out: Int16Array,
    at: number,
  ): void {
    const quickness = segment.vowel ? 0.28 : 0.4;
    for (const index of [0, 1, 2] as const) {
      this.#formants[index] += (target[index] - this.#formants[index]) * quickness;
      this.#resonators[index].tune(this.#formants[index] * this.#tract, 60 + 40 * index);
    }
    if (segment.hiss > 0) this.#hiss.tune(segment.hissHz, segment.hissWidth);
    const end = { voice: segment.voice * loudness, breath: segment.breath, hiss: segment.hiss };
    const voiceRise = (end.voice - this.#voice) / STEP;
    const breathRise = (end.breath - this.#breath) / STEP;
    const hissRise = (end.hiss - this.#hissing) / STEP;
    for (let index = 0; index < STEP; index++) {
      this.#voice += voiceRise;
      this.#breath += breathRise;
      this.#hissing += hissRise;
      out[at + index] = this.#sample(pitchHz);
    }
    this.#voice = end.voice;
    this.#breath = end.breath;
    this.#hissing = end.hiss;
  }

  #sample(pitchHz: number): number {
    this.#phase += pitchHz / PCM_RATE;
    if (this.#phase >= 1) this.#phase -= 1;
    const open = this.#phase / OPEN_PHASE;
    // The derivative of a glottal pulse: rises, and falls steeply at closure, which is what excites the formants.
    const pulse = open < 1 ? 2 * open - 3 * open * open : 0;
    this.#noise = (Math.imul(this.#noise, 1664525) + 1013904223) | 0;
    const noise = this.#noise / 0x8000_0000;
    let sound = this.#voice * (pulse + noise * 0.02) * VOICE_GAIN + this.#breath * noise * BREATH_GAIN;
    for (const resonator of this.#resonators) sound = resonator.run(sound);
    const whole = sound + this.#hiss.run(noise * this.#hissing) * HISS_GAIN;
    // Lips radiate high sound better than low: a damped first difference lifts the upper formants.
    const bright = LIP_GAIN * (whole - 0.75 * this.#last);
    this.#last = whole;
    return Math.round(LOUDEST * Math.tanh(bright / LOUDEST));
  }
}

function segmentsOf(word: string): readonly Segment[] {
  const pause = /[.!?…:]["')\]]*$/.test(word) ? STOP_MS : /[,;–—-]["')\]]*$/.test(word) ? COMMA_MS : 0;
  const sounds = wordSounds(word).flatMap((sound): readonly Segment[] => SOUNDS[sound]);
  return pause > 0 ? [...sounds, silence(pause)] : [...sounds, silence(15)];
}

/** Formants of the first sound from `from` on that has any. */
function targetOf(segments: readonly Segment[], from: number): Formants {
  const segment = segments.slice(from).find(({ formants }) => formants !== null);
  return segment?.formants ?? [500, 1500, 2500];
}

function renderWord(
  tract: Tract,
  word: string,
  voice: Voice,
  melody: (at: number) => number,
  last: boolean,
): Int16Array {
  const segments = segmentsOf(word);
  const stressed = segments.findIndex(({ vowel }) => vowel);
  const steps = segments.map((segment, index) => {
    const lengthened = (last && segment.vowel ? 1.3 : 1) * (index === stressed && word.length > 3 ? 1.15 : 1);
    return Math.max(1, Math.round((segment.ms * lengthened) / voice.pace / STEP_MS));
  });
  const total = steps.reduce((sum, count) => sum + count, 0);
  const samples = new Int16Array(total * STEP);
  let at = 0;
  segments.forEach((segment, index) => {
    const target = targetOf(segments, index);
    const accent = index === stressed && word.length > 3 ? 1.06 : 1;
    for (let step = 0; step < (steps[index] ?? 0); step++, at++) {
      const pitch = voice.pitchHz * melody(at / total) * accent;
      tract.step(segment, target, pitch, index === stressed ? 1 : 0.85, samples, at * STEP);
    }
  });
  return samples;
}

/** Nothing is computed before it is asked for. */
export function* speak(text: string, voice: Voice): Generator<SpokenWord> {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const tract = new Tract(voice.tract);
  let inSentence = 0;
  for (const [index, word] of words.entries()) {
    const ends = /[.!?]["')\]]*$/.test(word) || index === words.length - 1;
    const asks = /\?["')\]]*$/.test(word);
    // Pitch falls over a sentence, then drops, or rises when it asks.
    const from = Math.max(0.9, 1.12 - 0.025 * inSentence);
    const turn = ends ? (asks ? 0.25 : -0.18) : -0.025;
    const samples = renderWord(tract, word, voice, (at) => from + turn * at, ends);
    yield { text: index === 0 ? word : ` ${word}`, samples };
    inSentence = ends ? 0 : inSentence + 1;
  }
}
