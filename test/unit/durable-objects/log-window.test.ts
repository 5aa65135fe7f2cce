import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { upstreamFrames } from '../../../durable-objects/log-window.ts';
import { SegmentWriter } from '../../../protocol/segment.ts';
import { SessionStore } from '../../../storage/session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

interface Logged {
  readonly direction: 'up' | 'down';
  readonly payload: string;
}

function storeOf(frames: readonly Logged[], segmentBytes: number): SessionStore {
  const store = new SessionStore(memoryDatabase());
  const address = { account: 'a', gateway: 'g', id: 's' };
  const about = { provider: 'openai', model: null, simulated: false, credentialSource: 'none' } as const;
  store.open(
    { address, ...about, log: 'full', metadata: {}, eventId: null, traceParent: null, startedAt: 1 },
    0,
  );
  const writer = new SegmentWriter(segmentBytes);
  frames.forEach(({ direction, payload }, index) =>
    writer.append(index + 1, { direction, client: 0, at: index, payload, translated: false }, true),
  );
  const segments = writer.take().map((segment) => ({ ...segment, codec: 'raw' as const }));
  store.append(segments, { records: [], totals: null, live: null });
  return store;
}

const frames = fc.array(
  fc.record({
    direction: fc.constantFrom('up' as const, 'down' as const),
    payload: fc.string({ maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 60 },
);

describe('P5 upstream frames out of the log', () => {
  it('P5 are those that were counted so, whatever was logged after the count was taken', async () => {
    await fc.assert(
      fc.asyncProperty(
        frames,
        fc.nat(60),
        fc.nat(60),
        fc.integer({ min: 40, max: 200 }),
        async (all, at, after, size) => {
          const seq = Math.min(at, all.length);
          const counted = all.slice(0, seq).filter(({ direction }) => direction === 'down');
          const received = counted.length;
          const from = Math.min(after, received) + 1;
          const found = await upstreamFrames(storeOf(all, size), { from, seq, received }, 1e6);
          expect(found).toEqual(counted.slice(from - 1).map(({ payload }) => ({ payload, to: 0 })));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('P5 P10 are not given where the log has not come so far yet, or they are more than one answer holds', async () => {
    const store = storeOf(
      [
        { direction: 'down', payload: 'one' },
        { direction: 'down', payload: 'two' },
      ],
      200,
    );
    expect(await upstreamFrames(store, { from: 1, seq: 3, received: 3 }, 1e6)).toBeNull();
    expect(await upstreamFrames(store, { from: 1, seq: 2, received: 2 }, 6)).toEqual([
      { payload: 'one', to: 0 },
      { payload: 'two', to: 0 },
    ]);
    expect(await upstreamFrames(store, { from: 1, seq: 2, received: 2 }, 5)).toBeNull();
  });
});
