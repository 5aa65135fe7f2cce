/** The three audio encodings of the realtime wire, to and from 16-bit samples. */
import { aLawToLinear, linearToALaw, linearToMuLaw, muLawToLinear } from './g711.ts';

export type Encoding = 'audio/pcm' | 'audio/pcmu' | 'audio/pcma';

/** The rate at which speech is made, and that of `audio/pcm`. */
export const PCM_RATE = 24_000;
const G711_RATE = 8_000;
const RATIO = PCM_RATE / G711_RATE;

export function asEncoding(name: string | undefined): Encoding {
  return name === 'audio/pcmu' || name === 'audio/pcma' ? name : 'audio/pcm';
}

export function bytesPerMs(encoding: Encoding): number {
  return encoding === 'audio/pcm' ? (PCM_RATE * 2) / 1000 : G711_RATE / 1000;
}

/** Samples at the encoding's own rate; an odd last byte of PCM is left out. */
export function decodeSamples(bytes: Uint8Array, encoding: Encoding): Int16Array {
  if (encoding === 'audio/pcm') {
    const samples = new Int16Array(bytes.length >> 1);
    for (let index = 0; index < samples.length; index++) {
      samples[index] = (bytes[index * 2] ?? 0) | ((bytes[index * 2 + 1] ?? 0) << 8);
    }
    return samples;
  }
  return Int16Array.from(bytes, encoding === 'audio/pcmu' ? muLawToLinear : aLawToLinear);
}

/** From samples at 24 kHz. For G.711 each three are averaged: crude, but free of the worst aliasing. */
export function encodeSamples(samples: Int16Array, encoding: Encoding): Uint8Array {
  if (encoding === 'audio/pcm') {
    const bytes = new Uint8Array(samples.length * 2);
    for (let index = 0; index < samples.length; index++) {
      const sample = samples[index] ?? 0;
      bytes[index * 2] = sample & 0xff;
      bytes[index * 2 + 1] = (sample >> 8) & 0xff;
    }
    return bytes;
  }
  const encode = encoding === 'audio/pcmu' ? linearToMuLaw : linearToALaw;
  const bytes = new Uint8Array(Math.floor(samples.length / RATIO));
  for (let index = 0; index < bytes.length; index++) {
    const at = index * RATIO;
    const mean = ((samples[at] ?? 0) + (samples[at + 1] ?? 0) + (samples[at + 2] ?? 0)) / RATIO;
    bytes[index] = encode(Math.round(mean));
  }
  return bytes;
}

/** The same sound in another encoding. */
export function transcode(bytes: Uint8Array, from: Encoding, to: Encoding): Uint8Array {
  if (from === to) return bytes;
  const samples = decodeSamples(bytes, from);
  if (from === 'audio/pcm') return encodeSamples(samples, to);
  const raised = new Int16Array(samples.length * RATIO);
  for (let index = 0; index < raised.length; index++) {
    const at = Math.floor(index / RATIO);
    const here = samples[at] ?? 0;
    raised[index] = Math.round(here + (((samples[at + 1] ?? here) - here) * (index % RATIO)) / RATIO);
  }
  return encodeSamples(raised, to);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
