import { describe, expect, it } from 'vitest';
import type { SessionSummary } from '../../../protocol/recording.ts';
import { DirectoryStore, type SessionFilter } from '../../../storage/directory-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { summaryWith } from '../../support/summary.ts';

const EVERYTHING: SessionFilter = {
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
const summary = summaryWith;

describe('P3 the directory', () => {
  it('P3 an older summary that arrives late changes nothing', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.put(summary('a', { revision: 3, status: 'ended' }));
    store.put(summary('a', { revision: 2 }));
    expect(store.list(EVERYTHING, null, 10)).toMatchObject([{ id: 'a', status: 'ended', revision: 3 }]);
  });

  it('P3 lists newest first, and pages without losing or repeating one', () => {
    const store = new DirectoryStore(memoryDatabase());
    for (let n = 0; n < 25; n += 1) store.put(summary(`s${n}`, { startedAt: 1_000 + Math.floor(n / 3) }));
    const all = store.list(EVERYTHING, null, 100);
    expect(all.map(({ startedAt }) => startedAt)).toEqual(
      all.map(({ startedAt }) => startedAt).toSorted((a, b) => b - a),
    );
    const paged: SessionSummary[] = [];
    for (let page = store.list(EVERYTHING, null, 4); page.length > 0;) {
      paged.push(...page);
      page = store.list(EVERYTHING, page.at(-1) ?? null, 4);
    }
    expect(paged).toEqual(all);
  });

  it('P3 filters by status, provider, reason, time and metadata', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.put(summary('a', { metadata: { team: 'x', n: 7, vip: true, 'a"b\\c': 'odd' } }));
    store.put(
      summary('b', {
        status: 'ended',
        endedReason: 'client_closed',
        startedAt: 2_000,
        provider: 'simulator',
      }),
    );
    const ids = (filter: Partial<SessionFilter>) =>
      store.list({ ...EVERYTHING, ...filter }, null, 10).map(({ id }) => id);
    expect(ids({ status: 'ended' })).toEqual(['b']);
    expect(ids({ provider: 'openai' })).toEqual(['a']);
    expect(ids({ endedReason: 'client_closed' })).toEqual(['b']);
    expect(ids({ since: 1_500 })).toEqual(['b']);
    expect(ids({ until: 2_000 })).toEqual(['a']);
    expect(ids({ metadata: [['team', 'x']] })).toEqual(['a']);
    expect(ids({ metadata: [['n', '7']] })).toEqual(['a']);
    expect(ids({ metadata: [['team"].x', 'x']] })).toEqual([]);
    expect(ids({ metadata: [['vip', 'true']] })).toEqual(['a']);
    expect(ids({ metadata: [['vip', '1']] })).toEqual([]);
    expect(ids({ metadata: [['a"b\\c', 'odd']] })).toEqual(['a']);
  });

  it('P8 filters by cost, and leaves out what is unknown', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.put(summary('unknown', { costComplete: false }));
    store.put(summary('free', { costNano: 0 }));
    store.put(summary('dear', { costNano: 2_000_000_000, costComplete: false }));
    const ids = (minCostNano: number) =>
      store.list({ ...EVERYTHING, minCostNano }, null, 10).map(({ id }) => id);
    expect(ids(2_000_000_000)).toEqual(['dear']);
    expect(ids(2_000_000_001)).toEqual([]);
    expect(ids(0).toSorted()).toEqual(['dear', 'free']);
    store.put(summary('free', { costNano: 5, costComplete: false, revision: 2 }));
    expect(store.list(EVERYTHING, null, 10).find(({ id }) => id === 'free')).toMatchObject({
      costNano: 5,
      costComplete: false,
    });
  });

  it('P3 a database from before costs were kept goes on, its sessions of unknown cost', () => {
    const database = memoryDatabase();
    // As the first version made it.
    database.exec(`CREATE TABLE session (id TEXT PRIMARY KEY, status TEXT NOT NULL, provider TEXT NOT NULL, model TEXT,
      started_at INTEGER NOT NULL, ended_at INTEGER, ended_reason TEXT, turns INTEGER NOT NULL, tokens INTEGER,
      metadata TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
      INSERT INTO session VALUES ('old', 'ended', 'openai', 'm', 1, 2, 'client_closed', 3, 4, '{"team":"x"}', 5);`);
    for (const time of ['first', 'second']) {
      const store = new DirectoryStore(database);
      expect(store.list({ ...EVERYTHING, metadata: [['team', 'x']] }, null, 10), time).toMatchObject([
        {
          id: 'old',
          status: 'ended',
          provider: 'openai',
          model: 'm',
          startedAt: 1,
          endedAt: 2,
          endedReason: 'client_closed',
          turns: 3,
          tokens: 4,
          costNano: null,
          costComplete: false,
          metadata: { team: 'x' },
          revision: 5,
        },
      ]);
    }
    const store = new DirectoryStore(database);
    store.put(summary('new', { costNano: 7 }));
    store.remove('old', 1);
    expect(store.list({ ...EVERYTHING, minCostNano: 7 }, null, 10)).toMatchObject([
      { id: 'new', costNano: 7 },
    ]);
  });

  it('P3 re-drives are found by the session that they repeat', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.put(summary('first'));
    store.put(summary('again', { redriveOf: 'first' }));
    store.put(summary('another', { redriveOf: 'second' }));
    expect(store.list({ ...EVERYTHING, redriveOf: 'first' }, null, 10)).toMatchObject([
      { id: 'again', redriveOf: 'first' },
    ]);
    expect(store.list(EVERYTHING, null, 10)).toHaveLength(3);
  });

  it('P9 a deleted session leaves its id alone, and a late summary does not bring it back', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.put(summary('a', { metadata: { secret: 'x' } }));
    store.remove('a', 1_000);
    store.put(summary('a', { revision: 99 }));
    expect(store.list(EVERYTHING, null, 10)).toEqual([]);
  });

  it('P3 a session that takes the name of a deleted one is listed', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.put(summary('a', { revision: 7 }));
    store.remove('a', 1_000);
    store.put(summary('a', { startedAt: 2_000, revision: 1 }));
    store.put(summary('a', { startedAt: 2_000, revision: 2, status: 'ended' }));
    expect(store.list(EVERYTHING, null, 10)).toMatchObject([{ startedAt: 2_000, status: 'ended' }]);
  });

  it('P9 a revoked token stays revoked past its end, and expired ones are forgotten', () => {
    const store = new DirectoryStore(memoryDatabase());
    store.putToken({ jti: 'old', issuedAt: 1, expiresAt: 5, claims: '{}' });
    store.putToken({ jti: 'late', issuedAt: 1, expiresAt: 99_000, claims: '{}' });
    store.revoke('late');
    store.putToken({ jti: 'new', issuedAt: 100_000, expiresAt: 200_000, claims: '{}' });
    expect(store.revoke('new')).toBe(true);
    expect(store.isRevoked('new')).toBe(true);
    expect(store.isRevoked('late')).toBe(true);
    expect(store.revoke('old')).toBe(false);
    expect(store.tokens(100_000, 10).map(({ jti }) => jti)).toEqual(['new']);
  });
});
