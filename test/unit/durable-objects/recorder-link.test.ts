import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { type RecorderCalls, RecorderLink } from '../../../durable-objects/recorder-link.ts';
import type { Checkpoint, Ending, Opening, Totals } from '../../../protocol/recording.ts';
import { type Limits, LIMITS } from '../../../session/limits.ts';
import { Recording } from '../../../session/recording.ts';

const AT = 1_700_000_000_000;
const FLUSH_BYTES = 1000;
/** Far more turns than any test here needs: a link that goes round without an end is stopped by it. */
const MOST_TURNS = 1000;

/** A session whose frames wait to be logged, and a recorder that answers a call only when the test lets it. */
function linked(checkpoint: Checkpoint | null = null, more: Partial<Limits> = {}) {
  const limits = { ...LIMITS, flushBytes: FLUSH_BYTES, recorderRetryMs: 1000, ...more };
  const recording = new Recording({ log: 'full', maxLogBytes: Infinity }, limits);
  const waiting: string[] = [];
  const calls: {
    readonly lastSeq: number | undefined;
    readonly kept: boolean;
    readonly answer: (error?: Error) => void;
  }[] = [];
  let [turns, underWay, mostUnderWay] = [0, 0, 0];
  const recorder: RecorderCalls = {
    write: ({ batch, checkpoint: kept }) =>
      new Promise((resolve, reject) => {
        underWay += 1;
        mostUnderWay = Math.max(mostUnderWay, underWay);
        const answer = (error?: Error): void => {
          underWay -= 1;
          if (error === undefined) resolve({ kind: 'opened' });
          else reject(error);
        };
        calls.push({ lastSeq: batch?.segments.at(-1)?.lastSeq, kept: kept !== null, answer });
      }),
  };
  const link: RecorderLink = new RecorderLink({
    recorder: () => recorder,
    // Neither is looked at by anything here.
    opening: {} as Opening,
    totals: () => ({}) as Totals,
    recording,
    catchUp: () => {
      turns += 1;
      if (turns > MOST_TURNS) throw new Error('goes round without an end');
      for (const payload of waiting.splice(0))
        recording.frame({ direction: 'down', client: 0, at: AT, payload, translated: false });
      // As the session does when enough of it has come together.
      if (recording.due === 'now') link.poke();
    },
    checkpoint: () => checkpoint,
    resumable: false,
    begun: true,
    limits,
    report: () => undefined,
  });
  return {
    link,
    calls,
    say: (length: number) => waiting.push('x'.repeat(length)),
    mostUnderWay: () => mostUnderWay,
  };
}

it('P4 frames that make a batch due while one is put together begin no second call, and nothing goes round for ever', async () => {
  const { link, calls, say, mostUnderWay } = linked();
  say(FLUSH_BYTES);
  void link.settle(60_000);
  await turn();
  expect(calls.map(({ lastSeq }) => lastSeq)).toEqual([1]);
  // The recorder is slow, and as much as a batch comes meanwhile.
  say(FLUSH_BYTES);
  link.poke();
  await turn();
  expect(calls).toHaveLength(1);
  calls[0]?.answer();
  await turn();
  expect(calls.map(({ lastSeq }) => lastSeq)).toEqual([1, 2]);
  calls[1]?.answer();
  await turn();
  expect(mostUnderWay()).toBe(1);
});

it('P4 after the end the link is at rest, whatever is left to store', async () => {
  const { link, calls, say, mostUnderWay } = linked();
  say(10);
  const finished = link.finish({} as Ending);
  await turn();
  calls[0]?.answer();
  await finished;
  say(FLUSH_BYTES);
  link.poke();
  await turn();
  expect(calls).toHaveLength(1);
  expect(mostUnderWay()).toBe(1);
});

it('P4 a recorder that was slow is called again within a flush interval, not at once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  const chance = vi.spyOn(Math, 'random').mockReturnValue(0.5);
  try {
    const { link, calls, say } = linked();
    say(FLUSH_BYTES);
    link.poke();
    await vi.advanceTimersByTimeAsync(LIMITS.flushMs);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2 * LIMITS.flushMs);
    say(FLUSH_BYTES);
    calls[0]?.answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(LIMITS.flushMs);
    expect(calls.map(({ lastSeq }) => lastSeq)).toEqual([1, 2]);
  } finally {
    chance.mockRestore();
    vi.useRealTimers();
  }
});

it.each([
  [
    'that rests is kept as such once all of its log is stored: else a kill -9 would leave a hole of which nobody tells',
    true,
  ],
  ['that lives is kept with the first call', false],
])('P3 a session %s', async (_what, resting) => {
  const checkpoint = { plan: '', snapshot: '', resting, final: false, graceMs: 0, endsAt: 0 };
  const { link, calls, say } = linked(checkpoint, {
    segmentBytes: FLUSH_BYTES / 2,
    recorderCallBytes: FLUSH_BYTES,
    recorderCallShare: 0,
  });
  for (let frame = 0; frame < 5; frame += 1) say(FLUSH_BYTES / 2);
  const keeping = link.keep();
  let answered = 0;
  while (!(await Promise.race([keeping.then(() => true), turn(false)]))) calls[answered++]?.answer();
  expect(await keeping).toBe(true);
  expect(calls.length).toBeGreaterThan(2);
  const kept = calls.map((call) => call.kept);
  expect(kept.indexOf(true)).toBe(resting ? calls.length - 1 : 0);
});
