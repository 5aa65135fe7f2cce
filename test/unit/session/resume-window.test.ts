import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResumeWindow } from '../../../session/resume-window.ts';

describe('P5 what a client that comes back is owed', () => {
  it('P5 every frame that it missed, once, in order: at any count within the window', () => {
    const window = new ResumeWindow(1_000, 1_000);
    for (const payload of ['a', 'b', 'c']) window.add({ payload: payload, at: 0, client: 0 }, 1);
    expect(window.received).toBe(3);
    expect([0, 1, 3].map((after) => window.after(after))).toEqual([
      {
        kind: 'frames',
        frames: [
          { payload: 'a', to: 0 },
          { payload: 'b', to: 0 },
          { payload: 'c', to: 0 },
        ],
      },
      {
        kind: 'frames',
        frames: [
          { payload: 'b', to: 0 },
          { payload: 'c', to: 0 },
        ],
      },
      { kind: 'frames', frames: [] },
    ]);
    expect(window.after(4)).toEqual({ kind: 'ahead', received: 3 });
  });

  it('P5 P10 bounded in bytes and in age: at the limit kept, one past it gone, and said so', () => {
    const window = new ResumeWindow(10, 100);
    window.add({ payload: 'a', at: 0, client: 0 }, 5);
    window.add({ payload: 'b', at: 100, client: 0 }, 5);
    expect(window.after(0)).toMatchObject({ kind: 'frames' });
    window.add({ payload: 'c', at: 100, client: 0 }, 1);
    expect(window.after(0)).toEqual({
      kind: 'passed',
      after: 0,
      firstKept: 2,
      kept: [
        { payload: 'b', to: 0 },
        { payload: 'c', to: 0 },
      ],
    });
    window.add({ payload: 'd', at: 201, client: 0 }, 1);
    expect(window.after(3)).toEqual({ kind: 'frames', frames: [{ payload: 'd', to: 0 }] });
    expect(window.after(2)).toEqual({
      kind: 'passed',
      after: 2,
      firstKept: 4,
      kept: [{ payload: 'd', to: 0 }],
    });
  });

  it('P5 a window that keeps nothing still counts, and never leaves a silent hole', () => {
    const window = new ResumeWindow(0, 0);
    window.add({ payload: 'a', at: 0, client: 0 }, 1);
    expect(window.after(1)).toEqual({ kind: 'frames', frames: [] });
    expect(window.after(0)).toEqual({ kind: 'passed', after: 0, firstKept: 2, kept: [] });
  });

  it('P5 equals its model, whatever comes', () => {
    const frames = fc.array(fc.record({ bytes: fc.nat(40), wait: fc.nat(30) }), { maxLength: 60 });
    fc.assert(
      fc.property(frames, fc.nat(70), (all, after) => {
        const window = new ResumeWindow(100, 50);
        const sent: { payload: string; bytes: number; at: number }[] = [];
        let at = 0;
        for (const { bytes, wait } of all) {
          at += wait;
          const payload = String(sent.length + 1);
          sent.push({ payload, bytes, at });
          window.add({ payload, at, client: 0 }, bytes);
        }
        let first = 0;
        const held = () => sent.slice(first).reduce((sum, { bytes }) => sum + bytes, 0);
        // The model drops as frames come; what a later drop would take, an earlier one has taken already.
        for (let end = 1; end <= sent.length; end += 1) {
          const now = sent[end - 1]?.at ?? 0;
          const bytesTo = () => sent.slice(first, end).reduce((sum, { bytes }) => sum + bytes, 0);
          while (first < end && (bytesTo() > 100 || now - (sent[first]?.at ?? 0) > 50)) first += 1;
        }
        expect(held()).toBeLessThanOrEqual(100);
        const answer = window.after(after);
        if (after > sent.length) expect(answer.kind).toBe('ahead');
        else if (after < first)
          expect(answer).toEqual({
            kind: 'passed',
            after,
            firstKept: first + 1,
            kept: sent.slice(first).map(({ payload }) => ({ payload, to: 0 })),
          });
        else
          expect(answer).toEqual({
            kind: 'frames',
            frames: sent.slice(after).map(({ payload }) => ({ payload, to: 0 })),
          });
      }),
    );
  });
});
