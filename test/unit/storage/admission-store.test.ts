import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Admission,
  type AdmissionTerms,
  type BudgetTerms,
  DAY_MS,
} from '../../../protocol/admission.ts';
import { AdmissionStore } from '../../../storage/admission-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

const LIMITS = { leaseMs: 100_000, slotRetryMs: 5_000 };
/** Noon. */
const NOW = 20_000 * DAY_MS + DAY_MS / 2;
const FREE: AdmissionTerms = { maxSessions: null, sessionsPerMinute: null, budget: null };

const newStore = () => new AdmissionStore(memoryDatabase(), LIMITS);
const lease = (session: string, askedAt = NOW) => ({ session, askedAt });
const budget = (limits: BudgetTerms['limits'], token: string | null = null): AdmissionTerms => ({
  ...FREE,
  budget: { mode: 'enforce', token, limits },
});

function refusal(admission: Admission) {
  if (admission.kind === 'admitted') throw new Error('it was admitted');
  return [admission.error.code, admission.retryAfterSeconds, admission.error.message] as const;
}

/** Lets as many in as there is room for. */
function admitted(store: AdmissionStore, sessions: number, terms: AdmissionTerms, now = NOW): number {
  return Array.from({ length: sessions }, (_, n) => store.admit(lease(`s${n}`, now), terms, now)).filter(
    ({ kind }) => kind === 'admitted',
  ).length;
}

describe('P10 live sessions of a gateway', () => {
  const three = { ...FREE, maxSessions: 3 };

  it('P10 are as many as the limit, and not one more', () => {
    const store = newStore();
    expect(admitted(store, 3, three)).toBe(3);
    expect(refusal(store.admit(lease('more'), three, NOW))).toEqual([
      'too_many_sessions',
      5,
      expect.stringContaining('3 live sessions'),
    ]);
    store.left(lease('s1'), null, NOW);
    expect(store.admit(lease('more'), three, NOW).kind).toBe('admitted');
    expect(store.admit(lease('another'), three, NOW).kind).toBe('refused');
  });

  it('P10 one that is lost with its process gives its place back by itself, and none that renews its lease does', () => {
    const store = newStore();
    admitted(store, 3, three);
    store.spent(lease('s0'), null, NOW + 60_000);
    store.told({ id: 's1', startedAt: NOW + 1, costNano: null, status: 'live' }, NOW + 60_000);
    expect(store.admit(lease('early'), three, NOW + LIMITS.leaseMs - 1).kind).toBe('refused');
    expect(store.admit(lease('late'), three, NOW + LIMITS.leaseMs).kind).toBe('admitted');
    expect(store.admit(lease('later'), three, NOW + LIMITS.leaseMs).kind).toBe('refused');
  });

  it('P10 the word of its record frees the place of a session that cannot speak for itself', () => {
    const store = newStore();
    admitted(store, 3, three);
    store.told({ id: 's0', startedAt: NOW + 1, costNano: null, status: 'ended' }, NOW + 1);
    expect(store.admit(lease('next'), three, NOW + 1).kind).toBe('admitted');
  });

  it('P10 a late word of an earlier session of that name frees nothing', () => {
    const store = newStore();
    admitted(store, 3, three);
    store.told({ id: 's0', startedAt: NOW - 1, costNano: null, status: 'ended' }, NOW + 1);
    expect(store.admit(lease('next'), three, NOW + 1).kind).toBe('refused');
  });

  it('P10 one that is asked for again takes no second place, whether its answer or the whole session was lost', () => {
    const store = newStore();
    admitted(store, 3, three);
    expect(store.admit(lease('s0'), three, NOW).kind).toBe('admitted');
    expect(store.admit(lease('s1', NOW + 5), three, NOW + 5).kind).toBe('admitted');
    store.left(lease('s2'), null, NOW + 5);
    expect(store.admit(lease('next'), three, NOW + 5).kind).toBe('admitted');
    expect(store.admit(lease('more'), three, NOW + 5).kind).toBe('refused');
  });
});

describe('P10 sessions that begin within a minute', () => {
  const two = { ...FREE, sessionsPerMinute: 2 };

  it('P10 are as many as the limit; the answer says when the next may', () => {
    const store = newStore();
    store.admit(lease('a'), two, NOW);
    store.admit(lease('b'), two, NOW + 10_000);
    // Their end makes no room.
    store.left(lease('a'), null, NOW + 11_000);
    expect(refusal(store.admit(lease('c'), two, NOW + 12_300))).toEqual([
      'rate_limited',
      48,
      expect.stringContaining('Try again in 48 s'),
    ]);
    expect(store.admit(lease('c'), two, NOW + 59_999).kind).toBe('refused');
    expect(store.admit(lease('c'), two, NOW + 60_000).kind).toBe('admitted');
    expect(store.admit(lease('d'), two, NOW + 60_001).kind).toBe('refused');
  });

  it('P10 what was refused does not count', () => {
    const store = newStore();
    expect(admitted(store, 20, two)).toBe(2);
    expect(admitted(store, 20, two, NOW + 60_000)).toBe(2);
  });
});

