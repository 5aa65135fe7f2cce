/**
 * What those who talk notice while a long session is given back: latency of paced voice through Parley on plain workerd, in
 * windows with and without an export beside it, in turn. `node bench/beside-exports.ts [rounds] [minutes] [sessions]`, 5
 * rounds, an hour and 10 sessions without; build first.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { connected } from '../test/support/client.ts';
import { type ParleyProcess, startParley } from '../test/support/parley-process.ts';
import { stopAll } from './children.ts';
import { makeFrames } from './frames.ts';
import { writeVoice } from './hour-of-voice.ts';
import { pacedPhases, type Phase } from './load.ts';
import { startUpstream } from './peers.ts';
import { Samples, spread } from './samples.ts';

const SESSION = 'hour';
const FRAME_BYTES = 1300;
const WINDOW_MS = 6000;
/** Until an export is under way, or what it left is gone. */
const BETWEEN_MS = 500;
/** Until the objects of sessions that ended before are gone: with each the runtime closes a database, 10 s later. */
const WARM_UP_MS = 14_000;
const EXPORTS = ['events.ndjson', 'digest', 'audio.wav', 'export.har', 'export.zip'];
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
  for (const path of EXPORTS) console.log(await compare(parley, path));
  await parley.stop();
}

async function compare(parley: ParleyProcess, path: string): Promise<string> {
  const windows = Array.from({ length: rounds }, () => ({ alone: new Samples(), beside: new Samples() }));
  let stop = async (): Promise<void> => undefined;
  const phases = windows.flatMap(({ alone, beside }): Phase[] => [
    { samples: alone, run: () => sleep(WINDOW_MS) },
    {
      samples: null,
      run: async () => {
        stop = keepReading(parley, path);
        await sleep(BETWEEN_MS);
      },
    },
    { samples: beside, run: () => sleep(WINDOW_MS) },
    { samples: null, run: () => stop().then(() => sleep(BETWEEN_MS)) },
  ]);
  const target = {
    url: `${parley.ws}/v1/bench/sound/openai?model=gpt-realtime`,
    headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
  };
  const warm = { samples: null, run: () => sleep(WARM_UP_MS) };
  const counts = await pacedPhases(target, makeFrames(FRAME_BYTES), { sessions, seed: 1 }, [warm, ...phases]);
  if (counts.lost + counts.wrong > 0) throw new Error(`${counts.lost} frames lost, ${counts.wrong} wrong`);
  const p99 = (kind: 'alone' | 'beside') => windows.map((each) => each[kind].quantile(0.99) ?? Number.NaN);
  const shown = (kind: 'alone' | 'beside') => {
    const half = spread(windows.map((each) => each[kind].quantile(0.5)));
    const tails = p99(kind).map((value) => value.toFixed(2));
    return `${kind} p50 ${half?.median.toFixed(2)} p99 ${tails.join(' ')}`;
  };
  const ratio = (spread(p99('beside'))?.median ?? Number.NaN) / (spread(p99('alone'))?.median ?? Number.NaN);
  return `${path.padEnd(14)} ${shown('alone')}   ${shown('beside')}   medians of p99 ${ratio.toFixed(2)}`;
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
