/** The file: its head, any range of its bytes, its outline. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openai } from '../../../providers/openai.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { indexSound } from '../../../sound/sound-index.ts';
import { peaksOf } from '../../../sound/peaks.ts';
import { wavHead, wavShape } from '../../../sound/wav.ts';
import { base64Of, BOTH, bytesOf, play, ramp, readWav, Tape } from '../../support/taped-call.ts';

const MS = 24;
const append = (samples: Int16Array) => ({ type: 'input_audio_buffer.append', audio: base64Of(samples) });
const delta = (samples: Int16Array) => ({
  type: 'response.output_audio.delta',
  item_id: 'item_1',
  delta: base64Of(samples),
});

/** A user at 24 kHz beside a model at 8: both ways of making samples, over many segments. */
function conversation(): Tape {
  const session = { type: 'realtime', audio: { output: { format: { type: 'audio/pcmu' } } } };
  const tape = new Tape(openai).down(0, { type: 'session.updated', session });
  for (let n = 0; n < 40; n += 1) {
    tape.up(20 + n * 40, append(ramp(40 * MS, n)));
    if (n % 4 === 0)
      tape.down(30 + n * 40, {
        type: 'response.output_audio.delta',
        item_id: 'i',
        delta: base64Of(Uint8Array.from({ length: 8 * 150 }, (_, at) => (at * 31 + n) & 0xff)),
      });
  }
  return tape;
}

describe('P3 the file of a session', () => {
  it('P3 ranges of bytes, joined, are the whole, wherever it is cut', async () => {
    const { renderer, shape, bytes } = await play(conversation().log());
    expect(bytes.length).toBe(shape.bytes);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 5 }), async (cuts) => {
        const edges = [0, ...cuts.sort((one, other) => one - other), bytes.length];
        const parts: Uint8Array[] = [];
        for (let n = 1; n < edges.length; n += 1)
          parts.push(await bytesOf(renderer, shape, edges[n - 1] ?? 0, edges[n] ?? 0));
        expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('P3 the same log gives the same bytes, however it is packed', async () => {
    const one = await play(conversation().log(300));
    const other = await play(conversation().log(1_000_000));
    expect(one.index.blocks.length).toBeGreaterThan(30);
    expect(other.index.blocks.length).toBe(1);
    expect(Buffer.compare(one.bytes, other.bytes)).toBe(0);
  });

  it('P3 one side alone is that channel of both', async () => {
    const log = conversation().log();
    const { left, right } = readWav((await play(log)).bytes);
    for (const [channel, expected] of [
      ['left', left],
      ['right', right],
    ] as const) {
      const alone = (await play(log, [channel])).bytes.subarray(44);
      expect(Buffer.compare(alone, Buffer.from(expected.buffer))).toBe(0);
    }
  });

  it('P3 a file says how long it is, and takes a lower rate when WAV could not say it', () => {
    const about = { blocks: [], cuts: new Map(), unheard: [], withoutContent: 0, damaged: 0 };
    const hour = 3_600_000;
    const shape = wavShape({ ...about, rate: 48_000, endMs: hour }, BOTH);
    expect(shape).toMatchObject({ rate: 48_000, samples: 48_000 * 3_600, bytes: 44 + 48_000 * 3_600 * 4 });
    expect(wavShape({ ...about, rate: 48_000, endMs: 12 * hour }, BOTH)?.rate).toBe(24_000);
    expect(wavShape({ ...about, rate: 24_000, endMs: 24 * hour }, BOTH)?.rate).toBe(8_000);
    expect(wavShape({ ...about, rate: 24_000, endMs: 48 * hour }, BOTH)).toBeNull();
    expect(shape === null ? 0 : new DataView(wavHead(shape).buffer).getUint32(40, true)).toBe(
      48_000 * 3_600 * 4,
    );
  });

  it('P3 sound at another rate keeps its pitch and level: a tone is that tone, within 1 %', async () => {
    const tone = (rate: number) =>
      Int16Array.from({ length: rate }, (_, n) =>
        Math.round(10_000 * Math.sin((2 * Math.PI * 440 * n) / rate)),
      );
    const format = (rate: number) => ({ container: 'raw', encoding: 'pcm_s16le', sample_rate: rate });
    for (const rate of [8_000, 16_000, 22_050]) {
      const tape = new Tape(cartesia);
      // Another context at 44.1 kHz decides the rate of the file.
      for (const [id, each] of [
        ['low', rate],
        ['high', 44_100],
      ] as const)
        tape.up(0, { context_id: id, transcript: 'x', output_format: format(each) });
      tape.down(0, { type: 'chunk', context_id: 'low', data: base64Of(tone(rate)) });
      tape.down(2_000, { type: 'chunk', context_id: 'high', data: base64Of(new Int16Array(441)) });
      const wav = readWav((await play(tape.log())).bytes);
      const ideal = tone(44_100);
      // The edges of a sound that begins and ends at once are softened.
      const worst = ideal
        .subarray(200, 43_900)
        .reduce((most, sample, n) => Math.max(most, Math.abs(sample - (wav.right[n + 200] ?? 0))), 0);
      expect(worst).toBeLessThan(100);
      expect(wav.right.subarray(44_200, 88_000).every((sample) => sample === 0)).toBe(true);
    }
  });
});

describe('P3 the outline of a session', () => {
  it('P3 is that of the file, in 8 bits and in 16', async () => {
    const { renderer, shape, bytes } = await play(conversation().log());
    const { left, right } = readWav(bytes);
    for (const bits of [8, 16] as const) {
      const peaks = await peaksOf(renderer, shape, 100, bits);
      const expected: number[] = [];
      for (let at = 0; at < left.length; at += 100)
        for (const channel of [left, right]) {
          const pixel = [...channel.subarray(at, at + 100)].map((sample) => sample >> (16 - bits));
          expected.push(Math.min(...pixel), Math.max(...pixel));
        }
      expect(peaks).toEqual({
        version: 2,
        channels: 2,
        sample_rate: 24_000,
        samples_per_pixel: 100,
        bits,
        length: Math.ceil(left.length / 100),
        data: expected,
      });
    }
  });
});

describe('P3 what cannot be heard is named', () => {
  it('P3 a format that is not decoded, content that is not there, and damage', async () => {
    const session = { type: 'realtime', audio: { input: { format: { type: 'audio/opus' } } } };
    const tape = new Tape(openai)
      .down(0, { type: 'session.updated', session })
      .up(10, append(ramp(100)))
      .down(20, delta(ramp(100)));
    const index = await indexSound(tape.log());
    expect(index.unheard).toEqual([{ speaker: 'user', format: 'audio/opus', pieces: 1 }]);
    expect(index.rate).toBe(24_000);
    const log = tape.log(150);
    const damaged = await indexSound({
      ...log,
      source: {
        segment: async (number) => {
          const segment = await log.source.segment(number);
          return segment === null || number > 1
            ? segment
            : { ...segment, data: segment.data.subarray(0, 20) };
        },
      },
    });
    expect(damaged.damaged).toBe(1);
  });
});
