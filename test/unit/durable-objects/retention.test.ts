import { describe, expect, it } from 'vitest';
import { Retention } from '../../../durable-objects/retention.ts';
import { LIMITS } from '../../../session/limits.ts';
import { DirectoryStore } from '../../../storage/directory-store.ts';
import { LogStore } from '../../../storage/log-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { summaryWith } from '../../support/summary.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NOW = 1_000 * DAY_MS;
const EVERYTHING = {
  status: null,
  provider: null,
  model: null,
  endedReason: null,
  since: null,
  until: null,
  minCostNano: null,
  redriveOf: null,
  metadata: [],
};

/** A directory of sessions that began one a second, the first of them 40 days ago. */
function setUp(sessions: number, erase: (id: string) => Promise<boolean> = async () => true) {
  const database = memoryDatabase();
  const store = new DirectoryStore(database);
  for (let n = 0; n < sessions; n += 1) {
    store.put(summaryWith(`s${n}`, { status: 'ended', startedAt: NOW - 40 * DAY_MS + n * 1_000 }));
  }
  const asked: string[] = [];
  const problems: string[] = [];
  const make = () =>
    new Retention({
      store,
      days: () => 30,
      limits: LIMITS,
      erase: (id) => {
        asked.push(id);
        return erase(id);
      },
      report: (id) => problems.push(id),
    });
  const left = () => store.list(EVERYTHING, null, 1_000).map(({ id }) => id);
  return { database, store, asked, problems, make, left };
}

describe('P3 retention', () => {
  it('P10 deletes a bounded number at a time, and comes back in a moment while there are more', async () => {
    const { make, asked, left } = setUp(250);
    const retention = make();
    expect(await retention.sweep(NOW)).toBe(NOW + LIMITS.sweepAgainMs);
    expect(asked).toHaveLength(LIMITS.sweepSessions);
    expect(await retention.sweep(NOW)).toBe(NOW + LIMITS.sweepAgainMs);
    expect(await retention.sweep(NOW)).toBe(null);
    expect(left()).toEqual([]);
    expect(asked).toHaveLength(250);
  });

  it('P3 goes on after a restart where it was, and deletes nothing twice', async () => {
    const { make, asked, left } = setUp(150);
    await make().sweep(NOW);
    await make().sweep(NOW);
    expect(left()).toEqual([]);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('P3 sessions that cannot be deleted yet hold up no others, and are tried again', async () => {
    let isDown = true;
    const { make, problems, left } = setUp(130, async (id) => {
      if (id === 's3' && isDown) throw new Error('no answer');
      return Number(id.slice(1)) >= 100 || id === 's3';
    });
    const retention = make();
    await retention.sweep(NOW);
    await retention.sweep(NOW);
    expect(left()).toHaveLength(100);
    expect(problems).toEqual(['s3']);
    isDown = false;
    await retention.sweep(NOW + HOUR_MS);
    expect(left()).not.toContain('s3');
  });

  it('P3 is due when the oldest session is, but at least each day and at most each hour', () => {
    const { store, make } = setUp(0);
    const retention = make();
    expect(retention.nextDue(NOW)).toBe(null);
    store.put(summaryWith('new', { startedAt: NOW - 1 }));
    expect(retention.nextDue(NOW)).toBe(NOW + DAY_MS);
    store.put(summaryWith('old', { startedAt: NOW - 30 * DAY_MS + 5 * HOUR_MS }));
    expect(retention.nextDue(NOW)).toBe(NOW + 5 * HOUR_MS);
    store.put(summaryWith('overdue', { startedAt: NOW - 31 * DAY_MS }));
    expect(retention.nextDue(NOW)).toBe(NOW + HOUR_MS);
  });

  it('P9 what was hidden is deleted whatever its age, and again soon when that failed', async () => {
    let isDown = true;
    const { database, store, make } = setUp(0, async () => {
      if (isDown) throw new Error('no answer');
      return true;
    });
    store.put(summaryWith('young', { status: 'ended', startedAt: NOW - 1 }));
    const query = { filters: [], search: null, orderBy: 'created_at', descending: true } as const;
    expect(new LogStore(database).hide(query, 10, NOW)).toBe(1);
    const retention = make();
    expect(await retention.sweep(NOW)).toBe(NOW + LIMITS.heartbeatMs);
    isDown = false;
    expect(await retention.sweep(NOW)).toBe(null);
    expect(store.deleting(10)).toEqual([]);
  });

  it('P10 a tombstone is forgotten once no late word can come', async () => {
    const { store, make, left } = setUp(1);
    const retention = make();
    await retention.sweep(NOW);
    store.put(summaryWith('s0', { status: 'ended', startedAt: NOW - 40 * DAY_MS, revision: 9 }));
    expect(left()).toEqual([]);
    await retention.sweep(NOW + DAY_MS);
    store.put(summaryWith('s0', { status: 'ended', startedAt: NOW - 40 * DAY_MS, revision: 9 }));
    expect(left()).toEqual(['s0']);
  });
});
