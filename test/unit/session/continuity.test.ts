import { describe, expect, it } from 'vitest';
import { isUsageComplete } from '../../../protocol/recording.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { openai } from '../../../providers/openai.ts';
import { Budget } from '../../../session/budget.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { Snapshot } from '../../../session/snapshot.ts';
import { FakeWire, type Harness, liveSession, newSession, planOf, type SessionOptions } from './fake-wire.ts';
import { restore, talking, terse, type TerseState } from './terse-provider.ts';

const FAILED = {
  reason: 'upstream_unreachable',
  detail: {},
  frame: { code: 4502, reason: 'unreachable' },
  transient: true,
} as const;

const downOf = ({ wire }: Harness) => wire.down.get(1);

describe('P5 an upstream that is lost', () => {
  it('P5 is dialled again at once, told the conversation, and what clients sent meanwhile goes, in order', () => {
    const harness = talking();
    const { session, wire } = harness;
    session.clientFrame(1, 'one', 1);
    session.upstreamClosed(1006, '', 2);
    expect([session.phase, wire.log.at(-1)]).toEqual(['restoring', 'dial 0']);
    session.clientFrame(1, 'two', 3);
    session.clientFrame(1, 'three', 4);
    session.continuity.redialled(5, 5);
    expect(wire.up).toEqual(['one', 'frames:1']);
    session.upstreamFrame('its own greeting', 6);
    session.upstreamFrame('told', 7);
    expect(session.phase).toBe('live');
    expect(wire.up).toEqual(['one', 'frames:1', 'two', 'three']);
    expect(downOf(harness)).toEqual(['hello']);
  });

  it('P5 ends a response that was open for its clients, who count that frame', () => {
    const harness = talking();
    harness.session.upstreamFrame('open', 1);
    harness.session.upstreamClosed(1011, '', 2);
    restore(harness, 3);
    expect(downOf(harness)).toEqual(['hello', 'open', 'broken off']);
    expect(harness.session.books.received).toBe(3);
  });

  it('P5 a close that says "never again", or one before the first frame, ends the session with its own code', () => {
    const final = talking();
    final.session.upstreamClosed(1008, 'policy', 1);
    expect(final.wire.endings[0]).toMatchObject({ code: 1008, closeReason: 'policy' });
    const mute = liveSession({ adapter: terse });
    mute.session.upstreamClosed(1006, '', 1);
    expect(mute.wire.endings[0]).toMatchObject({ reason: 'upstream_lost', code: 1006 });
  });

  it('P5 P10 is dialled again so often and no more, with growing waits, and then ends with the first cause', () => {
    const { session, wire } = talking();
    session.upstreamClosed(1011, 'gone', 1);
    for (let attempt = 1; attempt < LIMITS.redials; attempt += 1) session.continuity.redialFailed(FAILED, 2);
    expect(session.phase).toBe('restoring');
    expect(wire.log.filter((each) => each.startsWith('dial'))).toEqual([
      'dial 0',
      'dial 375',
      'dial 750',
      'dial 1500',
      'dial 3000',
    ]);
    session.continuity.redialFailed(FAILED, 3);
    expect(wire.endings).toMatchObject([{ reason: 'upstream_closed', code: 1011, closeReason: 'gone' }]);
  });

  it('P5 one that holds for a while may be lost as often again; a refusal for good is not tried again', () => {
    const harness = talking();
    const { session, wire } = harness;
    for (let loss = 0; loss < LIMITS.redials * 2; loss += 1) {
      const at = loss * LIMITS.upstreamHoldsMs * 2;
      session.upstreamClosed(1006, '', at);
      restore(harness, at + 1);
    }
    expect([session.phase, wire.endings]).toEqual(['live', []]);
    session.upstreamClosed(1006, '', 1e9);
    session.continuity.redialFailed({ ...FAILED, transient: false }, 1e9);
    expect(wire.endings).toHaveLength(1);
  });

  it('P5 a new one that does not take the conversation in its time ends the session with the first cause', () => {
    const { session, wire } = talking();
    session.upstreamClosed(1012, 'bye', 1);
    session.continuity.redialled(1, 2);
    expect(wire.deadlines.get('restore')).toBe(2 + LIMITS.restoreMs);
    session.deadline('restore', 2 + LIMITS.restoreMs);
    expect(wire.endings[0]).toMatchObject({ code: 1012, closeReason: 'bye' });
  });

  it('P5 with nobody attached it is not dialled until somebody speaks', () => {
    const { session, wire } = talking({ named: true });
    session.leave(1, 1006, '', 1);
    session.upstreamClosed(1006, '', 2);
    expect([session.phase, wire.log.filter((each) => each.startsWith('dial'))]).toEqual(['resting', []]);
    session.join(null, null, {}, 3);
    session.clientFrame(2, 'back', 4);
    expect([session.phase, wire.log.at(-1)]).toEqual(['restoring', 'dial 0']);
  });

  it('P1 P5 a frame that could not be sent any more waits for the next upstream', () => {
    const harness = talking();
    harness.wire.upstreamOpen = false;
    harness.session.clientFrame(1, 'late', 1);
    harness.session.upstreamClosed(1006, '', 2);
    restore(harness, 3);
    expect(harness.wire.up).toEqual(['frames:0', 'late']);
  });

  it('P10 a budget that was spent meanwhile lets nothing begin that waited', () => {
    const budget = new Budget(
      { mode: 'enforce', limits: { gateway_day: 1 } },
      { grown: () => undefined, spent: () => undefined },
    );
    const harness = talking({ budget });
    harness.session.upstreamClosed(1006, '', 1);
    harness.session.clientFrame(1, 'held', 2);
    budget.heard({ day: 0, ownBefore: 0, nano: { gateway_day: 5, token_day: 0, token: 0 } });
    restore(harness, 3);
    expect(harness.wire.up).toEqual(['frames:0']);
    expect(harness.wire.endings).toMatchObject([{ reason: 'budget_exceeded' }]);
  });

  it('P10 what waits is bounded, at the limit and one past it, and costs its sender alone', () => {
    const { session, wire } = talking({ limits: { restoringFrames: 3 } });
    session.join(null, null, {}, 0);
    session.upstreamClosed(1006, '', 1);
    for (let n = 0; n < 3; n += 1) session.clientFrame(1, 'x', 2);
    expect(wire.log).not.toContain('close 1 4413');
    session.clientFrame(1, 'one more', 2);
    expect(wire.log.filter((each) => each.startsWith('close'))).toHaveLength(1);
    expect([session.phase, session.clients]).toEqual(['restoring', 1]);
  });
});

