/** What sessions sounded like, in every coding, by the judgement of SoX: it decodes the file, and what was sent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilEnded } from '../support/rest.ts';
import { about, channelOf, decoded, encoded, hasSox, type RawFormat } from '../support/sox.ts';
import { base64Of, ramp } from '../support/taped-call.ts';

const isThere = hasSox();
const SPEED = 'seed=1&speed=20';
const TEXT = 'Hello there, how are you today?';
const PIECES = 10;

let parley: ParleyProcess;
let directory: string;

beforeAll(async () => {
  if (!isThere) return;
  directory = mkdtempSync(`${tmpdir()}/parley-sox-`);
  parley = await startParley({ env: { CARTESIA_BASE_URL: 'simulator', CARTESIA_API_KEY: 'stored' } });
});
afterAll(async () => {
  if (!isThere) return;
  await parley.stop();
  rmSync(directory, { recursive: true });
});

interface Call {
  readonly session: string;
  readonly provider: string;
  readonly query: string;
  readonly begin?: readonly object[];
  /** What the user says; null: nothing can be said here. */
  readonly user: { readonly format: RawFormat; readonly bytes: Uint8Array } | null;
  readonly frame?: (bytes: Uint8Array) => string | Uint8Array;
  /** What makes the model speak, and in which format; null: it only listens. */
  readonly model: {
    readonly format: RawFormat;
    readonly ask: readonly object[];
    readonly type: string;
    readonly member: string;
    readonly last: string;
  } | null;
}

const linear = (rate: number): RawFormat => ({ encoding: 'signed-integer', bits: 16, rate });
const float = (rate: number): RawFormat => ({ encoding: 'floating-point', bits: 32, rate });
const G711 = { bits: 8, rate: 8_000 } as const;
const MU_LAW: RawFormat = { encoding: 'mu-law', ...G711 };
const A_LAW: RawFormat = { encoding: 'a-law', ...G711 };

