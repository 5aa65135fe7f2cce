import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../session/backlog.ts';

const LIMITS = { clientBufferedBytes: 100, clientUnconfirmedBytes: 1_000 };
const never = () => null;

describe('P10 a slow reader', () => {
  it('P10 is cut by the unsent bytes where the runtime tells them: at the limit not, one past it yes', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.over(5_000, 100, never)).toBe(0);
    expect(backlog.over(1, 101, never)).toBe(101);
  });

  it('P10 elsewhere is cut by what was sent since its last sign of life', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.over(1_000, undefined, never)).toBe(0);
    expect(backlog.over(1, undefined, never)).toBe(1_001);
    backlog.alive(5);
    expect(backlog.over(1_000, undefined, never)).toBe(0);
  });

  it('P10 a ping that the runtime answered is a sign of life, once', () => {
    const backlog = new Backlog(LIMITS, 0);
    expect(backlog.over(1_001, undefined, () => 7)).toBe(0);
    expect(backlog.over(1_001, undefined, () => 7)).toBe(1_001);
  });
});
