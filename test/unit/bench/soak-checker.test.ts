import { describe, expect, it } from 'vitest';
import { frameText, readFrame, Sequence } from '../../../bench/soak/checker.ts';
import { logProblems } from '../../../bench/soak/log.ts';

function problemsOf(frames: readonly number[], lossBefore: readonly number[] = []): readonly string[] {
  const sequence = new Sequence('s');
  for (const n of frames) {
    if (lossBefore.includes(n)) sequence.declareLoss();
    sequence.take(n);
  }
  return sequence.problems;
}

describe('P1 what a soak notices', () => {
  it('P1 nothing where nothing is wrong, nor where a loss was declared', () => {
    expect(problemsOf([1, 2, 3])).toEqual([]);
    expect(problemsOf([1, 2, 5, 6], [5])).toEqual([]);
  });

  it.each([
    ['dropped', [1, 3], 'lost'],
    ['doubled', [1, 2, 2, 3], 'doubled'],
    ['swapped', [1, 3, 2, 4], 'reordered'],
    ['declared once only', [1, 4, 6], 'lost'],
  ])('P1 a frame that was %s', (_name, frames, word) => {
    expect(problemsOf(frames, [4]).join()).toContain(word);
  });

  it('P1 after a kill one gap, wherever it comes, and no second', () => {
    const sequence = new Sequence('s');
    sequence.declareKill();
    for (const n of [1, 2, 7, 8, 10]) sequence.take(n);
    expect([sequence.problems, sequence.missing]).toEqual([['s: frame 9 lost up to 9'], 4]);
  });

  it('P1 a frame that was altered', () => {
    const text = frameText('down', 7, 'padding');
    expect([readFrame('down', text), readFrame('up', text)]).toEqual([7, null]);
    const altered = readFrame('down', text.replace(/padding":"p/, 'padding":"q'));
    expect(altered).toBe(-1);
    expect(problemsOf([1, altered ?? 0]).join()).toContain('altered');
  });
});

describe('P3 what a soak notices in a log', () => {
  const down = (seq: number, n: number) =>
    ({ kind: 'frame', seq, direction: 'down', text: frameText('down', n, 'p') }) as const;
  const up = (seq: number, n: number) =>
    ({ kind: 'frame', seq, direction: 'up', text: frameText('up', n, 'p') }) as const;
  const gap = (seq: number) => ({ kind: 'gap', seq }) as const;

  it('P3 nothing where all is there, or a gap says what is not', () => {
    expect(logProblems('s', [down(1, 1), up(2, 1), down(3, 2), up(4, 5)], 2)).toEqual([]);
    expect(logProblems('s', [down(1, 1), gap(1), down(2, 7), down(3, 8)], 8)).toEqual([]);
  });

  it.each([
    ['a frame that is missing', [down(1, 1), down(2, 3)], 'log, down: frame 2 lost'],
    ['a second hole behind a gap', [down(1, 1), gap(1), down(2, 3), down(3, 5)], 'log, down: frame 4 lost'],
    ['an entry that is missing', [down(1, 1), down(3, 2)], 'log, entry: frame 2 lost'],
    ['a frame twice', [up(1, 1), up(2, 1)], 'log, up: frame 1 doubled'],
    ['an end that a client has had', [down(1, 1)], 'ends at 1, and its client has had 2'],
    ['what cannot be read', [{ kind: 'corrupt', seq: 1 } as const], 'cannot be read'],
  ])('P3 %s', (_name, events, words) => {
    expect(logProblems('s', events, 2).join()).toContain(words);
  });
});
