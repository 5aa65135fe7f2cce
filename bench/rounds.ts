/** The order of a run: in every round each load meets every peer in turn, so that a slow minute meets them all. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Frames, makeFrames } from './frames.ts';
import { type Counts, pacedVoice, roundTrips, saturate, setUps } from './load.ts';
import type { Measure, Options } from './options.ts';
import type { Peer } from './peers.ts';
import { processInfo } from './process-cost.ts';
import type { Metric, Results, Scene } from './results.ts';

type Figures = Partial<Record<Metric, number | null>>;

interface Step {
  readonly at: Scene;
  readonly rounds: number;
  /** Longer than this the load cannot take unless something hangs. */
  readonly limitMs: number;
  readonly run: (peer: Peer, round: number) => Promise<Figures>;
}

export interface Failure extends Scene {
  readonly peer: string;
  readonly round: number;
  readonly reason: string;
}

const SMALL = makeFrames(200);
const LARGE = makeFrames(8192);
/** 20 ms of 24 kHz PCM in base64 and its JSON. */
const VOICE = makeFrames(1331);
const SIZES: readonly (readonly [string, Frames])[] = [
  ['200 B', SMALL],
  ['8 KB', LARGE],
];
/** Sessions, and frames that each keeps on the way. */
const WINDOWS: readonly (readonly [number, number])[] = [
  [1, 64],
  [100, 4],
];
/** Opening, draining and closing the sessions of a load. */
const AROUND_MS = 45_000;
const QUIET_CORES = 0.05;
const SETTLE_STEP_MS = 300;
const SETTLE_LIMIT_MS = 10_000;

export async function runRounds(
  peers: readonly Peer[],
  options: Options,
  results: Results,
  say: (line: string) => void,
): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  const steps = options.measures.flatMap((measure) => stepsOf(measure, options));
  recordMemory(peers, results, 'before any load');
  for (let round = 0; round < options.effort.rounds; round++) {
    for (const { at, rounds, limitMs, run } of steps) {
      if (round >= rounds) continue;
      for (const peer of inTurn(peers, round)) {
        await settle(peers);
        try {
          results.record(at, peer.name, round, await within(limitMs, run(peer, round)));
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          failures.push({ ...at, peer: peer.name, round, reason });
          say(`  ${at.measure} ${at.scene}, ${peer.name}: failed: ${reason}`);
        }
      }
      say(`round ${round + 1}/${rounds}: ${at.measure} ${at.scene}`);
    }
  }
  recordMemory(peers, results, 'after all loads');
  return failures;
}

function stepsOf(measure: Measure, { effort, sessions }: Options): readonly Step[] {
  switch (measure) {
    case 'rtt':
      return SIZES.map(([scene, frames]) => ({
        at: { measure, scene },
        rounds: effort.rounds,
        limitMs: AROUND_MS + (effort.roundTrips.count + effort.roundTrips.warmUp) * 100,
        run: async (peer) => {
          const { latencyMs, ...counts } = await roundTrips(peer, frames, effort.roundTrips);
          return { p50: latencyMs.quantile(0.5), p99: latencyMs.quantile(0.99), ...figuresOf(counts) };
        },
      }));
    case 'saturated':
      return SIZES.flatMap(([size, frames]) =>
        WINDOWS.map(([count, window]) => ({
          at: { measure, scene: `${count} × ${size}` },
          rounds: effort.rounds,
          limitMs: AROUND_MS + effort.saturated.warmUpMs + effort.saturated.measuredMs,
          run: (peer: Peer) => saturated(peer, frames, { sessions: count, window, ...effort.saturated }),
        })),
      );
    case 'paced':
      return sessions.map((count) => ({
        at: { measure, scene: String(count) },
        rounds: effort.pacedRounds,
        limitMs: AROUND_MS + effort.paced.durationMs,
        run: (peer, round) => paced(peer, { sessions: count, seed: 1 + round, ...effort.paced }),
      }));
    case 'setup':
      return [
        {
          at: { measure, scene: 'one after the other' },
          rounds: effort.rounds,
          limitMs: AROUND_MS + effort.setUps * 1000,
          run: async (peer) => {
            const { perSecond, openMs, firstEchoMs, ...counts } = await setUps(peer, SMALL, effort.setUps);
            const [openP50, firstEchoP50] = [openMs.quantile(0.5), firstEchoMs.quantile(0.5)];
            return { perSecond, openP50, firstEchoP50, ...figuresOf(counts) };
          },
        },
      ];
  }
}

async function saturated(peer: Peer, frames: Frames, plan: Parameters<typeof saturate>[2]): Promise<Figures> {
  const cost = costOf(peer);
  const { perSecond, seconds, ...counts } = await saturate(peer, frames, plan, cost.mark);
  const cpu = cost.cpuSeconds();
  return {
    perSecond,
    cpuPerRoundTrip: cpu === null ? null : (cpu * 1e6) / (perSecond * seconds),
    memory: cost.residentMiB(),
    ...figuresOf(counts),
  };
}

async function paced(peer: Peer, plan: Parameters<typeof pacedVoice>[2]): Promise<Figures> {
  const cost = costOf(peer);
  const load = await pacedVoice(peer, VOICE, plan, cost.mark);
  const cpu = cost.cpuSeconds();
  return {
    p50: load.latencyMs.quantile(0.5),
    p99: load.latencyMs.quantile(0.99),
    echoedShare: load.echoedShare,
    cores: cpu === null ? null : cpu / load.seconds,
    generatorLate: load.latenessMs.quantile(0.99),
    memory: cost.residentMiB(),
    ...figuresOf(load),
  };
}

/** What the peer's process spends between two marks; null where there is no process or no /proc. */
function costOf({ pid }: Peer): {
  readonly mark: () => void;
  readonly cpuSeconds: () => number | null;
  readonly residentMiB: () => number | null;
} {
  const marks: ReturnType<typeof processInfo>[] = [];
  return {
    mark: () => marks.push(pid === null ? null : processInfo(pid)),
    cpuSeconds: () => {
      const [from, to] = marks;
      return from && to ? to.cpuSeconds - from.cpuSeconds : null;
    },
    residentMiB: () => marks.at(-1)?.residentMiB ?? null,
  };
}

function figuresOf({ sent, lost, wrong }: Counts): Figures {
  return { sent, lost, wrong };
}

function recordMemory(peers: readonly Peer[], results: Results, scene: string): void {
  for (const { name, pid } of peers) {
    const memory = pid === null ? null : (processInfo(pid)?.residentMiB ?? null);
    results.record({ measure: 'memory', scene }, name, 0, { memory });
  }
}

/** Another peer goes first in each round. */
function inTurn(peers: readonly Peer[], round: number): readonly Peer[] {
  const first = round % Math.max(1, peers.length);
  return [...peers.slice(first), ...peers.slice(0, first)];
}

/** Waits until every peer has done with the load before: its closes, its flushes. */
async function settle(peers: readonly Peer[]): Promise<void> {
  const spent = (): number =>
    peers.reduce((sum, { pid }) => sum + (pid === null ? 0 : (processInfo(pid)?.cpuSeconds ?? 0)), 0);
  const until = performance.now() + SETTLE_LIMIT_MS;
  let before = spent();
  while (performance.now() < until) {
    await sleep(SETTLE_STEP_MS);
    const after = spent();
    if ((1000 * (after - before)) / SETTLE_STEP_MS <= QUIET_CORES) return;
    before = after;
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
