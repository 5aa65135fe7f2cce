/** The loads: each drives one peer for a bounded time and counts what came back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Target } from './connection.ts';
import { type Frames, seededRandom } from './frames.ts';
import { Samples } from './samples.ts';

/** How long frames may still come back after the last was sent, before they count as lost. */
const DRAIN_MS = 3000;
const OPEN_AT_ONCE = 5;
const FRAME_INTERVAL_MS = 20;
/** Between asking for a close and hanging up. */
const CLOSE_MS = 150;

/** Asked at the beginning and the end of the measured span, so that costs cover the same span as counts. */
export type Mark = () => void;

export interface Counts {
  readonly sent: number;
  readonly lost: number;
  readonly wrong: number;
}

export interface RoundTrips extends Counts {
  readonly latencyMs: Samples;
}

/** One frame at a time over one session: what a single user feels. */
export async function roundTrips(
  target: Target,
  frames: Frames,
  { count, warmUp, gapMs }: { readonly count: number; readonly warmUp: number; readonly gapMs: number },
): Promise<RoundTrips> {
  const latencyMs = new Samples();
  const connection = await Connection.open(target, frames);
  let done = 0;
  await new Promise<void>((resolve) => {
    let sentAt = 0;
    let watchdog: NodeJS.Timeout | undefined = undefined;
    const next = (): void => {
      watchdog = setTimeout(resolve, DRAIN_MS);
      sentAt = performance.now();
      connection.send();
    };
    connection.onEcho = () => {
      const took = performance.now() - sentAt;
      clearTimeout(watchdog);
      if (done++ >= warmUp) latencyMs.add(took);
      if (done < warmUp + count) setTimeout(next, gapMs);
      else resolve();
    };
    next();
  });
  return { ...(await finish([connection])), latencyMs };
}

export interface Saturation extends Counts {
  readonly perSecond: number;
  readonly seconds: number;
}

/** As many round trips as go through: each session keeps a window of frames on the way. */
export async function saturate(
  target: Target,
  frames: Frames,
  plan: {
    readonly sessions: number;
    readonly window: number;
    readonly warmUpMs: number;
    readonly measuredMs: number;
  },
  mark: Mark,
): Promise<Saturation> {
  const connections = await openAll(target, frames, plan.sessions);
  let running = true;
  let echoes = 0;
  for (const connection of connections) {
    connection.onEcho = () => {
      echoes++;
      if (running) connection.send();
    };
    for (let sent = 0; sent < plan.window; sent++) connection.send();
  }
  await sleep(plan.warmUpMs);
  mark();
  const before = echoes;
  const startedAt = performance.now();
  await sleep(plan.measuredMs);
  const counted = echoes - before;
  const seconds = (performance.now() - startedAt) / 1000;
  mark();
  running = false;
  return { ...(await finish(connections)), perSecond: counted / seconds, seconds };
}

export interface PacedVoice extends Counts {
  readonly latencyMs: Samples;
  /** Of the frames sent in the measured span, the share that came back at all. */
  readonly echoedShare: number | null;
  /** How late the generator itself was in sending: large values mean that this machine is too busy to measure. */
  readonly latenessMs: Samples;
  readonly seconds: number;
}

/** Sessions that talk in real time: 50 frames a second each, whatever comes back. */
export async function pacedVoice(
  target: Target,
  frames: Frames,
  plan: {
    readonly sessions: number;
    readonly durationMs: number;
    readonly discardMs: number;
    readonly seed: number;
  },
  mark: Mark,
): Promise<PacedVoice> {
  const connections = await openAll(target, frames, plan.sessions);
  const perSession = Math.ceil(plan.durationMs / FRAME_INTERVAL_MS) + 2;
  const latencyMs = new Samples();
  const latenessMs = new Samples();
  let measuring = false;
  let sentMeasured = 0;
  const voices = connections.map((connection) => {
    // Not a number for a frame that is not measured, so that its echo is not either.
    const sentAt = new Float64Array(perSession).fill(NaN);
    connection.onEcho = (sequence) => {
      const took = performance.now() - (sentAt[sequence] ?? NaN);
      if (!Number.isNaN(took)) latencyMs.add(took);
    };
    return (lateBy: number): void => {
      if (measuring) {
        sentAt[connection.sent] = performance.now();
        latenessMs.add(lateBy);
        sentMeasured++;
      }
      connection.send();
    };
  });
  const startedAt = performance.now();
  let measuredFrom = startedAt;
  const start = setTimeout(() => {
    mark();
    measuredFrom = performance.now();
    measuring = true;
  }, plan.discardMs);
  const end = startedAt + plan.durationMs;
  await pace(voices, plan.seed, () => performance.now() >= end);
  clearTimeout(start);
  mark();
  const seconds = (performance.now() - measuredFrom) / 1000;
  const counts = await finish(connections);
  const echoedShare = sentMeasured === 0 ? null : latencyMs.count / sentMeasured;
  return { ...counts, latencyMs, latenessMs, echoedShare, seconds };
}