describe('P10 what a gateway spends', () => {
  const dollar = budget({ gateway_day: 100 });

  it('P10 lets sessions in while something is left, by a billionth of a dollar, and says when it resets', () => {
    const store = newStore();
    store.admit(lease('a'), dollar, NOW);
    store.spent(lease('a'), 99, NOW);
    expect(store.admit(lease('b'), dollar, NOW)).toMatchObject({ spent: { nano: { gateway_day: 99 } } });
    store.spent(lease('a'), 100, NOW);
    expect(refusal(store.admit(lease('c'), dollar, NOW))).toEqual([
      'budget_exceeded',
      DAY_MS / 2 / 1000,
      'Daily budget $0.0000001 is spent ($0.0000001). Resets 00:00Z; raise PARLEY_BUDGET_USD_PER_DAY, or budget_usd_per_day of the gateway.',
    ]);
    expect(store.admit(lease('c'), dollar, NOW + DAY_MS / 2 - 1).kind).toBe('refused');
    expect(store.admit(lease('c'), dollar, NOW + DAY_MS / 2).kind).toBe('admitted');
  });

  it('P10 a session that rested for days goes on being counted', () => {
    const store = newStore();
    store.admit(lease('a'), dollar, NOW);
    store.spent(lease('a'), 90, NOW);
    const later = NOW + 6 * DAY_MS;
    store.admit(lease('b'), dollar, later);
    expect(store.spent(lease('a'), 95, later).ownBefore).toBe(90);
    expect(store.spentToday(later)).toBe(5);
  });

  it('P10 warn lets everybody in', () => {
    const store = newStore();
    const warn: AdmissionTerms = {
      ...FREE,
      budget: { mode: 'warn', token: null, limits: { gateway_day: 1 } },
    };
    store.admit(lease('a'), warn, NOW);
    store.left(lease('a'), 5, NOW);
    expect(store.admit(lease('b'), warn, NOW)).toMatchObject({
      kind: 'admitted',
      spent: { nano: { gateway_day: 5 } },
    });
  });

  it('P10 a session that goes on past midnight counts to each day what it cost on it', () => {
    const store = newStore();
    const midnight = NOW + DAY_MS / 2;
    store.admit(lease('a'), dollar, NOW);
    store.spent(lease('a'), 70, midnight - 1);
    expect(store.spentToday(midnight - 1)).toBe(70);
    expect(store.spentToday(midnight)).toBe(0);
    store.spent(lease('a'), 90, midnight);
    expect(store.spentToday(midnight)).toBe(20);
    store.left(lease('a'), 95, midnight + DAY_MS);
    expect(store.spentToday(midnight)).toBe(20);
    expect(store.spentToday(midnight + DAY_MS)).toBe(5);
  });

  it('P10 a token has budgets of its own: for a day, and for as long as it is good', () => {
    const store = newStore();
    const limits = { token_day: 100, token: 150 };
    store.admit(lease('a'), budget(limits, 'red'), NOW);
    store.left(lease('a'), 100, NOW);
    expect(refusal(store.admit(lease('b'), budget(limits, 'red'), NOW))[2]).toBe(
      'Daily token budget $0.0000001 is spent ($0.0000001). Resets 00:00Z; raise PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN, or budget_usd_per_day_per_token of the gateway.',
    );
    expect(store.admit(lease('b'), budget(limits, 'blue'), NOW).kind).toBe('admitted');
    expect(store.admit(lease('c'), budget(limits, 'red'), NOW + DAY_MS).kind).toBe('admitted');
    store.left(lease('c'), 50, NOW + DAY_MS);
    // No waiting helps.
    expect(refusal(store.admit(lease('d'), budget(limits, 'red'), NOW + DAY_MS))).toEqual([
      'budget_exceeded',
      null,
      'Token budget $0.00000015 is spent ($0.00000015). Mint a token with a higher max_cost_usd.',
    ]);
  });

  it('P10 each session hears what the others spent, and not its own', () => {
    const store = newStore();
    for (const id of ['a', 'b']) store.admit(lease(id), budget({ gateway_day: 9 }, 'red'), NOW);
    store.spent(lease('a'), 30, NOW);
    expect(store.spent(lease('b'), 12, NOW).nano).toEqual({ gateway_day: 30, token_day: 30, token: 30 });
    expect(store.spent(lease('a'), 31, NOW).nano).toEqual({ gateway_day: 12, token_day: 12, token: 12 });
    expect(store.spent(lease('a'), 40, NOW + DAY_MS).nano).toEqual({
      gateway_day: 0,
      token_day: 0,
      token: 12,
    });
  });

  it('P8 counts each session’s cost once, however often and in whatever order it is told', () => {
    const words = fc.array(
      fc.record({
        session: fc.constantFrom('a', 'b', 'c'),
        by: fc.constantFrom('spent', 'told', 'left'),
        cost: fc.option(fc.nat(1000)),
        repeat: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(words, (all) => {
        const store = newStore();
        for (const id of ['a', 'b', 'c']) store.admit(lease(id), dollar, NOW);
        const known = new Map<string, number>();
        const gone = new Set<string>();
        for (const { session, by, cost, repeat } of all) {
          for (let times = repeat ? 2 : 1; times > 0; times -= 1) {
            if (by === 'told')
              store.told({ id: session, startedAt: NOW + 3, costNano: cost, status: 'live' }, NOW);
            else store[by](lease(session), cost, NOW);
          }
          if (!gone.has(session)) known.set(session, Math.max(known.get(session) ?? 0, cost ?? 0));
          if (by === 'left') gone.add(session);
        }
        expect(store.spentToday(NOW)).toBe([...known.values()].reduce((sum, cost) => sum + cost, 0));
      }),
    );
  });
});
