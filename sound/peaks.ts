/** The outline of a session's sound, as BBC's audiowaveform writes it in JSON, version 2. */
import type { Renderer } from './renderer.ts';
import { type WavShape, windows } from './wav.ts';

export interface Peaks {
  readonly version: 2;
  readonly channels: number;
  readonly sample_rate: number;
  readonly samples_per_pixel: number;
  readonly bits: 8 | 16;
  /** Pixels. */
  readonly length: number;
  /** For each pixel, of each channel the least and the greatest sample. */
  readonly data: readonly number[];
}

/** audiowaveform's 8 bits are the upper ones of 16. */
const SHIFT = { 8: 8, 16: 0 } as const;

export async function peaksOf(
  renderer: Renderer,
  shape: WavShape,
  samplesPerPixel: number,
  bits: 8 | 16,
): Promise<Peaks> {
  const channels = shape.channels.length;
  const length = Math.ceil(shape.samples / samplesPerPixel);
  const data = Array.from({ length: length * channels * 2 }, () => 0);
  let at = 0;
  for await (const window of windows(renderer, shape, 0, shape.samples)) {
    const end = at + window.length / channels;
    for (let from = at; from < end;) {
      const pixel = Math.floor(from / samplesPerPixel);
      const to = Math.min(end, (pixel + 1) * samplesPerPixel);
      for (let channel = 0; channel < channels; channel += 1) {
        const slot = (pixel * channels + channel) * 2;
        // A pixel may have begun in the window before.
        const begun = from % samplesPerPixel > 0;
        let [least, greatest] = begun ? [data[slot] ?? 0, data[slot + 1] ?? 0] : [0x7fff, -0x8000];
        for (let index = (from - at) * channels + channel; index < (to - at) * channels; index += channels) {
          const sample = (window[index] ?? 0) >> SHIFT[bits];
          if (sample < least) least = sample;
          if (sample > greatest) greatest = sample;
        }
        data[slot] = least;
        data[slot + 1] = greatest;
      }
      from = to;
    }
    at = end;
  }
  return {
    version: 2,
    channels,
    sample_rate: shape.rate,
    samples_per_pixel: samplesPerPixel,
    bits,
    length,
    data,
  };
}
