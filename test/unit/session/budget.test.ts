import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BudgetTerms, DAY_MS, dayOf, type SpentByOthers } from '../../../protocol/admission.ts';
import { Budget } from '../../../session/budget.ts';
import { LIMITS } from '../../../session/limits.ts';
import { AdmissionStore } from '../../../storage/admission-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { type Harness, liveSession, newSession } from './fake-wire.ts';

/** A little before midnight. */
const NOW = 20_001 * DAY_MS - 1_000;
const MIDNIGHT = 20_001 * DAY_MS;

const newBudget = (limits: BudgetTerms['limits'], mode: BudgetTerms['mode'] = 'enforce', grown = () => {}) =>
  new Budget({ mode, limits }, { grown, spent: () => undefined });
const others = (gateway_day: number, day = dayOf(NOW)): SpentByOthers => ({
  day,
  nano: { gateway_day, token_day: 0, token: gateway_day },
  ownBefore: null,
});

describe('P10 what a session knows of its budgets', () => {
  it('P10 its own cost and that of the others are one sum; the line is crossed once', () => {
    const budget = newBudget({ gateway_day: 100 });
    budget.heard(others(60));
    expect(budget.look(39, NOW)).toEqual([]);
    expect(budget.look(40, NOW)).toEqual([{ budget: 'gateway_day', limitNano: 100, spentNano: 100 }]);
    expect(budget.look(50, NOW)).toEqual([]);
  });

  it('P10 what the others spend alone is enough, and an older answer takes nothing back', () => {
    const budget = newBudget({ gateway_day: 100 });
    budget.look(10, NOW);
    budget.heard(others(90));
    budget.heard(others(20));
    expect(budget.look(10, NOW)).toHaveLength(1);
  });

  it('P5 of a session that is gone on with, only what it cost today counts to today', () => {
    const store = new AdmissionStore(memoryDatabase(), LIMITS);
    const terms = { mode: 'enforce', token: 'red', limits: { gateway_day: 100, token: 250 } } as const;
    const lease = { session: 's', askedAt: NOW };
    store.admit(lease, { maxSessions: null, sessionsPerMinute: null, budget: terms }, NOW);
    store.spent(lease, 95, NOW);
    store.spent(lease, 155, MIDNIGHT);
    const later = MIDNIGHT + 1_000;
    const budget = new Budget(terms, { grown: () => {}, spent: () => {} }, 155);
    // Nobody has said anything yet.
    expect(budget.look(155, later)).toEqual([]);
    budget.heard(store.spent(lease, 155, later));
    expect(budget.look(194, later)).toEqual([]);
    expect(budget.look(195, later)).toEqual([{ budget: 'gateway_day', limitNano: 100, spentNano: 100 }]);
    expect(budget.look(250, later)).toEqual([{ budget: 'token', limitNano: 250, spentNano: 250 }]);
  });

  it('P8 a cost that is not known counts nothing', () => {
    expect(newBudget({ gateway_day: 1 }).look(null, NOW)).toEqual([]);
  });

  it('P10 a new day begins with nothing spent; a token’s own budget goes on', () => {
    const budget = newBudget({ gateway_day: 100, token: 150 });
    budget.heard(others(50));
    expect(budget.look(49, NOW)).toEqual([]);
    expect(budget.look(99, MIDNIGHT)).toEqual([]);
    expect(budget.look(100, MIDNIGHT)).toEqual([{ budget: 'token', limitNano: 150, spentNano: 150 }]);
    // An answer of yesterday says nothing of today.
    budget.heard(others(1_000, dayOf(NOW)));
    expect(budget.look(148, MIDNIGHT)).toEqual([]);
    expect(budget.look(149, MIDNIGHT)).toEqual([{ budget: 'gateway_day', limitNano: 100, spentNano: 100 }]);
  });

  it('P10 every growth is told of, and nothing else', () => {
    let told = 0;
    const budget = newBudget({ gateway_day: 100 }, 'warn', () => (told += 1));
    for (const cost of [null, 0, 3, 3, 7, 7]) budget.look(cost, NOW);
    expect(told).toBe(2);
  });

  it('P10 alone, a session spends past its limit no more than one response, on whatever day', () => {
    const responses = fc.array(fc.record({ cost: fc.nat(60), later: fc.nat(DAY_MS / 4) }), { maxLength: 60 });
    fc.assert(
      fc.property(responses, fc.integer({ min: 1, max: 300 }), (all, limit) => {
        const budget = newBudget({ gateway_day: limit });
        let [cost, now] = [0, NOW];
        const byDay = new Map<number, number>();
        for (const response of all) {
          now += response.later;
          // It was let begin, so there was something left.
          expect(byDay.get(dayOf(now)) ?? 0).toBeLessThan(limit);
          cost += response.cost;
          byDay.set(dayOf(now), (byDay.get(dayOf(now)) ?? 0) + response.cost);
          if (budget.look(cost, now).length > 0) break;
        }
      }),
    );
  });

  it('P10 together, none stops before the limit is spent, and all stop once they have heard, in any order', () => {
    const steps = fc.array(
      fc.record({ who: fc.nat(2), what: fc.constantFrom('respond', 'ask', 'hear'), n: fc.nat(50) }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 300 }), (all, limit) => {
        const store = new AdmissionStore(memoryDatabase(), LIMITS);
        const terms = { mode: 'enforce', token: null, limits: { gateway_day: limit } } as const;
        const sessions = [0, 1, 2].map((n) => ({
          lease: { session: `s${n}`, askedAt: NOW },
          budget: newBudget(terms.limits),
          cost: 0,
          isOver: false,
          answers: [] as SpentByOthers[],
        }));
        const total = () => sessions.reduce((sum, { cost }) => sum + cost, 0);
        for (const { lease } of sessions)
          store.admit(lease, { maxSessions: null, sessionsPerMinute: null, budget: terms }, NOW);
        const look = (session: (typeof sessions)[number]) => {
          if (session.budget.look(session.cost, NOW).length === 0) return;
          expect(total()).toBeGreaterThanOrEqual(limit);
          session.isOver = true;
        };
        for (const { who, what, n } of all) {
          const session = sessions[who];
          if (session === undefined || session.isOver) continue;
          if (what === 'respond') session.cost += n;
          else if (what === 'ask') session.answers.push(store.spent(session.lease, session.cost, NOW));
          else
            for (const answer of session.answers.splice(n % (session.answers.length + 1), 1))
              session.budget.heard(answer);
          look(session);
        }
        for (const { lease, cost } of sessions) store.spent(lease, cost, NOW);
        for (const session of sessions) {
          session.budget.heard(store.spent(session.lease, session.cost, NOW));
          look(session);
        }
        expect(sessions.map(({ isOver }) => isOver)).toEqual(sessions.map(() => total() >= limit));
      }),
    );
  });
});

