import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../session/backlog.ts';

const LIMITS = {
  clientBufferedBytes: 100,
  unsentBytes: 400,
  clientUnconfirmedBytes: 1_000,
  clientUnheardBytes: 4_000,
};

describe('P10 a slow reader', () => {
  it('P10 is told by the unsent bytes where the runtime has them: at the limit not, one past it yes', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.note(5_000, 100)).toBe('fine');
    expect(backlog.note(1, 101)).toBe('suspect');
    expect(backlog.note(1, 400)).toBe('suspect');
    expect(backlog.note(1, 401)).toBe('over');
    expect(backlog.isStillBehind(100, null)).toBe(false);
    expect(backlog.isStillBehind(101, null)).toBe(true);
  });

  it('P10 elsewhere is suspected by what was sent since its last sign of life, and over at the outer bound', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.note(1_000, undefined)).toBe('fine');
    expect(backlog.note(1, undefined)).toBe('suspect');
    expect(backlog.isStillBehind(undefined, null)).toBe(true);
    expect(backlog.note(2_999, undefined)).toBe('suspect');
    expect(backlog.note(1, undefined)).toBe('over');
    backlog.alive(5);
    expect(backlog.note(1_000, undefined)).toBe('fine');
  });

  it('P10 a ping that the runtime answered is a sign of life, once', () => {
    const backlog = new Backlog(LIMITS, 0);
    backlog.note(1_001, undefined);
    expect(backlog.isStillBehind(undefined, 7)).toBe(false);
    backlog.note(1_001, undefined);
    expect(backlog.isStillBehind(undefined, 7)).toBe(true);
  });

  it('P10 where the runtime has no count, what was sent since the last pause stands in for it', () => {
    const backlog = new Backlog(LIMITS, 0);
    backlog.note(300, undefined);
    expect([backlog.behind(undefined), backlog.behind(7)]).toEqual([300, 7]);
    backlog.paused();
    expect([backlog.behind(undefined), backlog.total(undefined)]).toEqual([0, 300]);
  });
});
