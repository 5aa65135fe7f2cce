import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResumeWindow } from '../../../session/resume-window.ts';

describe('P5 what a client that comes back is owed', () => {
  it('P5 every frame that it missed, once, in order: at any count within the window', () => {
    const window = new ResumeWindow(1_000, 1_000);
    for (const payload of ['a', 'b', 'c']) window.add(payload, 1, 0);
    expect(window.received).toBe(3);
    expect([0, 1, 3].map((after) => window.after(after))).toEqual([
      { kind: 'frames', payloads: ['a', 'b', 'c'] },
      { kind: 'frames', payloads: ['b', 'c'] },
      { kind: 'frames', payloads: [] },
    ]);
    expect(window.after(4)).toEqual({ kind: 'ahead', received: 3 });
  });

  it('P5 P10 bounded in bytes and in age: at the limit kept, one past it gone, and said so', () => {
    const window = new ResumeWindow(10, 100);
    window.add('a', 5, 0);
    window.add('b', 5, 100);
    expect(window.after(0)).toMatchObject({ kind: 'frames' });
    window.add('c', 1, 100);
    expect(window.after(0)).toEqual({ kind: 'passed', after: 0, firstKept: 2, kept: ['b', 'c'] });
    window.add('d', 1, 201);
    expect(window.after(3)).toEqual({ kind: 'frames', payloads: ['d'] });
    expect(window.after(2)).toEqual({ kind: 'passed', after: 2, firstKept: 4, kept: ['d'] });
  });

  it('P5 a window that keeps nothing still counts, and never leaves a silent hole', () => {
    const window = new ResumeWindow(0, 0);
    window.add('a', 1, 0);
    expect(window.after(1)).toEqual({ kind: 'frames', payloads: [] });
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
          window.add(payload, bytes, at);
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
            kept: sent.slice(first).map(({ payload }) => payload),
          });
        else
          expect(answer).toEqual({
            kind: 'frames',
            payloads: sent.slice(after).map(({ payload }) => payload),
          });
      }),
    );
  });
});
