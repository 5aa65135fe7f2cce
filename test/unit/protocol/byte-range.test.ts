import { describe, expect, it } from 'vitest';
import { readRange } from '../../../protocol/byte-range.ts';

const LENGTH = 1000;
const WHOLE = { kind: 'whole' };
const UNSATISFIABLE = { kind: 'unsatisfiable' };
const part = (from: number, to: number) => ({ kind: 'part', from, to });

describe('P3 a range of bytes', () => {
  it.each([
    [null, WHOLE],
    ['bytes=0-0', part(0, 1)],
    ['bytes=0-', part(0, LENGTH)],
    ['bytes=999-', part(999, LENGTH)],
    ['bytes=990-5000', part(990, LENGTH)],
    ['bytes=-10', part(990, LENGTH)],
    ['bytes=-5000', part(0, LENGTH)],
    ['Bytes = 1 - 2', part(1, 3)],
    ['bytes=0-99999999999999999999999', part(0, LENGTH)],
    ['bytes=1000-', UNSATISFIABLE],
    ['bytes=-0', UNSATISFIABLE],
    ['bytes=99999999999999999999999-', UNSATISFIABLE],
    // What is no range, or more than one, need not be honoured.
    ['bytes=2-1', WHOLE],
    ['bytes=-', WHOLE],
    ['bytes=a-b', WHOLE],
    ['bytes=1.5-2', WHOLE],
    ['bytes=0-1,5-6', WHOLE],
    ['seconds=0-1', WHOLE],
    ['', WHOLE],
  ])('P3 %j', (header, expected) => {
    expect(readRange(header, LENGTH)).toEqual(expected);
  });
});
