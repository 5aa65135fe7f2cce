import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UsageObservation } from '../../../protocol/observations.ts';
import { LIMITS } from '../../../session/limits.ts';
import { liveSession, newSession } from './fake-wire.ts';

const CREATED = '{"type":"response.created","response":{"id":"r1"}}';
const DONE =
  '{"type":"response.done","response":{"id":"r1","status":"completed","usage":{"input_tokens":3,"output_tokens":4}}}';

describe('P8 what an adapter measured', () => {
  const measured = (seconds: number) =>
    ({
      kind: 'usage',
      dedupeKey: 'last',
      purpose: 'response',
      model: null,
      usage: { unit: 'seconds', seconds },
      source: 'measured',
      raw: null,
    }) as const;

  it('P8 and did not tell yet is told once, at the end, and is in the totals', () => {
    const { session, wire } = liveSession({ adapter: { atEnd: () => [measured(2.5)] } });
    expect(session.totals().response.seconds).toBe(0);
    session.upstreamClosed(1000, '', 1);
    session.upstreamClosed(1000, '', 2);
    expect(wire.endings[0]?.totals.response).toMatchObject({ reports: 1, seconds: 2.5 });
  });

  it('P4 a failure to tell it does not keep the session from ending', () => {
    const { session, wire } = liveSession({
      adapter: {
        atEnd: () => {
          throw new Error('broken');
        },
      },
    });
    session.upstreamClosed(1000, '', 1);
    expect(wire.endings).toHaveLength(1);
    expect(wire.problems[0]).toContain('broken');
  });
});

describe('P1 the relay is faithful', () => {
  it('P1 the same payload object goes across, and goes out before it is recorded', () => {
    const { session, wire } = liveSession();
    const payload = new Uint8Array([1, 2, 3]).buffer;
    wire.log.length = 0;
    session.clientFrame(1, payload, 1);
    session.upstreamFrame(payload, 2);
    expect(wire.up[0]).toBe(payload);
    expect(wire.down.get(1)?.[0]).toBe(payload);
    expect(wire.log).toEqual(['up', 'recorded', 'down 1']);
    expect(session.totals()).toMatchObject({ frames_up: 1, frames_down: 1 });
  });

  it('P1 frames of a client that wait for the upstream go first, in order', () => {
    const { session, wire } = newSession();
    session.join(null, null, {}, 0);
    session.clientFrame(1, 'a', 1);
    session.clientFrame(1, 'b', 2);
    session.upstreamOpened(3, 3);
    session.clientFrame(1, 'c', 4);
    expect(wire.up).toEqual(['a', 'b', 'c']);
  });

  it('P1 close codes cross: client to upstream, upstream to client, and 1006 never as 1000', () => {
    for (const [code, sent] of [
      [1000, 1000],
      [4123, 4123],
      [1005, 1011],
      [1006, 1011],
    ] as const) {
      const a = liveSession();
      a.session.leave(1, code, 'r', 1);
      expect(a.wire.log).toContain(`close upstream ${sent}`);
      const b = liveSession();
      b.session.upstreamClosed(code, 'r', 1);
      expect(b.wire.log).toContain(`close 1 ${sent}`);
      expect(b.wire.endings[0]?.code).toBe(code);
    }
  });

  it('F-34 whatever comes after the end does nothing: one end, one close for each socket', () => {
    const { session, wire } = liveSession();
    session.upstreamClosed(1000, '', 1);
    wire.log.length = 0;
    session.upstreamClosed(1006, '', 2);
    session.leave(1, 1000, '', 2);
    session.clientFrame(1, 'late', 2);
    session.upstreamFrame('late', 2);
    session.upstreamFrameTooBig(2);
    session.deadline('watch', 3);
    session.endFor('deleted', 3);
    expect(wire.endings).toHaveLength(1);
    expect(wire.log.filter((line) => line !== 'recorded')).toEqual([]);
  });

  it('P1 any order of events ends a session at most once, and sends nothing after it', () => {
    const event = fc.constantFrom(
      'open',
      'refuse',
      'up',
      'down',
      'leave',
      'closed',
      'big',
      'end',
      'grace',
      'usage',
      'longest',
      'join',
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.boolean(), (events, named) => {
        const { session, wire } = newSession({ named });
        let clients = 0;
        events.forEach((name, now) => {
          const wasOver = wire.endings.length > 0;
          const sent = wire.log.filter((line) => /^(up|down)/.test(line)).length;
          if (name === 'open') session.upstreamOpened(1, now);
          if (name === 'refuse') session.upstreamRefused('provider_refused', {}, now);
          if (name === 'up') session.clientFrame(clients, 'x', now);
          if (name === 'down') session.upstreamFrame('x', now);
          if (name === 'leave') session.leave(clients, 1000, '', now);
          if (name === 'closed') session.upstreamClosed(1001, '', now);
          if (name === 'big') session.upstreamFrameTooBig(now);
          if (name === 'end') session.endFor('ended_by_request', now);
          if (name === 'grace' || name === 'usage' || name === 'longest') session.deadline(name, now);
          if (name === 'join' && session.ending === null) clients = session.join(null, null, {}, now).number;
          expect(wire.endings.length).toBeLessThanOrEqual(1);
          if (wasOver) expect(wire.log.filter((line) => /^(up|down)/.test(line))).toHaveLength(sent);
        });
        if (wire.endings.length === 1) expect(wire.deadlines.size).toBe(0);
      }),
      { examples: [[['join', 'join', 'longest', 'up'], false]] },
    );
  });
});

