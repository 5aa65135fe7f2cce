/** Every coding of raw sound, against a library that knows nothing of us; and how streams are cut into frames. */
import { WaveFile } from 'wavefile';
import { describe, expect, it } from 'vitest';
import { cartesia } from '../../../providers/cartesia.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { openai } from '../../../providers/openai.ts';
import { bytesOfBase64 } from '../../../sound/base64.ts';
import { base64Of, play, ramp, readWav, Tape } from '../../support/taped-call.ts';

const RATE = 16_000;
const SAMPLES = ramp(1_600);
const buffer = (bytes: Uint8Array | Int16Array): ArrayBuffer =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice().buffer;

async function heardOf(tape: Tape): Promise<number[]> {
  return [...readWav((await play(tape.log())).bytes).left];
}

const listening = (encoding: string, rate = RATE, channels = 1) =>
  new Tape(deepgram, {
    path: 'v1/listen',
    query: [
      ['encoding', encoding],
      ['sample_rate', String(rate)],
      ['channels', String(channels)],
    ],
  });

describe('P3 every coding of raw sound', () => {
  it.each([
    ['mulaw', '8m'],
    ['alaw', '8a'],
  ])('P3 %s, as another decoder has it, for each of its 256 values', async (encoding, depth) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    const file = new WaveFile();
    file.fromScratch(1, 8_000, depth, bytes);
    if (depth === '8m') file.fromMuLaw();
    else file.fromALaw();
    // One channel comes as one array.
    const expected = [...(file.getSamples(false, Int16Array) as unknown as Int16Array)];
    expect(await heardOf(listening(encoding, 8_000).up(0, buffer(bytes)))).toEqual(expected);
  });

  it('P3 what a client says in a format that it has just asked for is in that format, before the provider has answered', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    const append = { type: 'input_audio_buffer.append', audio: base64Of(bytes) };
    const audio = (type: string) => ({ audio: { input: { format: { type } } } });
    const asks = { type: 'session.update', session: audio('audio/pcmu') };
    const created = { type: 'session.created', session: audio('audio/pcm') };
    const updated = { type: 'session.updated', session: audio('audio/pcmu') };
    const once = await play(new Tape(openai).up(0, asks).down(1, created).up(2, append).log());
    expect(once.index.rate).toBe(8_000);
    const refused = { type: 'error', error: { type: 'invalid_request_error' } };
    const tape = new Tape(openai).down(0, created).up(1, asks).up(2, append).down(50, updated).up(51, append);
    const { left, rate } = readWav((await play(tape.log())).bytes);
    expect(rate).toBe(8_000);
    const half = [...left.subarray(16, 16 + 256)];
    expect(half.some((sample) => sample !== 0)).toBe(true);
    expect([...left.subarray(16 + 256)]).toEqual(half);
    const back = await play(
      new Tape(openai).down(0, created).up(1, asks).down(2, refused).up(3, append).log(),
    );
    expect(back.index.rate).toBe(24_000);
  });

  it('P3 integers of 32 bits, and floats of 16 and 32, beyond full scale and not a number too', async () => {
    const wide = Int32Array.from(SAMPLES, (sample) => sample * 0x1_0000);
    expect(await heardOf(listening('linear32').up(0, wide.buffer))).toEqual([...SAMPLES]);
    const asked = (encoding: string) =>
      new Tape(cartesia, {
        path: 'stt/websocket',
        query: [
          ['encoding', encoding],
          ['sample_rate', String(RATE)],
        ],
      });
    const floats = Float32Array.from([0, 0.5, -0.5, 1, -1, 7, -7, Number.NaN]);
    const expected = [0, 16_384, -16_384, 32_767, -32_768, 32_767, -32_768, 0];
    expect(await heardOf(asked('pcm_f32le').up(0, floats.buffer))).toEqual(expected);
    // 0, 0.5, -0.5, 1, -1, infinity, 2^-24, not a number: IEEE 754 binary16.
    const halves = Uint16Array.from([0, 0x3800, 0xb800, 0x3c00, 0xbc00, 0x7c00, 1, 0x7e00]);
    expect(await heardOf(asked('pcm_f16le').up(0, halves.buffer))).toEqual([
      0, 16_384, -16_384, 32_767, -32_768, 32_767, 0, 0,
    ]);
  });

  it('P3 several channels become their mean', async () => {
    const both = Int16Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? 1_000 : -3_000));
    expect(await heardOf(listening('linear16', RATE, 2).up(0, both.buffer))).toEqual(Array(100).fill(-1_000));
  });

  it('P3 a sample that is cut over two frames is one sample', async () => {
    const bytes = new Uint8Array(SAMPLES.buffer);
    for (const cut of [1, 333, 1_001]) {
      const tape = listening('linear16')
        .up(0, buffer(bytes.subarray(0, cut)))
        .up(5, buffer(bytes.subarray(cut)));
      expect(await heardOf(tape)).toEqual([...SAMPLES]);
    }
  });

  it('P3 the head of a WAV file in a stream is no sound', async () => {
    const file = new WaveFile();
    file.fromScratch(1, 24_000, '16', SAMPLES);
    const tape = new Tape(deepgram, { path: 'v1/speak', query: [['container', 'wav']] });
    tape.down(0, buffer(file.toBuffer())).down(1, buffer(SAMPLES));
    const { right } = readWav((await play(tape.log())).bytes);
    expect([...right]).toEqual([...SAMPLES, ...SAMPLES]);
  });

  it('P3 base64 of any length and either alphabet, and text that is none', () => {
    for (let length = 0; length < 50; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 101 + length * 37) & 0xff);
      const text = base64Of(bytes);
      for (const each of [text, text.replaceAll('=', ''), text.replaceAll('+', '-').replaceAll('/', '_')])
        expect([...bytesOfBase64(each)]).toEqual([...bytes]);
    }
    expect(bytesOfBase64('[redacted]! ż')).toHaveLength(9);
  });
});
