/**
 * What a recorder that is slow, or fails, costs those who talk meanwhile: latency of paced voice through Parley on plain
 * workerd, while every write of the log works, takes 5 s, or fails. `node bench/storage-faults.ts [sessions] [rounds]`, 10
 * sessions and 3 rounds without; build first.
 *
 * In all three the recorder asks this process before each write, so that asking costs all of them the same; it is told how
 * to take them once the sessions are under way, so that the opening of their records is measured in none.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Mood, startHeldRecorder } from '../test/support/held-recorder.ts';
import { stopAll } from './children.ts';
import { makeFrames } from './frames.ts';
import { pacedVoice } from './load.ts';
import { startUpstream } from './peers.ts';
import { spread } from './samples.ts';

const FRAME_BYTES = 1300;
const DURATION_MS = 14_000;
const DISCARD_MS = 2000;
const SLOW_MS = 5000;
/** Until what the load before left in memory has been stored. */
const REST_MS = 3000;

const MOODS: readonly (readonly [string, Mood])[] = [
  ['works', 'works'],
  ['5 s slow', { slowMs: SLOW_MS }],
  ['fails', 'fails'],
];

const sessions = Number(process.argv[2] ?? 10);
const rounds = Number(process.argv[3] ?? 3);
const dataDir = mkdtempSync(`${tmpdir()}/parley-storage-faults-`);
try {
  await run();
} finally {
  await stopAll();
  rmSync(dataDir, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const upstream = await startUpstream();
  const env = { OPENAI_BASE_URL: `http://127.0.0.1:${upstream.port}/v1`, OPENAI_API_KEY: 'stored' };
  const parley = await startHeldRecorder(env, dataDir);
  const target = {
    url: `${parley.ws}/v1/bench/faults/openai?model=gpt-realtime`,
    headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
  };
  const p50 = new Map<string, number[]>();
  const p99 = new Map<string, number[]>();
  let lost = 0;
  const loadBefore = loadavg()[0] ?? 0;
  for (let round = 0; round < rounds; round += 1) {
    // Another one goes first in each round.
    const turn = round % MOODS.length;
    for (const [name, mood] of [...MOODS.slice(turn), ...MOODS.slice(0, turn)]) {
      const voice = await pacedVoice(
        target,
        makeFrames(FRAME_BYTES),
        { sessions, durationMs: DURATION_MS, discardMs: DISCARD_MS, seed: round },
        () => parley.set(mood),
      );
      parley.set('works');
      lost += voice.lost + voice.wrong;
      for (const [sums, share] of [
        [p50, 0.5],
        [p99, 0.99],
      ] as const)
        sums.set(name, [...(sums.get(name) ?? []), voice.latencyMs.quantile(share) ?? Number.NaN]);
      await sleep(REST_MS);
    }
  }
  await parley.stop();
  console.log(
    `${sessions} sessions, ${rounds} rounds, load before ${loadBefore.toFixed(1)}; ms; p99 by round\n`,
  );
  for (const [name] of MOODS) {
    const [half, tail] = [p50.get(name) ?? [], p99.get(name) ?? []];
    const healthy = p99.get('works') ?? [];
    const ratio = spread(tail.map((value, round) => value / (healthy[round] ?? Number.NaN)))?.median;
    console.log(
      `${name.padEnd(10)} p50 ${spread(half)?.median.toFixed(2)}   p99 ${tail.map((value) => value.toFixed(2)).join(' ')}   median of p99 to "works" ${ratio?.toFixed(2)}`,
    );
  }
  console.log(`frames lost or wrong: ${lost}`);
}
