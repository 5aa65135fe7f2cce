/** A call as its log holds it: frames that a test makes up, or those of a simulated provider, in virtual time. */
import { WaveFile } from 'wavefile';
import type { ConnectRequest, Payload, ProviderAdapter } from '../../providers/adapter.ts';
import { type Direction, SegmentWriter } from '../../protocol/segment.ts';
import type { Simulator } from '../../simulators/simulator.ts';
import type { Channel } from '../../sound/renderer.ts';
import { Renderer } from '../../sound/renderer.ts';
import { indexSound, type SoundIndex, type SoundLog } from '../../sound/sound-index.ts';
import { wavBytes, type WavShape, wavShape } from '../../sound/wav.ts';
import { Drive, START } from './drive-simulator.ts';

export const BOTH: readonly Channel[] = ['left', 'right'];

type Dialled = Pick<ConnectRequest, 'path' | 'query'>;

export class Tape {
  readonly adapter: ProviderAdapter;
  readonly dialled: Dialled;
  readonly #frames: { direction: Direction; client: number; at: number; payload: Payload }[] = [];

  constructor(adapter: ProviderAdapter, dialled: Dialled = { path: '', query: [] }) {
    this.adapter = adapter;
    this.dialled = dialled;
  }

  up(at: number, payload: object | Payload, client = 1): this {
    return this.#add('up', at, payload, client);
  }

  down(at: number, payload: object | Payload): this {
    return this.#add('down', at, payload, 0);
  }

  #add(direction: Direction, at: number, payload: object | Payload, client: number): this {
    const isFrame = typeof payload === 'string' || payload instanceof ArrayBuffer;
    const frame = isFrame ? payload : JSON.stringify(payload);
    this.#frames.push({ direction, client, at: START + at, payload: frame });
    return this;
  }

  /** @param segmentBytes small ones put frames and voices into many segments */
  log(segmentBytes = 4096): SoundLog {
    const { sound } = this.adapter;
    if (sound === undefined) throw new Error(`${this.adapter.id} has no sound`);
    const writer = new SegmentWriter(segmentBytes);
    this.#frames.forEach((frame, index) => writer.append(index + 1, { ...frame, translated: false }, true));
    const segments = writer.take();
    return {
      reader: sound,
      begun: sound.begin(this.dialled),
      startedAt: START,
      giveWay: () => null,
      source: {
        segment: async (number) => {
          const segment = segments[number - 1];
          return segment === undefined ? null : { stored: { ...segment, codec: 'raw' }, data: segment.data };
        },
      },
    };
  }
}

/** A conversation with a simulator, taped. */
export class SimulatedCall extends Tape {
  readonly drive: Drive;
  #read = 0;

  constructor(
    adapter: ProviderAdapter,
    service: Simulator,
    dialled: Dialled,
    baseUrl = 'https://provider.example',
  ) {
    super(adapter, dialled);
    const request: ConnectRequest = {
      ...dialled,
      baseUrl,
      headers: {},
      subprotocols: [],
      credential: null,
    };
    const { url, headers } = adapter.dial(request, adapter.begin(request));
    this.drive = Drive.of(service({ url, headers }, START));
    this.#drain();
  }

  /** ms since the call began. */
  get now(): number {
    return this.drive.now - START;
  }

  get startedAt(): number {
    return START;
  }

  send(payload: object | Payload, client = 1): this {
    this.#drain();
    this.up(this.drive.now - START, payload, client);
    const isFrame = typeof payload === 'string' || payload instanceof ArrayBuffer;
    this.drive.raw(isFrame ? payload : JSON.stringify(payload));
    this.#drain();
    return this;
  }

  pass(ms: number): this {
    this.drive.pass(ms);
    this.#drain();
    return this;
  }

  #drain(): void {
    const { outputs, times } = this.drive;
    for (; this.#read < outputs.length; this.#read += 1) {
      const output = outputs[this.#read];
      if (output?.kind === 'send') this.down((times[this.#read] ?? 0) - START, output.payload);
    }
  }
}

export interface Played {
  readonly index: SoundIndex;
  readonly shape: WavShape;
  readonly renderer: Renderer;
  readonly bytes: Uint8Array;
}

export async function play(log: SoundLog, channels: readonly Channel[] = BOTH): Promise<Played> {
  const index = await indexSound(log);
  const shape = wavShape(index, channels);
  if (shape === null) throw new Error('too long');
  const renderer = new Renderer(log, index, shape.rate);
  return { index, shape, renderer, bytes: await bytesOf(renderer, shape, 0, shape.bytes) };
}

export async function bytesOf(
  renderer: Renderer,
  shape: WavShape,
  from: number,
  to: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  let at = 0;
  for await (const part of wavBytes(renderer, shape, from, to)) {
    bytes.set(part, at);
    at += part.length;
  }
  if (at !== bytes.length) throw new Error(`${at} bytes of ${bytes.length}`);
  return bytes;
}

export interface ReadWav {
  readonly rate: number;
  readonly left: Int16Array;
  readonly right: Int16Array;
}

/** What a library that knows nothing of us reads in a stereo file. */
export function readWav(bytes: Uint8Array): ReadWav {
  const file = new WaveFile(bytes);
  // Its types know neither the format chunk nor what two channels come as.
  const { numChannels, sampleRate, bitsPerSample } = file.fmt as {
    numChannels: number;
    sampleRate: number;
    bitsPerSample: number;
  };
  if (numChannels !== 2 || bitsPerSample !== 16)
    throw new Error(`${numChannels} channels of ${bitsPerSample} bits`);
  const [left, right] = file.getSamples(false, Int16Array) as unknown as [Int16Array, Int16Array];
  return { rate: sampleRate, left, right };
}

export function base64Of(samples: Int16Array | Uint8Array): string {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');
}

/** Every sample different from its neighbours, so that what is moved by one is noticed. */
export function ramp(length: number, seed = 1): Int16Array {
  return Int16Array.from({ length }, (_, index) => ((index * 7919 + seed * 104_729) % 40_000) - 20_000);
}