describe('P8 the usage of a response that was open is waited for', () => {
  it('P8 the upstream stays until response.done, then the end is the client’s', () => {
    const { session, wire } = liveSession();
    session.upstreamFrame(CREATED, 1);
    session.leave(1, 1000, 'bye', 2);
    expect(wire.endings).toEqual([]);
    expect(wire.deadlines.get('usage')).toBe(2 + LIMITS.usageWaitMs);
    session.upstreamFrame(DONE, 3);
    expect(wire.endings[0]).toMatchObject({ reason: 'client_closed', code: 1000 });
    expect(wire.endings[0]?.totals.response).toMatchObject({
      reports: 1,
      tokens: { input_text: 3, output_text: 4 },
    });
  });

  it('P8 it is bounded: without response.done it ends at the deadline', () => {
    const { session, wire } = liveSession();
    session.upstreamFrame(CREATED, 1);
    session.leave(1, 1006, '', 2);
    session.deadline('usage', 2 + LIMITS.usageWaitMs);
    expect(wire.endings[0]).toMatchObject({ reason: 'client_lost', code: 1006 });
  });

  it('P8 a usage that is seen twice counts once', () => {
    const { session, wire } = liveSession();
    session.upstreamFrame(DONE, 1);
    session.upstreamFrame(DONE, 2);
    session.endFor('ended_by_request', 3);
    expect(wire.endings[0]?.totals.response.reports).toBe(1);
  });
});

describe('P4 reading never harms the relay', () => {
  it('P4 an adapter that throws is switched off, said once, and the relay goes on', () => {
    const read = () => {
      throw new Error('bug');
    };
    const { session, wire } = liveSession({ adapter: { read, skim: () => null } });
    session.upstreamFrame('{"type":"a"}', 1);
    session.upstreamFrame('{"type":"b"}', 2);
    expect(wire.down.get(1)).toEqual(['{"type":"a"}', '{"type":"b"}']);
    expect(session.totals().frames_down).toBe(2);
    expect(wire.problems).toHaveLength(1);
    expect(wire.endings).toEqual([]);
  });
});

describe('P7 a named session outlives its clients', () => {
  it('P7 the upstream is kept for the grace time, its frames recorded, and a client may come back', () => {
    const { session, wire } = liveSession({ named: true });
    session.leave(1, 1006, '', 10);
    expect(wire.deadlines.get('grace')).toBe(10 + 120_000);
    session.upstreamFrame('x', 20);
    expect(session.totals().frames_down).toBe(1);
    session.join(null, null, {}, 30);
    expect(wire.deadlines.has('grace')).toBe(false);
    session.upstreamFrame('y', 40);
    expect(wire.down.get(2)).toEqual(['y']);
  });

  it('P7 after it the session ends, once', () => {
    const { session, wire } = liveSession({ named: true });
    session.leave(1, 1000, '', 10);
    session.deadline('grace', 120_010);
    expect(wire.endings[0]).toMatchObject({ reason: 'grace_over', closedBy: 'parley' });
    expect(wire.log).toContain('close upstream 1000');
  });

  it('P7 an observer may listen; what it sends goes nowhere, and it is told', () => {
    const { session, wire } = liveSession({ named: true });
    session.join('observer', null, {}, 1);
    session.upstreamFrame('x', 2);
    session.clientFrame(2, '{"type":"response.create"}', 3);
    expect(wire.up).toEqual([]);
    expect(wire.down.get(2)).toEqual(['x', expect.stringContaining('"code":"role_forbids_sending"')]);
    expect(wire.log).not.toContain('close 2 4403');
  });
});

