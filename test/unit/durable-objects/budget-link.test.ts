import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Admission, AdmissionTerms, Lease, SpentByOthers } from '../../../protocol/admission.ts';
import { type AdmissionDesk, BudgetLink } from '../../../durable-objects/budget-link.ts';
import { publicError } from '../../../protocol/errors.ts';
import type { WebhookEvent } from '../../../protocol/webhooks.ts';
import { LIMITS } from '../../../session/limits.ts';

const NOTHING: SpentByOthers = { day: 0, nano: { gateway_day: 0, token_day: 0, token: 0 }, ownBefore: 0 };
const LEASE = { session: 's', askedAt: 7 };

/** A directory that writes down what it is told, and fails while it is told to. */
class FakeDirectory implements AdmissionDesk {
  readonly calls: string[] = [];
  fails = false;
  admission: Admission = { kind: 'admitted', spent: NOTHING };
  others = NOTHING;

  admit(_lease: Lease, _terms: AdmissionTerms): Promise<Admission> {
    return this.#answer('admit', this.admission);
  }
  spent({ session, askedAt }: Lease, cost: number | null): Promise<SpentByOthers> {
    return this.#answer(`spent ${session}/${askedAt} ${cost}`, this.others);
  }
  left({ session, askedAt }: Lease, cost: number | null): Promise<void> {
    return this.#answer(`left ${session}/${askedAt} ${cost}`, undefined);
  }
  announce(events: readonly WebhookEvent[]): Promise<void> {
    return this.#answer(events.map(({ type, key }) => `${type} ${key}`).join(), undefined);
  }
  #answer<T>(call: string, answer: T): Promise<T> {
    this.calls.push(this.fails ? `${call} failed` : call);
    return this.fails ? Promise.reject(new Error('no disk')) : Promise.resolve(answer);
  }
}