describe('P8 usage over a crash', () => {
  it('P8 what the lost socket cost is measured to its last frame, once, and usage is not called complete any more', () => {
    const metered: Partial<ProviderAdapter> = {
      ...terse,
      atEnd: (_state, { openMs }) => [
        {
          kind: 'usage',
          dedupeKey: `socket of ${openMs}`,
          purpose: 'response',
          model: null,
          usage: { unit: 'seconds', seconds: openMs / 1000 },
          source: 'measured',
          raw: null,
        },
      ],
    };
    const { session: before } = talking({ named: true, adapter: metered });
    before.upstreamFrame('more', 90_000);
    const kept: Snapshot = JSON.parse(JSON.stringify(before.lives.snapshot()));
    expect(isUsageComplete(before.totals(), null)).toBe(true);
    const wire = new FakeWire();
    const adapter = { ...openai, ...metered };
    const after = new Session(planOf({ named: true }), adapter, LIMITS, wire, 200_000, kept);
    after.lives.recover(2, 200_000);
    const { response } = after.totals();
    expect([response.reports, response.seconds]).toEqual([1, 90]);
    after.join(null, null, {}, 200_000);
    restore({ session: after, wire }, 200_000);
    expect(after.totals().response.reports).toBe(1);
    expect(isUsageComplete(after.totals(), null)).toBe(false);
    // Whoever goes on from there knows it too.
    expect(after.lives.snapshot().tally.totals.usage_lost).toBe(true);
  });
});

