/** SoX, which reads WAV and decodes, encodes and resamples raw sound without a line of ours. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const SOX = '/usr/bin/sox';
const SOXI = '/usr/bin/soxi';

/** False on a machine without it, where its tests are skipped; throws where they must not be. */
export function hasSox(): boolean {
  if (existsSync(SOX) && existsSync(SOXI)) return true;
  if (process.env['PARLEY_REQUIRE_SOX'] === '1') throw new Error(`no ${SOX}`);
  console.warn(`skipped: there is no ${SOX}; Debian's package sox brings it`);
  return false;
}

/** Raw sound of one channel, as SoX's arguments tell it. */
export interface RawFormat {
  readonly encoding: 'signed-integer' | 'floating-point' | 'mu-law' | 'a-law';
  readonly bits: 8 | 16 | 32;
  readonly rate: number;
}

const pcm = (rate: number): RawFormat => ({ encoding: 'signed-integer', bits: 16, rate });

function rawOf({ encoding, bits, rate }: RawFormat): string[] {
  return ['-t', 'raw', '-e', encoding, '-b', `${bits}`, '-L', '-c', '1', '-r', `${rate}`];
}

/** No dither, so that every sample is told as it is. */
const EXACT = '-D';
/** Raw sound may be beyond full scale, which is clipped: no word of that. */
const QUIET = '-V1';

/** One sound of raw bytes as samples of 16 bits, resampled where `rate` is another than its own. */
export async function decoded(bytes: Uint8Array, format: RawFormat, rate = format.rate): Promise<Int16Array> {
  return samplesOf(await run(SOX, [EXACT, QUIET, ...rawOf(format), '-', ...rawOf(pcm(rate)), '-'], bytes));
}

export async function encoded(samples: Int16Array, format: RawFormat): Promise<Buffer> {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  return run(SOX, [EXACT, QUIET, ...rawOf(pcm(format.rate)), '-', ...rawOf(format), '-'], bytes);
}

/** What a WAV file of several channels holds in one of them, numbered from 1. */
export async function channelOf(wav: Uint8Array, channel: 1 | 2): Promise<Int16Array> {
  const out = ['-t', 'raw', '-e', 'signed-integer', '-b', '16', '-L', '-'];
  return samplesOf(await run(SOX, [EXACT, '-t', 'wav', '-', ...out, 'remix', `${channel}`], wav));
}

export interface About {
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
  readonly encoding: string;
  readonly samples: number;
  readonly seconds: number;
}

/** What `soxi` says of a file. */
export async function about(file: string): Promise<About> {
  const of = async (option: string): Promise<string> =>
    (await run(SOXI, [option, file], new Uint8Array())).toString().trim();
  const [channels, rate, bits, encoding, samples, seconds] = await Promise.all(
    ['-c', '-r', '-b', '-e', '-s', '-D'].map(of),
  );
  return {
    channels: Number(channels),
    rate: Number(rate),
    bits: Number(bits),
    encoding: encoding ?? '',
    samples: Number(samples),
    seconds: Number(seconds),
  };
}

/** Complaints are failures: SoX warns of a head that does not fit its data, and goes on. */
async function run(program: string, args: readonly string[], input: Uint8Array): Promise<Buffer> {
  const child = spawn(program, args);
  const out: Buffer[] = [];
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  // It may have read enough.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0 || complaints !== '') throw new Error(`${program} ${args.join(' ')}: ${code} ${complaints}`);
  return Buffer.concat(out);
}

function samplesOf(bytes: Buffer): Int16Array {
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
