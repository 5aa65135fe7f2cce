import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../session/limits.ts';
import { liveSession as live, type SessionOptions } from './fake-wire.ts';

const { holdFromBytes, holdMs, holdMostMs, stalledMs, clientBufferedBytes, clientHearingMs } = LIMITS;
/** A session that asks how far its readers are behind at every frame. */
const liveSession = (options: SessionOptions = {}) =>
  live({ ...options, limits: { askUnsentBytes: 0, ...options.limits } });
const holds = (log: readonly string[]) => log.filter((line) => line.startsWith('hold'));

describe('P10 a reader that cannot keep up', () => {
  it('P10 holds the input when nobody outruns it: at the limit not, one past it yes, and once at a time', () => {
    const { session, wire } = liveSession();
    wire.unsent = holdFromBytes;
    session.upstreamFrame('a', 1);
    expect(holds(wire.log)).toEqual([]);
    wire.unsent = holdFromBytes + 1;
    session.upstreamFrame('b', 2);
    session.upstreamFrame('c', 3);
    expect(holds(wire.log)).toEqual([`hold ${holdMs}`]);
    wire.unsent = 0;
    session.inputReleased(2 + holdMs);
    session.upstreamFrame('d', 3 + holdMs);
    expect(holds(wire.log)).toHaveLength(1);
    expect(wire.endings).toEqual([]);
  });

  it('P10 is waited for as long as it reads at all, however slowly', () => {
    const { session, wire } = liveSession();
    wire.unsent = clientBufferedBytes;
    session.upstreamFrame('a', 0);
    for (let step = 1; step <= 50; step += 1) {
      wire.unsent = clientBufferedBytes - step;
      session.inputReleased((step * stalledMs) / 2);
    }
    expect(wire.endings).toEqual([]);
    expect(holds(wire.log)).toEqual(Array.from({ length: 51 }, () => `hold ${holdMs}`));
  });

  it('P10 is cut when it takes not a byte for too long, asked less and less often', () => {
    const { session, wire } = liveSession();
    wire.unsent = holdFromBytes + 1;
    session.upstreamFrame('a', 0);
    for (let now = 100; now < stalledMs; now += 500) session.inputReleased(now);
    expect(wire.endings).toEqual([]);
    expect(holds(wire.log).at(-1)).toBe(`hold ${holdMostMs}`);
    session.inputReleased(stalledMs);
    expect(wire.log).toContain('close 1 4413');
    expect(wire.endings).toHaveLength(1);
  });

  it('P10 a client that another outruns is waited for by nobody, and cut when it stays behind', () => {
    const { session, wire } = liveSession({ named: true });
    session.join(null, null, {}, 0);
    wire.unsent = 0;
    wire.unsentOf.set(1, clientBufferedBytes + 1);
    session.upstreamFrame('a', 1);
    expect(holds(wire.log)).toEqual([]);
    session.deadline('hearing', 1 + clientHearingMs);
    expect(wire.log).toContain('close 1 4413');
    session.upstreamFrame('b', 2_000);
    expect(wire.down.get(2)).toEqual(['a', 'b']);
    expect(wire.endings).toEqual([]);
  });

  it('P10 F-33 many that are behind are cut, the furthest first, before they take too much together', () => {
    const { session, wire } = liveSession({ named: true });
    for (let more = 0; more < 9; more += 1) session.join('observer', null, {}, 0);
    wire.unsent = 0;
    for (let slow = 1; slow <= 7; slow += 1) wire.unsentOf.set(slow, clientBufferedBytes + slow);
    session.upstreamFrame('a', 1);
    expect(wire.log.filter((line) => line.startsWith('close'))).toEqual([]);
    for (let slow = 1; slow <= 8; slow += 1) wire.unsentOf.set(slow, clientBufferedBytes + slow);
    session.upstreamFrame('b', 2);
    expect(wire.log.filter((line) => line.startsWith('close'))).toEqual(['close 8 4413']);
  });

  it('P10 a burst that puts every client behind cuts none of them', () => {
    const { session, wire } = liveSession({ named: true });
    session.join(null, null, {}, 0);
    wire.unsent = clientBufferedBytes + 1;
    session.upstreamFrame('a', 1);
    session.deadline('hearing', 1 + clientHearingMs);
    expect(holds(wire.log)).toHaveLength(1);
    expect(wire.log.filter((line) => line.startsWith('close'))).toEqual([]);
  });

  it('P10 the upstream is waited for too; when it takes nothing, the session ends and says so', () => {
    const { session, wire } = liveSession();
    wire.upstreamUnsent = holdFromBytes + 1;
    session.clientFrame(1, 'a', 0);
    expect(holds(wire.log)).toEqual([`hold ${holdMs}`]);
    session.inputReleased(stalledMs);
    expect(wire.endings[0]).toMatchObject({ reason: 'upstream_blocked', closedBy: 'parley' });
    expect(wire.log).toContain('close 1 4504');
  });

  it('P10 where the runtime has no count of unsent bytes, a long burst is paused so that the client can be heard', () => {
    const { session, wire } = liveSession({ limits: { holdFromBytes: 10 } });
    session.upstreamFrame('0123456789', 1);
    expect(holds(wire.log)).toEqual([]);
    session.upstreamFrame('x', 2);
    expect(holds(wire.log)).toHaveLength(1);
    session.inputReleased(2 + holdMs);
    session.upstreamFrame('0123456789', 3 + holdMs);
    expect(holds(wire.log)).toHaveLength(1);
  });

  it('P10 a timer that comes late in a flood is not waited for: the first frame after a hold does as well', () => {
    const { session, wire } = liveSession();
    wire.unsent = holdFromBytes + 1;
    session.upstreamFrame('a', 0);
    session.upstreamFrame('b', holdMs);
    expect(holds(wire.log)).toEqual([`hold ${holdMs}`, `hold ${2 * holdMs}`]);
    session.inputReleased(holdMs + 1);
    expect(holds(wire.log)).toHaveLength(2);
  });

  it('P10 a hold that outlives the session does nothing', () => {
    const { session, wire } = liveSession();
    wire.unsent = holdFromBytes + 1;
    session.upstreamFrame('a', 0);
    session.leave(1, 1000, '', 1);
    session.inputReleased(holdMs);
    expect(holds(wire.log)).toHaveLength(1);
    expect(wire.endings).toHaveLength(1);
  });
});
