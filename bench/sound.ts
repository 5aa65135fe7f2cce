/**
 * What it costs to hear a long session: time, memory of workerd, and what those who talk meanwhile notice.
 * `node bench/sound.ts [minutes] [sessions that talk]`, 60 and 10 without; build first.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { connected } from '../test/support/client.ts';
import { type ParleyProcess, startParley } from '../test/support/parley-process.ts';
import { stopAll } from './children.ts';
import { makeFrames } from './frames.ts';
import { writeVoice } from './hour-of-voice.ts';
import { pacedVoice } from './load.ts';
import { startUpstream } from './peers.ts';

const minutes = Number(process.argv[2] ?? 60);
const talking = Number(process.argv[3] ?? 10);
const SESSION = 'hour';
const FRAME_BYTES = 1300;
const QUIET_MS = 12_000;
const MIB = 1024 * 1024;
const LOOK_MS = 25;

const dataDir = mkdtempSync(`${tmpdir()}/parley-sound-`);
try {
  await run();
} finally {
  await stopAll();
  rmSync(dataDir, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const upstream = await startUpstream();
  const env = { OPENAI_BASE_URL: `http://127.0.0.1:${upstream.port}/v1`, OPENAI_API_KEY: 'stored' };
  const first = await startParley({ dataDir, env });
  const client = await connected(first, { query: `model=gpt-realtime&parley-session=${SESSION}` });
  client.socket.close(1000);
  await client.closed;
  const url = (parley: ParleyProcess) => `${parley.http}/v1/acct/gw/sessions/${SESSION}`;
  await fetch(`${url(first)}/end`, { method: 'POST', headers: { authorization: `Bearer ${first.token}` } });
  await first.stop();
  const logged = writeVoice(dataDir, SESSION, minutes);
  console.log(`${minutes} minutes, ${(logged / MIB).toFixed(0)} MiB of log`);
  const parley = await startParley({ dataDir, env });
  await talk(parley, 'nobody listens', () => sleep(QUIET_MS, ''));
  const jobs = ['audio.wav', 'audio.wav', 'audio.wav?channel=left', 'peaks?pixels=2000'];
  for (const [number, path] of jobs.entries())
    await talk(parley, `${path}${number === 0 ? ', first' : ''}`, () =>
      read(parley, `${url(parley)}/${path}`),
    );
  await ranges(parley, `${url(parley)}/audio.wav`);
  await parley.stop();
}

/** Measures those who talk while `job` goes on. */
async function talk(parley: ParleyProcess, name: string, job: () => Promise<string>): Promise<void> {
  const memory = watchMemory(parley.workerdPid);
  const startedAt = performance.now();
  const state: { result: string | null } = { result: null };
  const work = job().then((result) => {
    state.result = result;
  });
  const latencies: string[] = [];
  while (state.result === null) {
    const voice = await pacedVoice(
      {
        url: `${parley.ws}/v1/bench/sound/openai?model=gpt-realtime`,
        headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
      },
      makeFrames(FRAME_BYTES),
      { sessions: talking, durationMs: 4_000, discardMs: 500, seed: 1 },
      () => undefined,
    );
    const [p50, p99] = [voice.latencyMs.quantile(0.5) ?? NaN, voice.latencyMs.quantile(0.99) ?? NaN];
    latencies.push(`${p50.toFixed(1)}/${p99.toFixed(1)}`);
  }
  await work;
  const { before, most } = memory();
  console.log(
    `${name.padEnd(24)} ${((performance.now() - startedAt) / 1000).toFixed(1)} s  memory ${before} -> ${most} MiB  p50/p99 ms of those who talk: ${latencies.join(' ')}  ${state.result}`,
  );
}

/** In a process of its own, so that reading does not hold up the measuring. */
function read(parley: ParleyProcess, url: string): Promise<string> {
  const child = spawn(
    'curl',
    [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download} bytes, first after %{time_starttransfer} s, %{time_total} s',
      '-H',
      `authorization: Bearer ${parley.token}`,
      url,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve(said));
  });
}

async function ranges(parley: ParleyProcess, url: string): Promise<void> {
  const headers = { authorization: `Bearer ${parley.token}` };
  const bytes = Number((await fetch(url, { method: 'HEAD', headers })).headers.get('content-length'));
  const took: number[] = [];
  for (let n = 0; n < 50; n += 1) {
    const from = Math.floor((((n * 7919) % 1000) / 1000) * (bytes - MIB));
    const startedAt = performance.now();
    await (
      await fetch(url, { headers: { ...headers, range: `bytes=${from}-${from + 96_000}` } })
    ).arrayBuffer();
    took.push(performance.now() - startedAt);
  }
  took.sort((one, other) => one - other);
  console.log(
    `a second of it, anywhere  median ${took[25]?.toFixed(1)} ms, worst ${took.at(-1)?.toFixed(1)} ms`,
  );
}

function watchMemory(pid: number): () => { before: number; most: number } {
  const anonymous = (): number =>
    Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  const before = anonymous();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, anonymous());
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    return { before: Math.round(before), most: Math.round(most) };
  };
}