describe('P7 what a provider takes once, and what it wants to hear', () => {
  const once = { matches: (payload: unknown) => payload === 'setup', answer: 'setupComplete' };

  it('P7 a second frame of that kind does not go up: its sender gets the answer from here', () => {
    const { session, wire } = newSession({ named: true, adapter: { once } });
    session.join(null, null, {}, 0);
    session.join('controller', null, {}, 0);
    session.clientFrame(1, 'setup', 1);
    session.upstreamOpened(2, 2);
    session.clientFrame(2, 'setup', 3);
    session.clientFrame(2, 'talk', 4);
    expect(wire.up).toEqual(['setup', 'talk']);
    expect(wire.down.get(2)).toEqual(['setupComplete']);
    expect(wire.down.get(1)).toBeUndefined();
  });

  it('P7 an observer gets that answer too, and may not be the first', () => {
    const { session, wire } = newSession({ named: true, adapter: { once } });
    session.upstreamOpened(2, 0);
    session.join(null, null, {}, 0);
    session.join('observer', null, {}, 0);
    session.clientFrame(1, 'setup', 1);
    session.clientFrame(2, 'setup', 2);
    expect([wire.up, wire.down.get(2)]).toEqual([['setup'], ['setupComplete']]);
    session.clientFrame(2, 'talk', 3);
    expect(wire.up).toEqual(['setup']);
    const early = newSession({ named: true, adapter: { once } });
    early.session.upstreamOpened(2, 0);
    early.session.join(null, null, {}, 0);
    early.session.join('observer', null, {}, 0);
    early.session.clientFrame(2, 'setup', 1);
    early.session.clientFrame(1, 'setup', 2);
    expect([early.wire.up, early.wire.down.get(2)]).toEqual([
      ['setup'],
      [expect.stringContaining('role_forbids')],
    ]);
  });

  it('P5 while no client is attached, and only then, the provider is answered and kept awake', () => {
    const unattended = {
      answer: (payload: unknown) => (payload === 'ping' ? 'pong' : null),
      every: () => ({ ms: 3_000, payload: 'keep' }),
    };
    const { session, wire } = liveSession({ named: true, adapter: { unattended } });
    session.upstreamFrame('ping', 1);
    expect(wire.up).toEqual([]);
    session.leave(1, 1006, '', 10);
    session.upstreamFrame('ping', 20);
    session.upstreamFrame('audio', 30);
    expect(wire.deadlines.get('keepalive')).toBe(3_010);
    session.deadline('keepalive', 3_010);
    expect(wire.up).toEqual(['pong', 'keep']);
    expect(wire.deadlines.get('keepalive')).toBe(6_010);
    expect(session.totals()).toMatchObject({ frames_up: 2, frames_down: 3 });
    session.join(null, null, {}, 4_000);
    expect(wire.deadlines.has('keepalive')).toBe(false);
  });
});

