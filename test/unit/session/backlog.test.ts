import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../session/backlog.ts';

const LIMITS = { clientBufferedBytes: 100, clientUnconfirmedBytes: 1_000, clientUnheardBytes: 4_000 };

describe('P10 a slow reader', () => {
  it('P10 is told by the unsent bytes where the runtime has them: at the limit not, one past it yes', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.note(5_000, 100)).toBe('fine');
    expect(backlog.note(1, 101)).toBe('over');
  });

  it('P10 elsewhere is suspected by what was sent since its last sign of life, and over at the outer bound', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.note(1_000, undefined)).toBe('fine');
    expect(backlog.note(1, undefined)).toBe('suspect');
    expect(backlog.isSilent(null)).toBe(true);
    expect(backlog.note(2_999, undefined)).toBe('suspect');
    expect(backlog.note(1, undefined)).toBe('over');
    backlog.alive(5);
    expect(backlog.note(1_000, undefined)).toBe('fine');
  });

  it('P10 a ping that the runtime answered is a sign of life, once', () => {
    const backlog = new Backlog(LIMITS, 0);
    backlog.note(1_001, undefined);
    expect(backlog.isSilent(7)).toBe(false);
    backlog.note(1_001, undefined);
    expect(backlog.isSilent(7)).toBe(true);
  });
});
