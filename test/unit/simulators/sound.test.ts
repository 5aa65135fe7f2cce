import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silent, tone } from '../../support/drive-simulator.ts';
import { processorMs } from '../../support/processor-time.ts';
import {
  bytesPerMs,
  decodeSamples,
  encodeSamples,
  transcode,
  type Encoding,
} from '../../../simulators/audio-format.ts';
import { decodeBase64, encodeBase64 } from '../../../simulators/base64.ts';
import { aLawToLinear, linearToALaw, linearToMuLaw, muLawToLinear } from '../../../simulators/g711.ts';
import { wordSounds } from '../../../simulators/letter-to-sound.ts';
import { seeded } from '../../../simulators/seeded.ts';
import { speak, voiceNamed } from '../../../simulators/speech.ts';
import { VoiceActivity, type VoiceTurn } from '../../../simulators/voice-activity.ts';

const DEFAULTS = { threshold: 0.5, prefixPaddingMs: 300, silenceMs: 200 };

function join(...parts: readonly Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

function hear(
  samples: Int16Array,
  piece = 4800,
  encoding: Encoding = 'audio/pcm',
  settings = DEFAULTS,
): readonly VoiceTurn[] {
  const turns: VoiceTurn[] = [];
  const ear = new VoiceActivity(encoding, 0);
  const bytes = encodeSamples(samples, encoding);
  for (let at = 0; at < bytes.length; at += piece) {
    ear.hear(bytes.subarray(at, at + piece), settings, (turn) => turns.push(turn));
  }
  return turns;
}

function noise(ms: number, amplitude: number): Int16Array {
  const random = seeded('noise', 'test');
  return Int16Array.from({ length: ms * 24 }, () => (random.next() * 2 - 1) * amplitude);
}

function said(text: string, voice = 'alloy'): Int16Array {
  return join(...[...speak(text, voiceNamed(voice, 1))].map(({ samples }) => samples));
}

function loudness(samples: Int16Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

const brightness = (word: string): number => {
  const samples = said(word);
  let difference = 0;
  for (let at = 1; at < samples.length; at++)
    difference += ((samples[at] ?? 0) - (samples[at - 1] ?? 0)) ** 2;
  return Math.sqrt(difference / samples.length) / loudness(samples);
};

describe('voice activity', () => {
  it('SIM a tone between silences is one turn, padded before and closed by silence', () => {
    expect(hear(join(silent(1000), tone(500), silent(500)))).toEqual([
      { kind: 'started', atMs: 700 },
      { kind: 'stopped', atMs: 1700 },
    ]);
  });

  it('SIM the padding of a turn does not reach into the one before', () => {
    const [, first, second] = hear(join(silent(500), tone(300), silent(300), tone(300), silent(300)));
    expect([first, second]).toEqual([
      { kind: 'stopped', atMs: 1000 },
      { kind: 'started', atMs: 1000 },
    ]);
  });

  it('SIM the size of the pieces does not matter', () => {
    const samples = join(silent(500), tone(400), silent(400), tone(300), silent(300));
    const whole = hear(samples, samples.length * 2);
    expect(whole.length).toBe(4);
    for (const piece of [2, 7, 961, 5000]) expect(hear(samples, piece)).toEqual(whole);
  });

  it('SIM silence, a click, a hum below the gate and a constant offset are no speech', () => {
    const offset = Int16Array.from({ length: 24_000 }, () => 12_000);
    for (const samples of [
      silent(1000),
      join(silent(300), tone(30), silent(300)),
      tone(1000, 200),
      noise(2000, 150),
      offset,
    ]) {
      expect(hear(samples)).toEqual([]);
    }
  });

  it('SIM steady noise raises the gate, and a voice above it is still heard', () => {
    const samples = join(noise(3000, 500), tone(500, 9000), noise(600, 500));
    expect(hear(samples).map(({ kind }) => kind)).toEqual(['started', 'stopped']);
  });

  it('SIM threshold and silence_duration_ms are obeyed', () => {
    const quiet = join(silent(300), tone(400, 600), silent(400));
    expect(hear(quiet, 4800, 'audio/pcm', { ...DEFAULTS, threshold: 1 })).toEqual([]);
    expect(hear(quiet, 4800, 'audio/pcm', { ...DEFAULTS, threshold: 0.3 }).length).toBe(2);
    expect(hear(quiet, 4800, 'audio/pcm', { ...DEFAULTS, threshold: 0.3, silenceMs: 500 }).length).toBe(1);
  });

  it('SIM the synthetic voice is heard as speech, in each encoding', () => {
    for (const encoding of ['audio/pcm', 'audio/pcmu', 'audio/pcma'] as const) {
      const turns = hear(join(silent(600), said('Hello my friend'), silent(700)), 999, encoding);
      expect(turns.map(({ kind }) => kind)).toEqual(['started', 'stopped']);
      expect(turns[0]?.atMs).toBeGreaterThanOrEqual(300);
      expect(turns[0]?.atMs).toBeLessThan(450);
    }
  });
});

describe('speech', () => {
  const text = 'Hello, how can I help you today?';

  it('SIM a sentence has the length and loudness of speech, and does not clip', () => {
    for (const voice of ['alloy', 'marin', 'cedar', 'verse']) {
      const samples = said(text, voice);
      const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      expect(samples.length / 24_000).toBeGreaterThan(1.5);
      expect(samples.length / 24_000).toBeLessThan(4);
      expect(loudness(samples)).toBeGreaterThan(1500);
      expect(loudness(samples)).toBeLessThan(6000);
      expect(peak).toBeGreaterThan(6000);
      expect(peak).toBeLessThan(29_000);
    }
  });

  it('SIM the words joined are the text, and each is made only when asked for', () => {
    expect([...speak(text, voiceNamed('alloy', 1))].map((word) => word.text).join('')).toBe(text);
    const words = speak('word '.repeat(1_000_000), voiceNamed('alloy', 1));
    expect(words.next().value?.samples.length).toBeGreaterThan(0);
  });

  it('SIM vowels have their formants: ee is brighter than oo', () => {
    expect(brightness('ee')).toBeGreaterThan(brightness('oo'));
    expect(brightness('s')).toBeGreaterThan(2 * brightness('ee'));
  });

  it('SIM pace shortens speech, and voices differ', () => {
    const length = (pace: number): number =>
      [...speak(text, voiceNamed('alloy', pace))].reduce((sum, { samples }) => sum + samples.length, 0);
    expect(length(1.5) / length(1)).toBeCloseTo(1 / 1.5, 1);
    expect(said(text, 'alloy')).not.toEqual(said(text, 'marin'));
  });

  it('SIM a second of speech costs well under 30 ms', () => {
    said(text);
    const began = processorMs();
    let samples = 0;
    for (let round = 0; round < 10; round++) {
      for (const word of speak(text, voiceNamed('alloy', 1))) samples += word.samples.length;
    }
    expect((processorMs() - began) / (samples / 24_000)).toBeLessThan(30);
  });

  it.each([
    ['ship', 'sh ih p'],
    ['phone', 'f ow n'],
    ['make', 'm ey k'],
    ['city', 's ih t iy'],
    ['queen', 'k w iy n'],
    ['order', 'ao r d er'],
    ['nation', 'n ey sh ax n'],
    ['light', 'l ay t'],
    ['asked', 'ae s k t'],
    ['today?', 't ax d ey'],
    ['42', 'f ao r t uw'],
  ])('SIM %s is read as %s', (word, sounds) => {
    expect(wordSounds(word).join(' ')).toBe(sounds);
  });

  it('SIM any text can be spoken', () => {
    expect(wordSounds('日本').length).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (any) => {
        for (const word of speak(any, voiceNamed('alloy', 1))) expect(word.samples.length).toBeGreaterThan(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('encodings', () => {
  it('SIM G.711 gives the values of the standard, and every code comes back', () => {
    expect([muLawToLinear(0xff), muLawToLinear(0x80), muLawToLinear(0x00)]).toEqual([0, 32124, -32124]);
    expect([aLawToLinear(0xd5), aLawToLinear(0xaa), aLawToLinear(0x2a)]).toEqual([8, 32256, -32256]);
    for (let code = 0; code < 256; code++) {
      expect(linearToALaw(aLawToLinear(code))).toBe(code);
      // Negative zero has a code of its own, and comes back as zero.
      if (code !== 0x7f) expect(linearToMuLaw(muLawToLinear(code))).toBe(code);
    }
  });

  it('SIM G.711 keeps a sample within its step', () => {
    for (let sample = -32768; sample <= 32767; sample += 13) {
      const allowed = Math.max(16, Math.abs(sample) / 16);
      expect(Math.abs(muLawToLinear(linearToMuLaw(sample)) - sample)).toBeLessThanOrEqual(
        Math.max(allowed, 660),
      );
      expect(Math.abs(aLawToLinear(linearToALaw(sample)) - sample)).toBeLessThanOrEqual(
        Math.max(allowed, 16),
      );
    }
  });

  it('SIM transcoding keeps the length in time', () => {
    const pcm = encodeSamples(tone(300), 'audio/pcm');
    for (const to of ['audio/pcmu', 'audio/pcma'] as const) {
      const coded = transcode(pcm, 'audio/pcm', to);
      expect(coded.length / bytesPerMs(to)).toBe(300);
      const back = transcode(coded, to, 'audio/pcm');
      expect(back.length).toBe(pcm.length);
      expect(loudness(decodeSamples(back, 'audio/pcm')) / loudness(tone(300))).toBeCloseTo(1, 1);
    }
  });

  it('SIM base64 agrees with the platform, and refuses what is not base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(Buffer.from(decodeBase64(text) ?? []).equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 50 },
    );
    for (const bad of ['*', 'A', 'AAAAA', 'é']) expect(decodeBase64(bad)).toBeNull();
    const big = new Uint8Array(64 * 1024).fill(200);
    const began = processorMs();
    for (let round = 0; round < 50; round++) decodeBase64(encodeBase64(big));
    expect((processorMs() - began) / 50).toBeLessThan(20);
  });
});
