import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionSummary } from '../../../protocol/recording.ts';
import { NO_SUMS, SUM_NAMES, type Sums, sums } from '../../../protocol/usage-sums.ts';
import { HOUR_MS } from '../../../storage/directory-schema.ts';
import { DirectoryStore } from '../../../storage/directory-store.ts';
import type { SqlDatabase } from '../../../storage/sql.ts';
import { type UsageGrouping, UsageStore } from '../../../storage/usage-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { summaryWith } from '../../support/summary.ts';

const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER };
const START = 500_000 * HOUR_MS;

function stores(database: SqlDatabase = memoryDatabase()) {
  const directory = new DirectoryStore(database);
  const usage = new UsageStore(database);
  const groups = (grouping: UsageGrouping) => usage.usage(grouping, EVER, 100);
  return { directory, usage, groups };
}

const used = (figures: Partial<Sums>): Sums => ({ ...NO_SUMS, ...figures });

describe('P8 usage over sessions', () => {
  it('P8 a summary that comes twice, or late, counts once', () => {
    const { directory, groups } = stores();
    const first = summaryWith('a', {
      startedAt: START,
      revision: 1,
      sums: used({ input_text: 5, turns: 1 }),
    });
    const last = summaryWith('a', { startedAt: START, revision: 4, sums: used({ input_text: 9, turns: 2 }) });
    for (const summary of [first, first, last, first, last]) directory.put(summary);
    expect(groups({ by: 'nothing' })).toEqual([
      { group: null, sessions: 1, sums: used({ input_text: 9, turns: 2 }) },
    ]);
  });

  it('P8 whatever order summaries arrive in, and how often, the sums are those of the newest of each', () => {
    const summary = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      revision: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(summary, { maxLength: 40 }), (arrivals) => {
        const { directory, groups } = stores();
        const newest = new Map<string, SessionSummary>();
        for (const { id, revision } of arrivals) {
          // What is summed up only grows with the revision.
          const figures = sums((name) => revision * (SUM_NAMES.indexOf(name) + 1));
          const sent = summaryWith(id, {
            startedAt: START + id.charCodeAt(0) * HOUR_MS,
            provider: id < 'c' ? 'x' : 'y',
            model: id === 'd' ? null : id,
            revision,
            costNano: figures.cost_nano,
            sums: figures,
          });
          directory.put(sent);
          if ((newest.get(id)?.revision ?? 0) < revision) newest.set(id, sent);
        }
        for (const by of ['hour', 'provider', 'model', 'nothing'] as const) {
          const found = groups({ by });
          expect(found.reduce((sum, group) => sum + group.sessions, 0)).toBe(newest.size);
          for (const name of SUM_NAMES) {
            const wanted = [...newest.values()].reduce((sum, each) => sum + each.sums[name], 0);
            expect(found.reduce((sum, group) => sum + group.sums[name], 0)).toBe(wanted);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('P8 groups by hour, provider, model and tag', () => {
    const { directory, groups } = stores();
    const put = (id: string, more: Partial<SessionSummary>) =>
      directory.put(summaryWith(id, { startedAt: START, sums: used({ turns: 1 }), ...more }));
    put('a', { provider: 'x', model: 'm', metadata: { team: 'red', beta: true } });
    put('b', { provider: 'x', model: null, metadata: { team: 'red' }, startedAt: START + HOUR_MS });
    put('c', { provider: 'y', model: 'm', metadata: { team: 7 } });
    const of = (grouping: UsageGrouping) => groups(grouping).map(({ group, sessions }) => [group, sessions]);
    expect(of({ by: 'hour' })).toEqual([
      [new Date(START).toISOString(), 2],
      [new Date(START + HOUR_MS).toISOString(), 1],
    ]);
    expect(of({ by: 'provider' })).toEqual([
      ['x', 2],
      ['y', 1],
    ]);
    expect(of({ by: 'model' })).toEqual([
      ['m', 2],
      [null, 1],
    ]);
    expect(of({ by: 'tag', key: 'team' })).toEqual([
      ['red', 2],
      ['7', 1],
    ]);
    expect(of({ by: 'tag', key: 'beta' })).toEqual([
      [null, 2],
      ['true', 1],
    ]);
  });

  it('P8 a range is of whole hours, its end exclusive, for every grouping', () => {
    const { directory, usage } = stores();
    for (const hours of [0, 1, 2]) {
      directory.put(
        summaryWith(`s${hours}`, { startedAt: START + hours * HOUR_MS + 1, metadata: { team: 'x' } }),
      );
    }
    const range = { from: START / HOUR_MS + 1, to: START / HOUR_MS + 2 };
    for (const grouping of [{ by: 'hour' }, { by: 'model' }, { by: 'tag', key: 'team' }] as const) {
      expect(usage.usage(grouping, range, 10).map(({ sessions }) => sessions)).toEqual([1]);
    }
  });

  it('P8 what a deleted session used stays counted, and a late word of it is not', () => {
    const { directory, groups, usage } = stores();
    directory.put(summaryWith('a', { startedAt: START, sums: used({ turns: 3 }) }));
    directory.remove('a', START);
    directory.put(summaryWith('a', { startedAt: START, revision: 9, sums: used({ turns: 5 }) }));
    expect(groups({ by: 'nothing' })).toMatchObject([{ sessions: 1, sums: { turns: 3 } }]);
    expect(usage.totals()).toMatchObject([{ group: 'openai', live: 0, sessions: 1 }]);
  });

  it('P8 a model that is named later moves what was counted to it', () => {
    const { directory, groups } = stores();
    directory.put(summaryWith('a', { startedAt: START, sums: used({ turns: 1 }) }));
    directory.put(summaryWith('a', { startedAt: START, revision: 2, model: 'm', sums: used({ turns: 3 }) }));
    expect(groups({ by: 'model' })).toEqual([{ group: 'm', sessions: 1, sums: used({ turns: 3 }) }]);
    expect(groups({ by: 'nothing' })).toMatchObject([{ sessions: 1, sums: { turns: 3 } }]);
  });

  it('P8 a session that never went live and begins again is counted as another', () => {
    const { directory, groups } = stores();
    directory.put(summaryWith('a', { startedAt: START, status: 'ended', sums: used({ errors: 1 }) }));
    directory.put(summaryWith('a', { startedAt: START + 5, revision: 3, sums: used({ turns: 2 }) }));
    expect(groups({ by: 'nothing' })).toMatchObject([{ sessions: 2, sums: { errors: 1, turns: 2 } }]);
  });
});

describe('P3 a directory that an older version made', () => {
  const OLD = `
CREATE TABLE session (
  id TEXT PRIMARY KEY, status TEXT NOT NULL, provider TEXT NOT NULL, model TEXT, started_at INTEGER NOT NULL,
  ended_at INTEGER, ended_reason TEXT, turns INTEGER NOT NULL, tokens INTEGER, metadata TEXT NOT NULL,
  revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_by_start ON session (started_at DESC, id DESC);`;

  it('P3 keeps its sessions, counts them once, and takes what they send on', () => {
    const database = memoryDatabase();
    database.exec(OLD);
    database.exec(
      `INSERT INTO session VALUES ('ended', 'ended', 'openai', 'm', ?, ?, 'client_closed', 4, 90, '{"team":"x"}', 7),
       ('live', 'live', 'openai', 'm', ?, NULL, NULL, 1, NULL, '{}', 2), ('gone', 'deleted', '', NULL, ?, NULL, NULL, 0, NULL, '{}', 0)`,
      START,
      START + 60_000,
      START,
      START,
    );
    stores(database);
    const { directory, groups } = stores(database);
    const everything = {
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
    expect(directory.list(everything, null, 10).map(({ id }) => id)).toEqual(['live', 'ended']);
    directory.put(
      summaryWith('live', {
        startedAt: START,
        model: 'm',
        revision: 3,
        sums: used({ turns: 2, input_audio: 8 }),
      }),
    );
    expect(groups({ by: 'hour' })).toEqual([
      {
        group: new Date(START).toISOString(),
        sessions: 2,
        sums: used({ turns: 6, duration_ms: 60_000, input_audio: 8, cost_incomplete: 1 }),
      },
    ]);
  });
});