const PRICES = {
  provider: 'openai',
  model: 'gpt-realtime',
  simulated: 'no',
  custom: { kind: 'tokens', input: '0.01', cached: '0.01', output: '0.01' },
  overrides: [],
} as const;
const CREATE = '{"type":"response.create"}';
const created = (id: string) => `{"type":"response.created","response":{"id":"${id}"}}`;
/** Ten cents. */
const done = (id: string) =>
  `{"type":"response.done","response":{"id":"${id}","status":"completed","usage":{"input_tokens":3,"output_tokens":7,"input_token_details":{"text_tokens":3},"output_token_details":{"text_tokens":7}}}}`;
const CENT = 10_000_000;

function spending(mode: BudgetTerms['mode'], cents: number, named = false): Harness & { budget: Budget } {
  const budget = newBudget({ gateway_day: cents * CENT }, mode);
  return { budget, ...liveSession({ budget, prices: PRICES, named }) };
}

function respond({ session }: Harness, id: string, at: number): void {
  session.clientFrame(1, CREATE, at);
  session.upstreamFrame(created(id), at);
  session.upstreamFrame(done(id), at);
}

describe('P10 a session whose budget is spent', () => {
  it('P10 ends with the response that crosses the line: all of it is relayed, and nothing of the next is sent', () => {
    const harness = spending('enforce', 20);
    const { session, wire } = harness;
    respond(harness, 'r1', NOW);
    expect(session.phase).toBe('live');
    respond(harness, 'r2', NOW);
    session.clientFrame(1, CREATE, NOW);
    expect(wire.up).toEqual([CREATE, CREATE]);
    expect(wire.down.get(1)?.at(-1)).toBe(done('r2'));
    expect(wire.log.filter((line) => line.startsWith('close'))).toEqual([
      'close upstream 1000',
      'close 1 4402',
    ]);
    expect(wire.endings).toMatchObject([
      {
        reason: 'budget_exceeded',
        closedBy: 'parley',
        code: 4402,
        closeReason:
          'budget_exceeded: Daily budget $0.20 is spent ($0.20). Resets 00:00Z; raise PARLEY_BUDGET_USD_PER_DAY, or budget_usd_per_day',
        totals: { cost_nano: 20 * CENT },
      },
    ]);
  });

  it('P10 responses that were asked for ahead, and have not begun, are not waited for', () => {
    const { session, wire } = spending('enforce', 10);
    for (let n = 0; n < 3; n += 1) session.clientFrame(1, CREATE, NOW);
    session.upstreamFrame(created('r1'), NOW);
    session.upstreamFrame(done('r1'), NOW);
    expect(wire.endings).toMatchObject([{ reason: 'budget_exceeded', totals: { responses: 1 } }]);
  });

  it('P10 by the others: the running response completes, no frame of a client goes up any more', () => {
    const { session, wire, budget } = spending('enforce', 100);
    session.clientFrame(1, CREATE, NOW);
    session.upstreamFrame(created('r1'), NOW);
    budget.heard(others(100 * CENT));
    session.watchBudget(NOW);
    expect(wire.endings).toEqual([]);
    session.clientFrame(1, CREATE, NOW);
    session.upstreamFrame(done('r1'), NOW);
    expect(wire.up).toEqual([CREATE]);
    expect(wire.down.get(1)).toEqual([created('r1'), done('r1')]);
    expect(wire.endings).toMatchObject([{ reason: 'budget_exceeded', totals: { cost_nano: 10 * CENT } }]);
  });

  it('P10 between two responses: at once', () => {
    const { session, wire, budget } = spending('enforce', 100);
    budget.heard(others(100 * CENT));
    session.watchBudget(NOW);
    expect(wire.endings).toMatchObject([{ reason: 'budget_exceeded', totals: { cost_nano: null } }]);
  });

  it('P10 a response that does not end is waited for no longer than the limit, client or not', () => {
    for (const leaves of [false, true]) {
      const { session, wire, budget } = spending('enforce', 100);
      session.upstreamFrame(created('r1'), NOW);
      budget.heard(others(100 * CENT));
      session.watchBudget(NOW);
      if (leaves) session.leave(1, 1000, '', NOW);
      const due = wire.deadlines.get('usage');
      expect(due).toBe(NOW + LIMITS.lastResponseMs);
      session.deadline('usage', due ?? 0);
      expect(wire.endings).toMatchObject([{ reason: 'budget_exceeded' }]);
    }
  });

  it('P10 frames that waited for the provider are sent before anything is looked at', () => {
    const budget = newBudget({ gateway_day: 1 });
    const { session, wire } = newSession({ budget, prices: PRICES });
    session.join(null, null, {}, NOW);
    session.clientFrame(1, CREATE, NOW);
    session.upstreamOpened(5, NOW);
    expect(wire.up).toEqual([CREATE]);
    session.upstreamFrame(created('r1'), NOW);
    session.upstreamFrame(done('r1'), NOW);
    expect(wire.endings).toHaveLength(1);
  });

  it('P3 both ways it is in the log; warn says it once, and the session goes on', () => {
    for (const [mode, verdict] of [
      ['warn', 'warned'],
      ['enforce', 'ended'],
    ] as const) {
      const harness = spending(mode, 20);
      for (const id of ['r1', 'r2', 'r3']) respond(harness, id, NOW);
      const batch = harness.session.recording.next(() => null, NOW);
      expect(batch?.records.filter(({ kind }) => kind === 'budget')).toMatchObject([
        { body: { budget: 'gateway_day', limit_nano: 20 * CENT, spent_nano: 20 * CENT, verdict } },
      ]);
      expect(harness.session.phase).toBe(mode === 'warn' ? 'live' : 'ended');
      expect(harness.wire.problems).toHaveLength(mode === 'warn' ? 1 : 0);
    }
  });

  it('P4 frames go out before their cost is looked at, and audio is not read one by one', () => {
    const { session, wire } = spending('enforce', 20);
    wire.log.length = 0;
    session.upstreamFrame(done('r1'), NOW);
    expect(wire.log[0]).toBe('down 1');
    const before = session.recording.seq;
    session.clientFrame(1, '{"type":"input_audio_buffer.append","audio":"AAAA"}', NOW);
    session.upstreamFrame('{"type":"response.output_audio.delta","response_id":"r2","delta":"AAAA"}', NOW);
    expect(session.recording.seq).toBe(before);
  });
});
