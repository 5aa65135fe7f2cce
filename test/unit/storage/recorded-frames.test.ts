import { AS_STORED } from '../../support/log-access.ts';
import { assert, asyncProperty } from 'fast-check';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../protocol/connect.ts';
import { SegmentWriter } from '../../../protocol/segment.ts';
import { recordedFrames } from '../../../storage/recorded-frames.ts';
import type { SessionStore, StoredSegment } from '../../../storage/session-store.ts';

const payloads = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes).buffer as Payload),
);
const frames = fc.array(
  fc.record({ payload: payloads, direction: fc.constantFrom('up' as const, 'down' as const) }),
);

/** The part of a store that is read here. */
function storeOf(segments: readonly StoredSegment[]): SessionStore {
  return {
    firstSegmentAfter: (seq: number) =>
      segments.find((each) => each.lastSeq > seq)?.number ?? segments.length + 1,
    segment: (number: number) => segments[number - 1] ?? null,
    exists: () => true,
    records: () => [],
  } as unknown as SessionStore;
}

const comparable = (payload: Payload | null) =>
  typeof payload === 'string' || payload === null ? payload : [...new Uint8Array(payload)];

describe('P3 frames to be played', () => {
  it('P3 are those that were packed, whatever their size against that of a segment', async () => {
    await assert(
      asyncProperty(
        frames,
        fc.integer({ min: 20, max: 500 }),
        fc.nat({ max: 20 }),
        async (given, size, after) => {
          const writer = new SegmentWriter(size);
          for (const [index, { payload, direction }] of given.entries())
            writer.append(
              index + 1,
              { direction, client: 1, at: 1000 + index, payload, translated: false },
              true,
            );
          const store = storeOf(writer.take().map((segment) => ({ ...segment, codec: 'raw' as const })));
          const found: unknown[] = [];
          for await (const each of recordedFrames(store, after, AS_STORED))
            found.push([each.seq, each.at, each.direction, comparable(each.payload)]);
          expect(found).toEqual(
            given
              .map(({ payload, direction }, index) => [
                index + 1,
                1000 + index,
                direction,
                comparable(payload),
              ])
              .slice(after),
          );
        },
      ),
    );
  });
});
