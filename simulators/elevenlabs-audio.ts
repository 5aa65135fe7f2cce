/** ElevenLabs' audio formats, to and from 16-bit samples at the rate of speech. */
import { decodeSamples, encodeSamples, PCM_RATE } from './audio-format.ts';

export type Format =
  | { readonly kind: 'pcm'; readonly rate: number }
  | { readonly kind: 'ulaw' | 'alaw'; readonly rate: 8000 }
  | { readonly kind: 'mp3'; readonly rate: number; readonly header: number; readonly frameBytes: number };

const PCM_RATES = [8000, 16_000, 22_050, 24_000, 44_100, 48_000];
/** MPEG frame headers, mono, without CRC and padding; ISO 11172-3 and 13818-3. */
const MP3_HEADERS: Readonly<Record<string, number>> = {
  mp3_22050_32: 0xfff3_40c0,
  mp3_44100_32: 0xfffb_10c0,
  mp3_44100_64: 0xfffb_50c0,
  mp3_44100_96: 0xfffb_70c0,
  mp3_44100_128: 0xfffb_90c0,
  mp3_44100_192: 0xfffb_b0c0,
};
const LOW_RATE = 22_050;

/** Null for a name that ElevenLabs does not have, and for opus, which is not simulated. */
export function readFormat(name: string): Format | null {
  if (name === 'ulaw_8000') return { kind: 'ulaw', rate: 8000 };
  if (name === 'alaw_8000') return { kind: 'alaw', rate: 8000 };
  const [kind, rateText, kbits] = name.split('_');
  const rate = Number(rateText);
  if (kind === 'pcm' && kbits === undefined && PCM_RATES.includes(rate)) return { kind, rate };
  const header = Object.hasOwn(MP3_HEADERS, name) ? MP3_HEADERS[name] : undefined;
  if (header === undefined) return null;
  const bitsPerFrame = samplesPerFrame(rate) * Number(kbits) * 1000;
  return { kind: 'mp3', rate, header, frameBytes: Math.floor(bitsPerFrame / rate / 8) };
}

function samplesPerFrame(rate: number): number {
  return rate === LOW_RATE ? 576 : 1152;
}

/** From samples at 24 kHz. MP3 is silent: its frames are whole and as long as the sound, and empty. */
export function encode(samples: Int16Array, format: Format): Uint8Array {
  switch (format.kind) {
    case 'pcm':
      return encodeSamples(resample(samples, PCM_RATE, format.rate), 'audio/pcm');
    case 'ulaw':
      return encodeSamples(samples, 'audio/pcmu');
    case 'alaw':
      return encodeSamples(samples, 'audio/pcma');
    case 'mp3': {
      const seconds = samples.length / PCM_RATE;
      const frames = Math.ceil((seconds * format.rate) / samplesPerFrame(format.rate));
      const bytes = new Uint8Array(frames * format.frameBytes);
      const view = new DataView(bytes.buffer);
      for (let frame = 0; frame < frames; frame++) view.setUint32(frame * format.frameBytes, format.header);
      return bytes;
    }
  }
}

/** How long raw audio sounds; compressed audio does not tell. */
export function durationMs(bytes: Uint8Array, format: Format): number {
  switch (format.kind) {
    case 'pcm':
      return (bytes.length * 1000) / (2 * format.rate);
    case 'ulaw':
    case 'alaw':
      return (bytes.length * 1000) / format.rate;
    case 'mp3':
      return 0;
  }
}

/** As PCM at 24 kHz, for whoever listens. */
export function toSpeechRate(bytes: Uint8Array, format: Format): Uint8Array {
  switch (format.kind) {
    case 'pcm':
      return encodeSamples(resample(decodeSamples(bytes, 'audio/pcm'), format.rate, PCM_RATE), 'audio/pcm');
    case 'ulaw':
      return encodeSamples(resample(decodeSamples(bytes, 'audio/pcmu'), 8000, PCM_RATE), 'audio/pcm');
    case 'alaw':
      return encodeSamples(resample(decodeSamples(bytes, 'audio/pcma'), 8000, PCM_RATE), 'audio/pcm');
    case 'mp3':
      return new Uint8Array(0);
  }
}

/** Straight lines between samples: enough for a synthetic voice, and for hearing one. */
function resample(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const length = Math.floor((samples.length * to) / from);
  return Int16Array.from({ length }, (_, index) => {
    const at = (index * from) / to;
    const before = Math.floor(at);
    const here = samples[before] ?? 0;
    return Math.round(here + ((samples[before + 1] ?? here) - here) * (at - before));
  });
}
