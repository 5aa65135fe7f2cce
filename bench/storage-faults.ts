/**
 * What a recorder that is slow, or fails, costs those who talk meanwhile: latency of paced voice through Parley on plain
 * workerd, while every write of the log works, takes 5 s, or fails. `node bench/storage-faults.ts [sessions] [rounds]`, 10
 * sessions and 3 rounds without; build first.
 *
 * In all three the recorder asks this process before each write, so that asking costs all of them the same. The sessions talk
 * through all of it: opening and closing them is measured in none.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldRecorder, type Mood, startHeldRecorder } from '../test/support/held-recorder.ts';
import { stopAll } from './children.ts';
import { makeFrames } from './frames.ts';
import { pacedPhases, type Phase } from './load.ts';
import { startUpstream } from './peers.ts';
import { Samples, spread } from './samples.ts';

const FRAME_BYTES = 1300;
const WINDOW_MS = 12_000;
/** Until what was under way has ended. */
const SETTLE_MS = 1000;
const SLOW_MS = 5000;
/** Until what the load before left in memory has been stored. */
const REST_MS = 4000;

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
  const windows = Array.from({ length: rounds }, (_, round) => {
    // Another one goes first in each round.
    const turn = round % MOODS.length;
    return [...MOODS.slice(turn), ...MOODS.slice(0, turn)].map(([name, mood]) => ({
      name,
      mood,
      samples: new Samples(),
      after: new Samples(),
    }));
  });
  const phases = windows.flat().flatMap(({ mood, samples, after }): Phase[] => [
    { samples: null, run: () => become(parley, mood, SETTLE_MS) },
    { samples, run: () => sleep(WINDOW_MS) },
    { samples: after, run: () => become(parley, 'works', REST_MS) },
  ]);
  const loadBefore = loadavg()[0] ?? 0;
  const warm = { samples: null, run: () => sleep(REST_MS) };
  const counts = await pacedPhases(target, makeFrames(FRAME_BYTES), { sessions, seed: 1 }, [warm, ...phases]);
  await parley.stop();
  console.log(
    `${sessions} sessions, ${rounds} rounds, load before ${loadBefore.toFixed(1)}; ms; p99 by round\n`,
  );
  const healthy = spread(tails(windows, 'works', 'samples'))?.median ?? Number.NaN;
  for (const kind of ['samples', 'after'] as const)
    for (const [name] of MOODS) {
      const tail = tails(windows, name, kind);
      const ratio = (spread(tail)?.median ?? Number.NaN) / healthy;
      console.log(
        `${(kind === 'after' ? `${name}, after` : name).padEnd(16)} p99 ${tail.map((value) => value.toFixed(2)).join(' ')}   medians of p99 to "works" ${ratio.toFixed(2)}`,
      );
    }
  console.log(`frames lost or wrong: ${counts.lost + counts.wrong}`);
}

interface Window {
  readonly name: string;
  readonly samples: Samples;
  /** While what had to wait is stored. */
  readonly after: Samples;
}

function tails(windows: readonly (readonly Window[])[], name: string, kind: 'samples' | 'after'): number[] {
  return windows.map(
    (round) => round.find((each) => each.name === name)?.[kind].quantile(0.99) ?? Number.NaN,
  );
}

async function become(parley: HeldRecorder, mood: Mood, ms: number): Promise<void> {
  parley.set(mood);
  await sleep(ms);
}