/** A part of a talk, and the sum of what was measured in it; null: it is not measured. */
export interface Phase {
  readonly samples: Samples | null;
  readonly run: () => Promise<void>;
}

/**
 * Sessions that talk through all phases, one after the other, so that opening and closing sessions is in none of them. A frame
 * counts for the phase in which it was sent.
 */
export async function pacedPhases(
  target: Target,
  frames: Frames,
  { sessions, seed }: { readonly sessions: number; readonly seed: number },
  phases: readonly Phase[],
): Promise<Counts> {
  const connections = await openAll(target, frames, sessions);
  let samples: Samples | null = null;
  let isOver = false;
  const voices = connections.map((connection) => {
    const sent = new Map<number, { readonly at: number; readonly samples: Samples | null }>();
    connection.onEcho = (sequence) => {
      const of = sent.get(sequence);
      sent.delete(sequence);
      if (of !== undefined) of.samples?.add(performance.now() - of.at);
    };
    return (): void => {
      sent.set(connection.sent, { at: performance.now(), samples });
      connection.send();
    };
  });
  const talk = pace(voices, seed, () => isOver);
  for (const phase of phases) {
    ({ samples } = phase);
    await phase.run();
  }
  isOver = true;
  await talk;
  return finish(connections);
}

export interface SetUps extends Counts {
  readonly openMs: Samples;
  readonly firstEchoMs: Samples;
  readonly perSecond: number;
}

/** One new session after the other; each is closed when its first echo is there, which the next does not await. */
export async function setUps(target: Target, frames: Frames, count: number): Promise<SetUps> {
  const openMs = new Samples();
  const firstEchoMs = new Samples();
  const connections: Connection[] = [];
  const startedAt = performance.now();
  for (let made = 0; made < count; made++) {
    const from = performance.now();
    const connection = await Connection.open(target, frames);
    openMs.add(performance.now() - from);
    connections.push(connection);
    const echoed = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), DRAIN_MS);
      connection.onEcho = () => {
        clearTimeout(timer);
        resolve(true);
      };
      connection.send();
    });
    if (!echoed) break;
    firstEchoMs.add(performance.now() - from);
    connection.close();
  }
  const perSecond = (1000 * firstEchoMs.count) / (performance.now() - startedAt);
  return { ...(await finish(connections)), openMs, firstEchoMs, perSecond };
}

/** Calls each voice every 20 ms from its own random start, in one timer for all. */
async function pace(
  voices: readonly ((lateBy: number) => void)[],
  seed: number,
  isOver: () => boolean,
): Promise<void> {
  const random = seededRandom(seed);
  const startedAt = performance.now();
  const due = voices
    .map((speak) => ({ speak, at: startedAt + random() * FRAME_INTERVAL_MS }))
    .sort((a, b) => a.at - b.at);
  while (!isOver()) {
    for (const voice of due) {
      // After a stall of this process, what is overdue goes at once: the load must not wait for the loaded.
      for (let now = performance.now(); voice.at <= now; now = performance.now()) {
        voice.speak(now - voice.at);
        voice.at += FRAME_INTERVAL_MS;
      }
    }
    await sleep(1);
  }
}

async function openAll(target: Target, frames: Frames, count: number): Promise<readonly Connection[]> {
  const connections: Connection[] = [];
  try {
    while (connections.length < count) {
      const some = Math.min(OPEN_AT_ONCE, count - connections.length);
      const opened = await Promise.allSettled(
        Array.from({ length: some }, () => Connection.open(target, frames)),
      );
      for (const each of opened) if (each.status === 'fulfilled') connections.push(each.value);
      for (const each of opened) if (each.status === 'rejected') throw each.reason;
    }
  } catch (error) {
    for (const connection of connections) connection.drop();
    throw error;
  }
  return connections;
}

/** Waits for what is still on the way, closes, and counts. */
async function finish(connections: readonly Connection[]): Promise<Counts> {
  const until = performance.now() + DRAIN_MS;
  const waiting = (): boolean => connections.some((each) => each.isOpen && each.outstanding > 0);
  while (waiting() && performance.now() < until) await sleep(10);
  const sum = (of: (each: Connection) => number): number =>
    connections.reduce((total, each) => total + of(each), 0);
  const counts = {
    sent: sum((each) => each.sent),
    lost: sum((each) => each.outstanding),
    wrong: sum((each) => each.wrong),
  };
  for (const connection of connections) connection.close();
  await sleep(CLOSE_MS);
  for (const connection of connections) connection.drop();
  return counts;
}
