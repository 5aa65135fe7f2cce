import { describe, expect, it } from 'vitest';
import { Rate } from '../../../session/rate.ts';
import { liveSession } from './fake-wire.ts';

const LIMITS = { clientFramesPerSecond: 10, clientBytesPerSecond: 1000, clientBurstMs: 2000 };

/** How many of `count` frames at once are within the rate. */
function allowed(rate: Rate, count: number, bytes: number, now: number): number {
  return Array.from({ length: count }, () => rate.allows(bytes, now)).filter(Boolean).length;
}

describe('P10 how fast a client sends', () => {
  it('P10 a burst of frames to the limit, and not one more', () => {
    expect(allowed(new Rate(LIMITS), 100, 0, 5000)).toBe(20);
  });

  it('P10 a burst of bytes to the limit, whether in one frame or in many', () => {
    expect([new Rate(LIMITS).allows(2000, 0), new Rate(LIMITS).allows(2001, 0)]).toEqual([true, false]);
    expect(allowed(new Rate(LIMITS), 15, 200, 0)).toBe(10);
  });

  it('P10 at the steady rate for ever', () => {
    const rate = new Rate(LIMITS);
    for (let at = 0; at < 100_000; at += 100) expect(rate.allows(100, at)).toBe(true);
  });

  it('P10 in a shared session it costs the flooder its socket, and the others nothing; alone it may', () => {
    const { session, wire } = liveSession({ named: true, limits: { ...LIMITS, clientBurstMs: 1000 } });
    for (let n = 0; n < 50; n += 1) session.clientFrame(1, 'x', 0);
    expect(wire.up).toHaveLength(50);
    session.join('controller', null, {}, 1);
    for (let n = 0; n < 11; n += 1) session.clientFrame(2, 'y', 1);
    expect(wire.log.filter((each) => each.startsWith('close '))).toEqual(['close 2 4429']);
    expect(wire.up).toHaveLength(60);
    session.clientFrame(1, 'x', 2);
    expect(wire.up).toHaveLength(61);
  });
});
