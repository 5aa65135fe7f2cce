import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../session/backlog.ts';

const LIMITS = {
  askUnsentBytes: 50,
  clientBufferedBytes: 100,
  unsentBytes: 400,
  clientUnconfirmedBytes: 1_000,
  clientUnheardBytes: 4_000,
};

describe('P10 a slow reader', () => {
  it('P10 is told by the unsent bytes where the runtime has them: at the limit not, one past it yes', () => {
    const backlog = new Backlog(LIMITS, 0);
    backlog.note(5_000);
    expect([100, 101, 400, 401].map((unsent) => backlog.judge(unsent))).toEqual([
      'fine',
      'suspect',
      'suspect',
      'over',
    ]);
    expect(backlog.isStillBehind(100, null)).toBe(false);
    expect(backlog.isStillBehind(101, null)).toBe(true);
  });

  it('P10 elsewhere is suspected by what was sent since its last sign of life, and over at the outer bound', () => {
    const backlog = new Backlog(LIMITS, 0);
    const after = (bytes: number) => {
      backlog.note(bytes);
      return backlog.judge(undefined);
    };
    expect([after(1_000), after(1)]).toEqual(['fine', 'suspect']);
    expect(backlog.isStillBehind(undefined, null)).toBe(true);
    expect([after(2_999), after(1)]).toEqual(['suspect', 'over']);
    backlog.alive(5);
    expect(after(1_000)).toBe('fine');
  });

  it('P10 a ping that the runtime answered is a sign of life, once', () => {
    const backlog = new Backlog(LIMITS, 0);
    backlog.note(1_001);
    expect(backlog.isStillBehind(undefined, 7)).toBe(false);
    backlog.note(1_001);
    expect(backlog.isStillBehind(undefined, 7)).toBe(true);
  });

  it('P10 is asked about after so many bytes, and no sooner: the question costs', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect([backlog.note(49), backlog.note(1), backlog.note(49), backlog.note(1)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it('P10 where the runtime has no count, what was sent since the last pause stands in for it', () => {
    const backlog = new Backlog(LIMITS, 0);
    backlog.note(300);
    expect([backlog.behind(undefined), backlog.behind(7)]).toEqual([300, 7]);
    backlog.paused();
    expect([backlog.behind(undefined), backlog.total(undefined)]).toEqual([0, 300]);
  });
});
