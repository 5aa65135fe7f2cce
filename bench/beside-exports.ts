/**
 * What those who talk notice while a long session is given back: latency of paced voice through Parley on plain workerd, in
 * windows with and without an export beside it, in turn. `node bench/beside-exports.ts [rounds] [minutes] [sessions]`, 5
 * rounds, an hour and 10 sessions without; build first.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { connected } from '../test/support/client.ts';
import { type ParleyProcess, startParley } from '../test/support/parley-process.ts';
import { stopAll } from './children.ts';
import { makeFrames } from './frames.ts';
import { writeVoice } from './hour-of-voice.ts';
import { pacedVoice } from './load.ts';
import { startUpstream } from './peers.ts';
import { spread } from './samples.ts';

const SESSION = 'hour';
const FRAME_BYTES = 1300;
const WINDOW_MS = 5000;
const DISCARD_MS = 1000;
const EXPORTS = ['events.ndjson', 'audio.wav', 'export.har', 'export.zip'];
const MIB = 1024 * 1024;

const rounds = Number(process.argv[2] ?? 5);
const minutes = Number(process.argv[3] ?? 60);
const sessions = Number(process.argv[4] ?? 10);
const dataDir = mkdtempSync(`${tmpdir()}/parley-beside-exports-`);
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
  await fetch(`${first.http}/v1/acct/gw/sessions/${SESSION}/end`, {
    method: 'POST',
    headers: { authorization: `Bearer ${first.token}` },
  });
  await first.stop();
  const logged = writeVoice(dataDir, SESSION, minutes);
  const load = (loadavg()[0] ?? 0).toFixed(1);
  console.log(
    `${minutes} minutes, ${(logged / MIB).toFixed(0)} MiB of log; ${sessions} sessions talk; load before ${load}; ms`,
  );
  const parley = await startParley({ dataDir, env });
  // The first window finds cold code.
  await talk(parley);
  for (const path of EXPORTS) console.log(await compare(parley, path));
  await parley.stop();
}

async function compare(parley: ParleyProcess, path: string): Promise<string> {
  const [alone, beside]: { p50: number; p99: number }[][] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    alone?.push(await talk(parley));
    const stop = keepReading(parley, path);
    beside?.push(await talk(parley));
    await stop();
  }
  const p99 = (windows: typeof alone) => (windows ?? []).map((each) => each.p99);
  const ratio = (spread(p99(beside))?.median ?? Number.NaN) / (spread(p99(alone))?.median ?? Number.NaN);
  const shown = (windows: typeof alone) =>
    `p50 ${(spread((windows ?? []).map((each) => each.p50))?.median ?? Number.NaN).toFixed(2)} p99 ${p99(
      windows,
    )
      .map((value) => value.toFixed(2))
      .join(' ')}`;
  return `${path.padEnd(14)} alone ${shown(alone)}  beside ${shown(beside)}  medians of p99 ${ratio.toFixed(2)}`;
}

async function talk(parley: ParleyProcess): Promise<{ p50: number; p99: number }> {
  const voice = await pacedVoice(
    {
      url: `${parley.ws}/v1/bench/sound/openai?model=gpt-realtime`,
      headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
    },
    makeFrames(FRAME_BYTES),
    { sessions, durationMs: WINDOW_MS, discardMs: DISCARD_MS, seed: 1 },
    () => undefined,
  );
  if (voice.lost + voice.wrong > 0) throw new Error(`${voice.lost} frames lost, ${voice.wrong} wrong`);
  const quantile = (share: number) => voice.latencyMs.quantile(share) ?? Number.NaN;
  return { p50: quantile(0.5), p99: quantile(0.99) };
}

/** Again and again until it is stopped; in a process of its own, so that reading does not hold up the measuring. */
function keepReading(parley: ParleyProcess, path: string): () => Promise<void> {
  const url = `${parley.http}/v1/acct/gw/sessions/${SESSION}/${path}`;
  const leave = new AbortController();
  const reading = (async () => {
    while (!leave.signal.aborted) await readOnce(url, parley.token, leave.signal);
  })();
  return () => {
    leave.abort();
    return reading;
  };
}

async function readOnce(url: string, token: string, leave: AbortSignal): Promise<void> {
  const head = `authorization: Bearer ${token}`;
  const curl = spawn('curl', ['-s', '-H', head, url, '-o', '/dev/null'], { stdio: 'inherit' });
  leave.addEventListener('abort', () => curl.kill(), { once: true });
  await new Promise((resolve) => {
    curl.once('close', resolve);
  });
}