describe('P6 a session that rests', () => {
  const IDLE = 1000;

  it('P6 after its time without a frame: no upstream, no deadline of its own; the next frame wakes it', () => {
    const harness = talking({ idleMs: IDLE });
    const { session, wire } = harness;
    session.clientFrame(1, 'one', 400);
    session.deadline('idle', IDLE);
    expect(wire.deadlines.get('idle')).toBe(400 + IDLE);
    session.deadline('idle', 400 + IDLE);
    expect(wire.log.slice(-3)).toEqual(['close upstream 1000', 'recorded', 'resting']);
    expect([...wire.deadlines.keys()]).toEqual(['longest']);
    session.clientFrame(1, 'two', 9000);
    restore(harness, 9001);
    expect(wire.up).toEqual(['one', 'frames:1', 'two']);
    expect(downOf(harness)).toEqual(['hello']);
  });

  it('P6 not while an answer is owed, or a sentence has begun, or nothing could be restored', () => {
    for (const frame of ['open', 'speech']) {
      const { session } = talking({ idleMs: IDLE });
      session.upstreamFrame(frame, 0);
      session.deadline('idle', IDLE);
      expect(session.phase).toBe('live');
    }
    const { session } = talking({ idleMs: IDLE, adapter: { resumable: () => false } });
    session.deadline('idle', IDLE);
    expect(session.phase).toBe('live');
  });

  it('P8 the provider is told first where it wants to know; its answer is read, and is no client’s', () => {
    const harness = talking({
      idleMs: IDLE,
      adapter: {
        farewell: () => 'bill please',
        owes: (state) => (state as TerseState).open,
      },
    });
    const { session, wire } = harness;
    session.deadline('idle', IDLE);
    expect([session.phase, wire.up]).toEqual(['parting', ['bill please']]);
    session.upstreamFrame('bill', IDLE + 1);
    expect(session.phase).toBe('resting');
    expect(downOf(harness)).toEqual(['hello']);
  });

  it('P1 P8 what a client sends while the provider’s answer is waited for wakes it as soon as it rests', () => {
    const harness = talking({ idleMs: IDLE, adapter: { farewell: () => 'bill please' } });
    const { session, wire } = harness;
    session.deadline('idle', IDLE);
    session.clientFrame(1, 'not yet', IDLE + 1);
    session.upstreamFrame('bill', IDLE + 2);
    expect([session.phase, wire.log.at(-1)]).toEqual(['restoring', 'dial 0']);
    restore(harness, IDLE + 3);
    expect(wire.up.at(-1)).toBe('not yet');
  });

  it('P10 a session that ends for its budget is not suspended into another life', () => {
    const budget = new Budget(
      { mode: 'enforce', limits: { gateway_day: 1 } },
      { grown: () => undefined, spent: () => undefined },
    );
    const begins: ProviderAdapter['read'] = (state) => ({
      state,
      observations: [{ kind: 'response.started', responseId: 'r' }],
      route: 'across',
    });
    const { session } = talking({ named: true, budget, adapter: { owes: () => true, read: begins } });
    session.upstreamFrame('open', 1);
    budget.heard({ day: 0, ownBefore: 0, nano: { gateway_day: 5, token_day: 0, token: 0 } });
    session.watchBudget(2);
    expect([session.phase, session.suspend(3), session.phase]).toEqual(['closing', false, 'closing']);
  });

  it('P6 a time that is over in the middle of a move is looked at after it', () => {
    const { session, wire } = talking({ idleMs: IDLE });
    session.upstreamFrame('ends:10000000', 0);
    session.catchUp();
    session.deadline('rollover', 1);
    session.continuity.redialled(1, 2);
    wire.deadlines.delete('idle');
    session.deadline('idle', IDLE);
    expect([session.phase, wire.deadlines.get('idle')]).toEqual(['moving', 2 * IDLE]);
  });

  it('P5 an observer does not wake it', () => {
    const { session, wire } = talking({ idleMs: IDLE });
    session.join('observer', null, {}, 0);
    session.deadline('idle', IDLE);
    session.clientFrame(2, 'x', IDLE + 1);
    expect([session.phase, wire.log.includes('dial 0')]).toEqual(['resting', false]);
  });
});