describe('P8 what a socket cost', () => {
  const usage = (seconds: number): UsageObservation => ({
    kind: 'usage',
    dedupeKey: `socket_${seconds}`,
    purpose: 'response',
    model: null,
    usage: { unit: 'seconds', seconds },
    source: 'measured',
    raw: { seconds },
  });

  it('P8 a figure that the provider never told is measured when its socket is over', () => {
    const { session } = liveSession({
      adapter: { atEnd: (_, { openMs, audioInMs }) => [usage((openMs + (audioInMs ?? 0)) / 1000)] },
    });
    session.upstreamClosed(1006, '', 4_000);
    expect(session.totals().response).toMatchObject({ reports: 1, seconds: 4 });
  });

  it('P8 the provider is asked for its bill before it is left, and waited for', () => {
    let told = 0;
    const { session, wire } = liveSession({
      adapter: {
        farewell: () => (told++ === 0 ? 'bye' : null),
        skim: (_, { side }, payload) => (side === 'client' && payload === 'bye' ? [usage(7)] : []),
        owes: () => session.totals().response.reports === 1,
      },
    });
    session.leave(1, 1000, '', 10);
    expect(wire.up).toEqual(['bye']);
    expect(session.phase).toBe('closing');
    session.upstreamClosed(1000, '', 20);
    expect(wire.endings[0]).toMatchObject({ reason: 'client_closed', totals: { frames_up: 1 } });
    expect(wire.up).toEqual(['bye']);
  });

  it('P4 an adapter that fails at the end does not keep the session from ending', () => {
    const fails = (): never => {
      throw new Error('a mistake');
    };
    const { session, wire } = liveSession({ adapter: { farewell: fails, atEnd: fails, owes: fails } });
    session.leave(1, 1000, '', 10);
    expect(wire.endings).toHaveLength(1);
    expect(wire.problems).toHaveLength(1);
  });

  it('P8 a provider that closed by itself is told nothing', () => {
    const { session, wire } = liveSession({ adapter: { farewell: () => 'bye' } });
    session.upstreamClosed(1000, '', 10);
    expect(wire.up).toEqual([]);
  });
});

describe('P10 everything is bounded', () => {
  it('P10 pending frames: at the limit kept, one past it the client is cut', () => {
    const { session, wire } = newSession({ limits: { pendingFrames: 2, pendingBytes: 10 } });
    session.join(null, null, {}, 0);
    session.clientFrame(1, 'a', 1);
    session.clientFrame(1, 'b', 1);
    expect(wire.log.filter((line) => line.startsWith('close'))).toEqual([]);
    session.clientFrame(1, 'c', 1);
    expect(wire.log).toContain('close 1 4503');
  });

  it('P10 an upstream that owes an answer is noted when silent, and cut when dead', () => {
    const { session, wire } = liveSession();
    session.clientFrame(1, '{"type":"response.create"}', 0);
    session.deadline('watch', LIMITS.upstreamStalledMs);
    expect(wire.endings).toEqual([]);
    session.deadline('watch', LIMITS.upstreamSilentMs);
    expect(wire.endings[0]).toMatchObject({ reason: 'upstream_silent', closedBy: 'parley' });
    expect(wire.log).toContain('close 1 4504');
  });

  it('P10 one that owes nothing may be silent for ever', () => {
    const { session, wire } = liveSession();
    session.deadline('watch', LIMITS.upstreamSilentMs * 10);
    expect(wire.endings).toEqual([]);
    expect(wire.deadlines.has('watch')).toBe(true);
  });

  it('P10 the longest duration ends a session', () => {
    const { session, wire } = liveSession();
    expect(wire.deadlines.get('longest')).toBe(3_600_000);
    session.deadline('longest', 3_600_000);
    expect(wire.log).toContain('close 1 4408');
  });

  it('P10 where the runtime cannot tell, a client that stays silent is cut after a hearing', () => {
    const limits = {
      askUnsentBytes: 0,
      clientUnconfirmedBytes: 10,
      clientUnheardBytes: 100,
      clientHearingMs: 1_000,
    };
    const { session, wire } = liveSession({ limits });
    session.upstreamFrame('0123456789', 1);
    expect(wire.deadlines.has('hearing')).toBe(false);
    session.upstreamFrame('x', 2);
    expect(wire.deadlines.get('hearing')).toBe(1_002);
    session.clientFrame(1, 'I live', 3);
    session.deadline('hearing', 1_002);
    expect(wire.endings).toEqual([]);
    session.upstreamFrame('0123456789x', 1_010);
    wire.pingedAt = 1_500;
    session.deadline('hearing', 2_010);
    expect(wire.endings).toEqual([]);
    session.upstreamFrame('0123456789x', 2_020);
    session.deadline('hearing', 3_020);
    expect(wire.log).toContain('close 1 4413');
  });

  it('P10 nothing passes the outer bound, hearing or not', () => {
    const limits = { askUnsentBytes: 0, clientUnconfirmedBytes: 10, clientUnheardBytes: 100 };
    const { session, wire } = liveSession({ limits });
    session.upstreamFrame('x'.repeat(100), 1);
    expect(wire.endings).toEqual([]);
    session.upstreamFrame('x', 2);
    expect(wire.log).toContain('close 1 4413');
  });
});
