import { describe, expect, it } from 'vitest';
import type { LogMode } from '../../../protocol/connect.ts';
import type { LoggedFrame } from '../../../protocol/segment.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Recording } from '../../../session/recording.ts';

const noTotals = () => null;
const frame = (payload: string, at = 0): LoggedFrame => ({
  direction: 'down',
  client: 0,
  at,
  payload,
  translated: false,
});
const recording = (log: LogMode = 'full', backlog = 1_000, maxLogBytes = Number.POSITIVE_INFINITY) =>
  new Recording(
    { log, maxLogBytes },
    { ...LIMITS, segmentBytes: 500, flushBytes: 400, recorderBacklogBytes: backlog, recordsBacklog: 3 },
  );

describe('P3 batches', () => {
  it('P3 go one at a time, and come again after a failure', () => {
    const log = recording();
    log.frame(frame('a'));
    const first = log.next(noTotals, 1);
    log.frame(frame('b'));
    expect(log.next(noTotals, 1)).toBeNull();
    log.failed();
    const again = log.next(noTotals, 2);
    expect(again?.segments[0]).toEqual(first?.segments[0]);
    expect(again?.segments).toHaveLength(2);
    log.acknowledged();
    expect(log.settled).toBe(true);
  });

  it('P3 are due at once by size, and soon otherwise', () => {
    const log = recording();
    expect(log.due).toBe('nothing');
    log.frame(frame('a'));
    expect(log.due).toBe('soon');
    log.frame(frame('x'.repeat(400)));
    expect(log.due).toBe('now');
  });

  it('P3 mode none numbers frames and stores none; metadata stores their lengths', () => {
    const none = recording('none');
    expect(none.frame(frame('héllo'))).toEqual({ seq: 1, bytes: 6, logged: true, redacted: false });
    expect(none.due).toBe('nothing');
    const metadata = recording('metadata');
    metadata.frame(frame('x'.repeat(300)));
    const bytes = metadata.next(noTotals, 0)?.segments[0]?.data.length ?? 0;
    expect(bytes).toBeLessThan(20);
  });
});

describe('P10 a recorder that is behind', () => {
  it('P10 bounds memory: further frames are counted as a gap, and the log goes on after it', () => {
    const log = recording('full', 300);
    log.frame(frame('x'.repeat(300)));
    expect(log.frame(frame('lost', 5)).logged).toBe(false);
    expect(log.frame(frame('lost too', 6)).logged).toBe(false);
    expect(log.next(noTotals, 7)?.segments.at(-1)?.lastSeq).toBe(1);
    log.acknowledged();
    expect(log.frame(frame('kept', 8))).toMatchObject({ seq: 4, logged: true });
    const batch = log.next(noTotals, 9);
    expect(batch?.segments[0]).toMatchObject({ firstSeq: 4, lastSeq: 4 });
    expect(batch?.records[0]).toMatchObject({
      kind: 'gap',
      seq: 2,
      body: { reason: 'recorder_behind', from_seq: 2, to_seq: 3, frames: 2, bytes: 12 },
    });
  });

  it('P10 a gap at the very end is told too', () => {
    const log = recording('full', 10);
    log.frame(frame('x'.repeat(20)));
    log.frame(frame('lost'));
    log.finish(9);
    expect(log.next(noTotals, 9)?.records[0]).toMatchObject({
      kind: 'gap',
      body: { from_seq: 2, to_seq: 2 },
    });
  });

  it('P10 records are bounded, and their loss is a record', () => {
    const log = recording();
    for (let n = 0; n < 5; n += 1) log.record({ kind: 'error', seq: 0, at: n, body: {} });
    const records = log.next(noTotals, 9)?.records ?? [];
    expect(records).toHaveLength(4);
    expect(records.at(-1)).toMatchObject({ kind: 'gap', body: { reason: 'records_lost', records: 2 } });
  });

  it('P10 one call to the recorder stays under its limit', () => {
    const log = new Recording(
      { log: 'full', maxLogBytes: Number.POSITIVE_INFINITY },
      { ...LIMITS, segmentBytes: 100, recorderCallBytes: 250 },
    );
    for (let n = 0; n < 10; n += 1) log.frame(frame('x'.repeat(80)));
    let batches = 0;
    for (let batch = log.next(noTotals, 0); batch !== null; batch = log.next(noTotals, 0)) {
      expect(batch.segments.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(250);
      log.acknowledged();
      batches += 1;
    }
    expect(batches).toBe(5);
  });

  it('P4 one call takes its share of what waits, so that a slow recorder gets on', () => {
    const log = new Recording(
      { log: 'full', maxLogBytes: Number.POSITIVE_INFINITY },
      { ...LIMITS, segmentBytes: 100, recorderCallBytes: 250, recorderCallShare: 0.5 },
    );
    for (let n = 0; n < 16; n += 1) log.frame(frame('x'.repeat(80)));
    const counts: (number | undefined)[] = [];
    for (let batch = log.next(noTotals, 0); batch !== null; batch = log.next(noTotals, 0)) {
      counts.push(batch.segments.length);
      log.acknowledged();
    }
    expect(counts).toEqual([8, 4, 2, 2]);
  });
});

describe('P10 the size of a log', () => {
  const HEAD_BYTES = 11;

  it('P10 is kept to its limit: the frame that reaches it is the last, and the next begins a gap for good', () => {
    const log = recording('full', 1_000, 2 * HEAD_BYTES + 8);
    expect(log.frame(frame('1234')).logged).toBe(true);
    expect(log.frame(frame('123')).logged).toBe(true);
    // One byte short of the limit, so this one still goes in.
    expect(log.frame(frame('5', 3)).logged).toBe(true);
    expect(log.frame(frame('lost', 4)).logged).toBe(false);
    expect(log.frame(frame('lost', 5)).logged).toBe(false);
    log.finish(6);
    const batch = log.next(noTotals, 7);
    expect(batch?.segments.at(-1)?.lastSeq).toBe(3);
    expect(batch?.records.map(({ seq, at, body }) => ({ seq, at, body }))).toEqual([
      {
        seq: 4,
        at: 4,
        body: {
          reason: 'log_limit',
          from_seq: 4,
          to_seq: null,
          frames: null,
          bytes: null,
          limit_bytes: 2 * HEAD_BYTES + 8,
        },
      },
    ]);
    log.acknowledged();
    expect(log.frame(frame('lost', 8)).logged).toBe(false);
    expect(log.next(noTotals, 9)).toBeNull();
  });

  it('P10 exactly at the limit, no further frame is stored', () => {
    const log = recording('full', 1_000, HEAD_BYTES + 4);
    expect(log.frame(frame('1234')).logged).toBe(true);
    expect(log.frame(frame('')).logged).toBe(false);
  });

  it('P10 a gap of a recorder that is behind ends where the limit is met', () => {
    const log = recording('full', 20, 30);
    log.frame(frame('x'.repeat(9)));
    expect(log.frame(frame('lost')).logged).toBe(false);
    log.next(noTotals, 1);
    log.acknowledged();
    expect(log.frame(frame('kept', 2)).logged).toBe(true);
    expect(log.frame(frame('lost', 3)).logged).toBe(false);
    expect(
      log.next(noTotals, 4)?.records.map(({ seq, body }) => [seq, body['reason'], body['frames']]),
    ).toEqual([
      [2, 'recorder_behind', 1],
      [4, 'log_limit', null],
    ]);
  });
});