const bytesOf = (samples: Int16Array | Float32Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
/** Each of the 256 values, beside every other. */
const ALL_BYTES = Uint8Array.from({ length: 12_800 }, (_, at) => at * 7 + (at >> 8) + 1);
/** Between the steps of 16 bits and beyond full scale too. */
const FLOATS = Float32Array.from(ramp(16_000), (sample, at) => (sample + (at % 8) / 8) / 16_384);

const openai = (
  session: string,
  type: { readonly up: object; readonly down: object },
  user: NonNullable<Call['user']>,
  format: RawFormat,
): Call => ({
  session,
  provider: 'openai',
  query: `model=sim-support&${SPEED}`,
  begin: [
    {
      type: 'session.update',
      session: {
        type: 'realtime',
        audio: { input: { format: type.up, turn_detection: null }, output: { format: type.down } },
      },
    },
  ],
  user,
  frame: (bytes) => JSON.stringify({ type: 'input_audio_buffer.append', audio: base64Of(bytes) }),
  model: {
    format,
    ask: [{ type: 'input_audio_buffer.commit' }, { type: 'response.create' }],
    type: 'response.output_audio.delta',
    member: 'delta',
    last: 'response.done',
  },
});

const PCM = { type: 'audio/pcm', rate: 24_000 };
const PCMU = { type: 'audio/pcmu' };
const PCMA = { type: 'audio/pcma' };
const CARTESIA = `cartesia_version=2026-03-01&${SPEED}`;

const CALLS: readonly Call[] = [
  openai(
    'pcm',
    { up: PCM, down: PCM },
    { format: linear(24_000), bytes: bytesOf(ramp(24_000)) },
    linear(24_000),
  ),
  openai('mu-law', { up: PCMU, down: PCMU }, { format: MU_LAW, bytes: ALL_BYTES }, MU_LAW),
  openai('a-law', { up: PCMA, down: PCMA }, { format: A_LAW, bytes: ALL_BYTES }, A_LAW),
  {
    session: 'float-spoken',
    provider: 'cartesia',
    query: CARTESIA,
    user: null,
    model: {
      format: float(44_100),
      ask: [
        {
          model_id: 'sonic-3',
          transcript: TEXT,
          voice: { mode: 'id', id: 'a-voice' },
          context_id: 'c',
          output_format: { container: 'raw', encoding: 'pcm_f32le', sample_rate: 44_100 },
        },
      ],
      type: 'chunk',
      member: 'data',
      last: 'done',
    },
  },
  {
    session: 'float-heard',
    provider: 'cartesia/stt/websocket',
    query: `${CARTESIA}&model=ink-2&encoding=pcm_f32le&sample_rate=16000`,
    user: { format: float(16_000), bytes: bytesOf(FLOATS) },
    frame: (bytes) => bytes,
    model: null,
  },
];

/** Plays a call to its end; the bytes of sound that its model sent, as they came. */
async function placed({ session, provider, query, begin = [], user, frame, model }: Call): Promise<Buffer> {
  const deltas: Buffer[] = [];
  const { socket, closed } = await connected(parley, {
    gateway: 'acct/sox',
    provider,
    query: `${query}&parley-session=${session}`,
    ready: (each) =>
      each.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as Record<string, unknown>; // simulators send JSON objects here
        if (event['type'] === 'error') each.emit('answered', new Error(data.toString()));
        if (model !== null && event['type'] === model.type)
          deltas.push(Buffer.from(String(event[model.member]), 'base64'));
        if (event['type'] === model?.last) each.emit('answered', null);
      }),
  });
  const answered = new Promise<void>((resolve, reject) => {
    socket.once('answered', (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
  for (const each of begin) socket.send(JSON.stringify(each));
  const { bytes, format } = user ?? { bytes: new Uint8Array(), format: MU_LAW };
  const width = format.bits / 8;
  const step = Math.ceil(bytes.length / PIECES / width) * width;
  for (let at = 0; at < bytes.length; at += step) socket.send(frame?.(bytes.subarray(at, at + step)) ?? '');
  for (const each of model?.ask ?? []) socket.send(JSON.stringify(each));
  if (model !== null) await answered;
  socket.close(1000);
  await closed;
  await ask(session, '/end', { method: 'POST' });
  await untilEnded(parley, 'acct/sox', session);
  return Buffer.concat(deltas);
}

function ask(session: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${parley.token}`, ...init.headers };
  return fetch(`${parley.http}/v1/acct/sox/sessions/${session}${path}`, { ...init, headers });
}

async function wavOf(session: string): Promise<Uint8Array> {
  const answer = await ask(session, '/audio.wav');
  expect(answer.status).toBe(200);
  return new Uint8Array(await answer.arrayBuffer());
}

/** What `soxi` says of it, and each channel as `sox` decodes it. */
async function judged(session: string, wav: Uint8Array) {
  const file = `${directory}/${session}.wav`;
  writeFileSync(file, wav);
  const [said, left, right] = await Promise.all([about(file), channelOf(wav, 1), channelOf(wav, 2)]);
  return { said, left, right };
}

/** A sound, somewhere in a channel, and nothing else in it. */
function expectAlone(channel: Int16Array, sound: Int16Array): void {
  const first = sound.findIndex((sample) => sample !== 0);
  const from = Math.max(0, channel.findIndex((sample) => sample !== 0) - Math.max(0, first));
  const around = [...channel.subarray(0, from), ...channel.subarray(from + sound.length)];
  expect(Buffer.from(bytesOf(channel.subarray(from, from + sound.length))).equals(bytesOf(sound))).toBe(true);
  expect(around.every((sample) => sample === 0)).toBe(true);
}

describe.runIf(isThere)('P3 SoX hears what was sent', () => {
  it.each(CALLS)('P3 sample for sample: $session', async (call) => {
    const { session, user, model } = call;
    const sent = await placed(call);
    const wav = await wavOf(session);
    const { said, left, right } = await judged(session, wav);
    const rate = Math.max(user?.format.rate ?? 0, model?.format.rate ?? 0);
    expect(said).toMatchObject({ channels: 2, rate, bits: 16, encoding: 'Signed Integer PCM' });
    expect(said.samples).toBe(left.length);
    expect(said.seconds).toBeCloseTo(left.length / rate, 5);
    if (model !== null) expect(sent.length * 8).toBeGreaterThan(rate * model.format.bits);
    expectAlone(left, user === null ? new Int16Array() : await decoded(user.bytes, user.format));
    expectAlone(right, model === null ? new Int16Array() : await decoded(sent, model.format));
  });

  it('P3 ranges of any size, joined, are the file', async () => {
    const wav = await wavOf('pcm');
    const parts: Uint8Array[] = [];
    // Heads, odd ends, less than a sample, and more than is computed at once.
    const sizes = [1, 43, 3, 100_001, 2, 44, 1021, 65_537];
    for (let at = 0, n = 0; at < wav.length; at += sizes[n % sizes.length] ?? 1, n += 1) {
      const to = Math.min(at + (sizes[n % sizes.length] ?? 1), wav.length) - 1;
      const answer = await ask('pcm', '/audio.wav', { headers: { range: `bytes=${at}-${to}` } });
      expect(answer.status).toBe(206);
      parts.push(new Uint8Array(await answer.arrayBuffer()));
    }
    const joined = Buffer.concat(parts);
    expect(joined.equals(wav)).toBe(true);
    expect((await judged('joined', joined)).said.samples).toBe((wav.length - 44) / 4);
  });

  it('P3 a telephone beside a model at 24 kHz: resampled as SoX does it, within a quarter of what μ-law itself loses', async () => {
    // A voice's band: three seconds from 200 to 3,000 Hz.
    const seconds = 3;
    const chirp = Int16Array.from({ length: seconds * MU_LAW.rate }, (_, at) => {
      const t = at / MU_LAW.rate;
      return 12_000 * Math.sin(2 * Math.PI * (200 * t + (2_800 / (2 * seconds)) * t * t));
    });
    const bytes = await encoded(chirp, MU_LAW);
    const call = openai('telephone', { up: PCMU, down: PCM }, { format: MU_LAW, bytes }, linear(24_000));
    const sent = await placed(call);
    const { said, left, right } = await judged('telephone', await wavOf('telephone'));
    expect(said).toMatchObject({ channels: 2, rate: 24_000 });
    expectAlone(right, await decoded(sent, linear(24_000)));
    const reference = await decoded(bytes, MU_LAW, 24_000);
    const best = bestMatch(left, reference);
    expect(best).toBeGreaterThan(ALIKE_DB);
    // The measure can fail: one sample beside, or another level, and it does.
    expect(
      bestMatch(
        left,
        reference.map((sample) => sample * 0.98),
      ),
    ).toBeLessThan(ALIKE_DB);
    expect(signalToNoise(reference, reference.subarray(1))).toBeLessThan(ALIKE_DB);
  });
});

/**
 * Two good resamplers differ near the end of the band alone. Quantizing by μ-law leaves some 38 dB between a voice and its
 * noise: a difference of less than a quarter of that noise is not to be heard (53 dB measured, 2026-11-25).
 */
const ALIKE_DB = 50;

/** dB of a sound over its difference from what is in the channel, where it fits best: it begins on a ms. */
function bestMatch(channel: Int16Array, sound: Int16Array): number {
  const ms = 24;
  const first = Math.floor(channel.findIndex((sample) => sample !== 0) / ms);
  const starts = [-1, 0, 1, 2].map((near) => Math.max(0, first + near) * ms);
  return Math.max(...starts.map((at) => signalToNoise(sound, channel.subarray(at))));
}

function signalToNoise(sound: Int16Array, other: Int16Array): number {
  let [signal, noise] = [0, 0];
  for (const [at, sample] of sound.entries()) {
    signal += sample ** 2;
    noise += (sample - (other[at] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