describe('P5 an upstream that nears its end', () => {
  const END = 10_000_000;
  const AHEAD = END - LIMITS.rolloverAheadMs;

  function nearing(options: SessionOptions = {}): Harness {
    const harness = talking(options);
    harness.session.upstreamFrame(`ends:${END}`, 0);
    harness.session.catchUp();
    return harness;
  }

  it('P5 is replaced at a quiet moment: the old one relays until the new one knows the conversation', () => {
    const harness = nearing();
    const { session, wire } = harness;
    expect(wire.deadlines.get('rollover')).toBe(AHEAD);
    session.clientFrame(1, 'one', 1);
    session.deadline('rollover', AHEAD);
    expect(wire.log.at(-1)).toBe('dial 0');
    session.clientFrame(1, 'to the old one', AHEAD + 1);
    session.continuity.redialled(5, AHEAD + 2);
    expect([session.phase, wire.toldSuccessor]).toEqual(['moving', ['frames:2']]);
    session.clientFrame(1, 'held', AHEAD + 3);
    session.continuity.rollover.frame('told', AHEAD + 4);
    expect(wire.log).toContain('promote 1000');
    expect([session.phase, wire.up]).toEqual(['live', ['one', 'to the old one', 'held']]);
    expect(downOf(harness)).toEqual(['hello', `ends:${END}`]);
  });

  it('P5 not while an answer is owed or a sentence has begun; without a quiet moment it is, at the last, as after a loss', () => {
    const harness = nearing();
    const { session, wire } = harness;
    session.upstreamFrame('open', 1);
    session.deadline('rollover', AHEAD);
    expect(wire.log).not.toContain('dial 0');
    expect(wire.deadlines.get('rollover')).toBe(AHEAD + LIMITS.rolloverLookMs);
    session.deadline('rollover', END - LIMITS.rolloverLastMs);
    expect(session.phase).toBe('restoring');
    restore(harness, END);
    expect(downOf(harness)?.at(-1)).toBe('broken off');
  });

  it('P5 a conversation that moves on meanwhile is not cut back: the old one stays, nothing is lost or doubled', () => {
    const { session, wire } = nearing();
    session.deadline('rollover', AHEAD);
    session.continuity.redialled(5, AHEAD + 1);
    session.clientFrame(1, 'held', AHEAD + 2);
    session.upstreamFrame('speech', AHEAD + 3);
    session.continuity.rollover.frame('told', AHEAD + 4);
    expect([session.phase, wire.up, wire.log.includes('drop successor')]).toEqual(['live', ['held'], true]);
    expect(wire.deadlines.get('rollover')).toBe(AHEAD + 4 + LIMITS.rolloverRetryMs);
  });

  it('P5 what it says before the quiet moment is kept, up to the limit', () => {
    const { session, wire } = nearing();
    session.deadline('rollover', AHEAD);
    session.upstreamFrame('open', AHEAD + 1);
    session.continuity.redialled(5, AHEAD + 2);
    for (let n = 0; n < LIMITS.earlyFrames; n += 1) session.continuity.rollover.frame('greeting', AHEAD + 3);
    expect(wire.log).not.toContain('drop successor');
    session.continuity.rollover.frame('one more', AHEAD + 3);
    expect(wire.log).toContain('drop successor');
    expect(session.phase).toBe('live');
  });

  it('P5 a provider that wants the old socket gone first gets that', () => {
    const { session, wire } = nearing({ adapter: { succession: { closesFirst: true } } });
    session.deadline('rollover', AHEAD);
    expect(wire.log.filter((each) => /^(close|dial)/.test(each))).toEqual(['close upstream 1000', 'dial 0']);
    expect(session.phase).toBe('restoring');
  });

  it('P5 a successor that fails costs nothing', () => {
    const { session, wire } = nearing();
    session.deadline('rollover', AHEAD);
    session.continuity.redialFailed(FAILED, AHEAD + 1);
    expect([session.phase, wire.endings]).toEqual(['live', []]);
    expect(wire.deadlines.get('rollover')).toBe(AHEAD + 1 + LIMITS.rolloverRetryMs);
  });
});

describe('P5 a session that was never dialled', () => {
  it('P5 has nothing to suspend', () => {
    expect(newSession({ named: true }).session.suspend(0)).toBe(false);
  });
});
