import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LoggedFrame,
  payloadBytes,
  readSegment,
  type Segment,
  SegmentWriter,
} from '../../../protocol/segment.ts';

const frame = (payload: string | ArrayBuffer, more: Partial<LoggedFrame> = {}): LoggedFrame => ({
  direction: 'up',
  client: 1,
  at: 1_000,
  payload,
  translated: false,
  ...more,
});

/** Reads segments back into whole frames, as the recorder's reader does. */
function unpack(segments: readonly Segment[]) {
  const frames: {
    seq: number;
    direction: string;
    client: number;
    at: number;
    opcode: string;
    data: Uint8Array;
  }[] = [];
  let parts: Uint8Array[] = [];
  for (const segment of segments) {
    for (const entry of readSegment(segment.firstSeq, segment.firstAt, segment.data)) {
      parts.push(entry.payload ?? new Uint8Array());
      if (entry.more) continue;
      const { seq, direction, client, at, opcode } = entry;
      frames.push({ seq, direction, client, at, opcode, data: Buffer.concat(parts) });
      parts = [];
    }
  }
  return frames;
}

describe('P3 the log holds what was relayed', () => {
  it('P3 any frames come back byte for byte, in order, whatever the segment size', () => {
    const payload = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.toWellFormed()),
      fc.uint8Array({ maxLength: 600 }).map((bytes) => new Uint8Array(bytes).buffer),
    );
    const logged = fc.record({
      payload,
      direction: fc.constantFrom('up' as const, 'down' as const),
      client: fc.nat(65_535),
      at: fc.integer({ min: 1_000, max: 100_000 }),
      translated: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(logged, { maxLength: 40 }),
        fc.integer({ min: 64, max: 4_096 }),
        (frames, size) => {
          const writer = new SegmentWriter(size);
          const sorted = frames.toSorted((a, b) => a.at - b.at);
          sorted.forEach((each, index) => {
            expect(writer.append(index + 1, each, true)).toBe(payloadBytes(each.payload));
          });
          const segments = writer.take();
          for (const segment of segments) expect(segment.data.length).toBeLessThanOrEqual(size);
          const read = unpack(segments);
          expect(read).toHaveLength(sorted.length);
          read.forEach((each, index) => {
            const wanted = sorted[index];
            if (wanted === undefined) throw new Error('a frame too many');
            expect(each).toMatchObject({
              seq: index + 1,
              direction: wanted.direction,
              client: wanted.client,
              at: wanted.at,
            });
            const text = typeof wanted.payload === 'string';
            expect(each.opcode).toBe(text ? 'text' : 'binary');
            expect(Buffer.compare(each.data, Buffer.from(wanted.payload as string))).toBe(0); // Buffer.from takes either kind
          });
        },
      ),
    );
  });

  it('P3 segments are numbered without a gap over several takes', () => {
    const writer = new SegmentWriter(100);
    for (let seq = 1; seq <= 10; seq += 1) writer.append(seq, frame('x'.repeat(60)), true);
    const first = writer.take();
    writer.append(11, frame('y'), true);
    const all = [...first, ...writer.take()];
    expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
    expect(all.at(-1)).toMatchObject({ firstSeq: 11, lastSeq: 11 });
  });

  it('P3 without payloads the length on the wire is kept', () => {
    const writer = new SegmentWriter(1_000);
    writer.append(1, frame('héllo 🚀'), false);
    const [segment] = writer.take();
    const [entry] = [...readSegment(1, 1_000, segment?.data ?? new Uint8Array())];
    expect(entry).toMatchObject({ length: 11, payload: null });
  });

  it('P3 a clock that steps back does not turn times around', () => {
    const writer = new SegmentWriter(1_000);
    writer.append(1, frame('a', { at: 5_000 }), true);
    writer.append(2, frame('b', { at: 1_000 }), true);
    expect(unpack(writer.take()).map(({ at }) => at)).toEqual([5_000, 5_000]);
  });

  it('P3 damaged bytes are an error, not frames', () => {
    const writer = new SegmentWriter(1_000);
    writer.append(1, frame('hello'), true);
    const [segment] = writer.take();
    expect(() => [...readSegment(1, 0, (segment?.data ?? new Uint8Array()).slice(0, -1))]).toThrow(
      RangeError,
    );
  });
});

describe('P9 what is kept in place of a payload', () => {
  it('P9 is marked, comes back as it was given, and the frame keeps its kind and its length', () => {
    const writer = new SegmentWriter(64);
    const long = 'y'.repeat(100);
    expect(writer.append(1, frame('héllo', { redacted: '[redacted]' }), true)).toBe(6);
    expect(writer.append(2, frame('x', { redacted: long }), true)).toBe(1);
    expect(writer.append(3, frame(new ArrayBuffer(70), { redacted: null }), true)).toBe(70);
    expect(writer.append(4, frame('plain'), true)).toBe(5);
    expect(writer.append(5, frame('secret', { redacted: 'other' }), false)).toBe(6);
    const entries = writer
      .take()
      .flatMap(({ firstSeq, firstAt, data }) => [...readSegment(firstSeq, firstAt, data)])
      .map(({ seq, opcode, redacted, length, payload }) => [
        seq,
        opcode,
        redacted,
        length,
        payload === null ? null : Buffer.from(payload).toString(),
      ]);
    expect(entries[0]).toEqual([1, 'text', true, 10, '[redacted]']);
    expect(entries.filter(([seq]) => seq === 2).map(([, , , , text]) => text)).toEqual([
      'y'.repeat(53),
      'y'.repeat(47),
    ]);
    expect(entries.slice(-3)).toEqual([
      [3, 'binary', true, 70, null],
      [4, 'text', false, 5, 'plain'],
      [5, 'text', false, 6, null],
    ]);
  });
});