function linked(
  budget: AdmissionTerms['budget'] = { mode: 'enforce', token: null, limits: { gateway_day: 9 } },
) {
  const directory = new FakeDirectory();
  const problems: string[] = [];
  const session = { cost: null as number | null, heard: 0 };
  const link = new BudgetLink({
    directory: () => directory,
    lease: LEASE,
    terms: { maxSessions: 1, sessionsPerMinute: null, budget },
    limits: LIMITS,
    costBefore: 0,
    cost: () => session.cost,
    heard: () => (session.heard += 1),
    report: (problem) => problems.push(problem),
  });
  return {
    directory,
    problems,
    session,
    link,
    spend: (cost: number) => {
      session.cost = cost;
      return link.budget?.look(cost, Date.now());
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('P10 the line to the directory', () => {
  it('P10 tells the first cost at once, and those that follow a few times a second, as one sum', async () => {
    const { directory, link, spend } = linked();
    await link.admit();
    for (let cost = 1; cost <= 5; cost += 1) {
      spend(cost);
      await vi.advanceTimersByTimeAsync(LIMITS.spendReportMs / 5);
    }
    await vi.advanceTimersByTimeAsync(LIMITS.spendReportMs);
    expect(directory.calls).toEqual(['admit', 'spent s/7 1', 'spent s/7 5']);
    expect(link.budget?.look(5, Date.now())).toEqual([]);
  });

  it('P10 tells the webhooks of a budget that is spent: once a day, or once for a token', async () => {
    const { directory, link, spend } = linked({
      mode: 'warn',
      token: 'jti-1',
      limits: { gateway_day: 3, token_day: 5, token: 5 },
    });
    await link.admit();
    spend(4);
    spend(6);
    spend(7);
    await vi.advanceTimersByTimeAsync(0);
    expect(directory.calls.filter((call) => call.startsWith('budget'))).toEqual([
      'budget.exceeded gateway_day 0',
      'budget.exceeded token_day jti-1 0',
      'budget.exceeded token jti-1',
    ]);
  });

  it('P6 nor after an answer that comes once it rests already', async () => {
    const { directory, link, spend } = linked();
    await link.admit();
    let answer = (): void => {};
    const spent = directory.spent.bind(directory);
    directory.spent = async (...about) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return spent(...about);
    };
    spend(1);
    await vi.advanceTimersByTimeAsync(0);
    link.rest();
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(directory.calls).toEqual(['admit', 'spent s/7 1']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('P6 says nothing while the session rests, and asks at once when it dials', async () => {
    const { directory, link } = linked();
    await link.admit();
    link.rest();
    await vi.advanceTimersByTimeAsync(LIMITS.leaseRenewMs * 3);
    expect(directory.calls).toEqual(['admit']);
    link.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(directory.calls).toEqual(['admit', 'spent s/7 null']);
  });

  it('P10 hands on what the others spent, and says that it did', async () => {
    const { directory, link, spend, session } = linked();
    await link.admit();
    directory.others = { ...NOTHING, nano: { gateway_day: 8, token_day: 0, token: 0 } };
    vi.setSystemTime(0);
    expect(spend(1)).toEqual([]);
    await vi.advanceTimersByTimeAsync(0);
    expect(session.heard).toBe(1);
    expect(link.budget?.look(1, 0)).toMatchObject([{ spentNano: 9 }]);
  });

  it('P10 renews its place while nothing is spent, budget or not, well before the lease ends', async () => {
    const { directory, link } = linked(null);
    expect(link.budget).toBeNull();
    await link.admit();
    await vi.advanceTimersByTimeAsync(3 * LIMITS.leaseRenewMs);
    expect(directory.calls).toEqual(['admit', ...Array.from({ length: 3 }, () => 'spent s/7 null')]);
    expect(3 * LIMITS.leaseRenewMs).toBeLessThan(LIMITS.leaseMs);
  });

  it('P4 a directory that fails is asked again, told of once, and nothing is lost', async () => {
    const { directory, link, spend, problems } = linked();
    await link.admit();
    directory.fails = true;
    spend(1);
    await vi.advanceTimersByTimeAsync(3 * LIMITS.recorderRetryMs);
    expect(directory.calls.filter((call) => call.endsWith('failed')).length).toBe(4);
    expect(problems).toHaveLength(1);
    directory.fails = false;
    spend(2);
    await vi.advanceTimersByTimeAsync(LIMITS.recorderRetryMs);
    expect(directory.calls.at(-1)).toBe('spent s/7 2');
  });

  it('P10 the end is told with the last cost, until it is heard; then nothing more is said', async () => {
    const { directory, link, spend, problems } = linked();
    await link.admit();
    directory.fails = true;
    spend(3);
    const left = link.leave(4);
    await vi.advanceTimersByTimeAsync(LIMITS.recorderRetryMs);
    directory.fails = false;
    await vi.advanceTimersByTimeAsync(10 * LIMITS.leaseRenewMs);
    await left;
    spend(5);
    await vi.advanceTimersByTimeAsync(10 * LIMITS.leaseRenewMs);
    expect(directory.calls).toEqual(['admit', 'left s/7 4 failed', 'left s/7 4 failed', 'left s/7 4']);
    expect(problems).toEqual([]);
  });

  it('P10 one that never hears the end is given up on, and that is told', async () => {
    const { directory, link, problems } = linked();
    directory.fails = true;
    void link.leave(null);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(directory.calls).toHaveLength(4);
    expect(problems).toHaveLength(1);
  });

  it('P10 a refusal is answered with its wait, where waiting helps; without a directory nobody begins', async () => {
    const { directory, link } = linked();
    const error = publicError('too_many_sessions', { limit: '1' });
    directory.admission = { kind: 'refused', error, retryAfterSeconds: 5 };
    expect((await link.admit())?.headers.get('retry-after')).toBe('5');
    directory.admission = { kind: 'refused', error, retryAfterSeconds: null };
    expect((await link.admit())?.headers.has('retry-after')).toBe(false);
    directory.fails = true;
    expect((await link.admit())?.status).toBe(503);
    expect(vi.getTimerCount()).toBe(0);
  });
});
