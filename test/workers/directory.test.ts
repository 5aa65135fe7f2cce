import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { directoryObjectName } from '../../protocol/connect.ts';
import type { SessionSummary } from '../../protocol/recording.ts';
import { NO_SUMS } from '../../protocol/usage-sums.ts';
import { DirectoryStore } from '../../storage/directory-store.ts';
import type { SqlDatabase, SqlRow } from '../../storage/sql.ts';
import { summaryWith } from '../support/summary.ts';
import type { SessionShape, SessionSummaryShape, UsageShape } from '../../protocol/rest.ts';
import { asAdmin, type Client, errorOf, open, resultOf } from './parley.ts';

const DAY_MS = 86_400_000;
const idOf = ({ response }: Client) => response.headers.get('parley-session-id') ?? '';

/** A gateway of its own for each test: what others do does not show in it. */
function gateway(name: string) {
  const base = `/v1/acct/${name}`;
  return {
    base,
    directory: env.DIRECTORY.getByName(directoryObjectName('acct', name)),
    list: (query = '') => resultOf<SessionSummaryShape[]>(asAdmin(`${base}/sessions${query}`)),
    session: (id: string) => resultOf<SessionShape>(asAdmin(`${base}/sessions/${id}`)),
    usage: (query = '') => resultOf<UsageShape[]>(asAdmin(`${base}/usage${query}`)),
    patch: (id: string, body: unknown) =>
      asAdmin(`${base}/sessions/${id}`, { method: 'PATCH', body: JSON.stringify(body) }),
    /** A session with one turn, that has ended. */
    talk: async (metadata: object = {}) => {
      const client = await open(`${base}/simulator?model=sim-support`, {
        'cf-aig-metadata': JSON.stringify(metadata),
      });
      client.socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
      for (let frame = ''; !frame.includes('"response.done"');) frame = await client.next();
      client.socket.close(1000);
      await client.closed;
      const id = idOf(client);
      await resultOf(asAdmin(`${base}/sessions/${id}`));
      return id;
    },
  };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('P3 what people say of a session', () => {
  it('P3 tags, feedback and score are stored by the recorder, and lists filter by the tags at once', async () => {
    const { talk, patch, session, list } = gateway('patch');
    const id = await talk({ team: 'red' });
    expect(await session(id)).toMatchObject({ metadata: { team: 'red' }, feedback: null, score: null });
    const patched = await resultOf<SessionShape>(
      patch(id, { metadata: { team: 'blue', n: 2 }, feedback: 1 }),
    );
    expect(patched).toMatchObject({ metadata: { team: 'blue', n: 2 }, feedback: 1, score: null });
    await patch(id, { score: 87.5 });
    expect(await session(id)).toMatchObject({ metadata: { team: 'blue', n: 2 }, feedback: 1, score: 87.5 });
    expect(await list('?metadata.team=blue&metadata.n=2')).toMatchObject([{ id, feedback: 1, score: 87.5 }]);
    expect(await list('?metadata.team=red')).toEqual([]);
    await patch(id, { metadata: null, feedback: null });
    expect(await list('?metadata.team=red')).toMatchObject([{ id, feedback: null, score: 87.5 }]);
  });

  it('P3 a live session takes them too, and keeps them past its end', async () => {
    const { base, patch, session } = gateway('patch-live');
    const client = await open(`${base}/simulator?model=sim-support`);
    await client.next();
    expect((await patch(idOf(client), { feedback: -1 })).status).toBe(200);
    client.socket.close(1000);
    await client.closed;
    expect(await session(idOf(client))).toMatchObject({ status: 'ended', feedback: -1 });
  });

  it.each([
    { feedback: 2 },
    { feedback: 0.5 },
    { score: -1 },
    { score: 100.1 },
    { score: '7' },
    { metadata: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 } },
    { metadata: { a: { nested: true } } },
    { metdata: {} },
    [],
  ])('P10 %j is refused', async (body) => {
    const { talk, patch } = gateway('patch-refused');
    const answer = await patch(await talk(), body);
    expect([answer.status, await errorOf(answer)]).toEqual([400, 'invalid_request']);
  });

  it('P10 tags over 4 KiB are refused', async () => {
    const { talk, patch } = gateway('patch-size');
    const id = await talk();
    const tagOf = (length: number) => ({ metadata: { a: 'x'.repeat(length) } });
    const around = JSON.stringify(tagOf(0).metadata).length;
    expect((await patch(id, tagOf(4096 - around))).status).toBe(200);
    expect((await patch(id, tagOf(4097 - around))).status).toBe(400);
  });

  it('P3 the limits themselves are taken, and a session that is not there is not made', async () => {
    const { talk, patch } = gateway('patch-limits');
    const id = await talk();
    for (const body of [{ score: 0 }, { score: 100 }, { metadata: { a: 1, b: 2, c: 3, d: 4, e: true } }, {}])
      expect((await patch(id, body)).status).toBe(200);
    expect((await patch('nobody', { score: 1 })).status).toBe(404);
  });
});

describe('P8 usage', () => {
  it('P8 adds up what sessions used, by provider, model, hour and tag', async () => {
    const { talk, usage, session } = gateway('usage');
    const ids = [await talk({ team: 'red' }), await talk({ team: 'red' }), await talk({ team: 'blue' })];
    const sessions = await Promise.all(ids.map(session));
    const outputs = sessions.reduce((sum, each) => sum + each.usage.response.tokens.output_text, 0);
    expect(outputs).toBeGreaterThan(0);
    const whole = { sessions: 3, turns: 3, reports: 3, tokens: { output_text: outputs } };
    const spent = sessions.reduce((sum, each) => sum + (each.cost.nano_usd ?? 0), 0);
    expect(await usage()).toMatchObject([{ group: null, ...whole, cost: { nano_usd: spent } }]);
    expect(await usage('?group_by=provider')).toMatchObject([{ group: 'simulator', ...whole }]);
    expect(await usage('?group_by=model')).toMatchObject([{ group: 'sim-support', ...whole }]);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const hours = await usage(`?group_by=hour&since=${since}`);
    expect(hours.reduce((sum, hour) => sum + hour.turns, 0)).toBe(3);
    expect(await usage('?group_by=metadata.team')).toMatchObject([
      { group: 'red', sessions: 2 },
      { group: 'blue', sessions: 1 },
    ]);
    expect(await usage(`?until=${since}`)).toMatchObject([]);
  });

  it('P8 a live session counts once, and its deletion takes nothing off', async () => {
    const { base, usage } = gateway('usage-deleted');
    const client = await open(`${base}/simulator?model=sim-support`);
    await client.next();
    client.socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
    for (let frame = ''; !frame.includes('"response.done"');) frame = await client.next();
    await asAdmin(`${base}/sessions/${idOf(client)}`, { method: 'DELETE' });
    await client.closed;
    expect(await usage()).toMatchObject([{ sessions: 1, turns: 1, reports: 1 }]);
  });

  it('P10 hours without a beginning, more than a thousand of them, and other groups are refused', async () => {
    const { base } = gateway('usage-refused');
    for (const query of [
      'group_by=hour',
      'group_by=hour&since=2026-01-01T00:00:00Z&until=2026-02-11T17:00:00Z',
      'group_by=client',
      'group_by=metadata.',
      'by=hour',
    ])
      expect((await asAdmin(`${base}/usage?${query}`)).status).toBe(400);
    const thousand = 'group_by=hour&since=2026-01-01T00:00:00Z&until=2026-02-11T16:00:00Z';
    expect((await asAdmin(`${base}/usage?${thousand}`)).status).toBe(200);
  });
});

describe('P9 metrics', () => {
  it('P9 Prometheus reads what a gateway used, by labels of a fixed set', async () => {
    const { base, talk } = gateway('metrics');
    const id = await talk({ user: 'somebody' });
    const client = await open(`${base}/simulator?model=sim-support`);
    await client.next();
    await asAdmin(`${base}/sessions/${idOf(client)}`);
    const answer = await asAdmin(`${base}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    expect(text).toContain(
      '# TYPE parley_sessions_total counter\nparley_sessions_total{provider="simulator"} 2\n',
    );
    expect(text).toContain('\nparley_sessions_live{provider="simulator"} 1\n');
    expect(text).toContain('\nparley_turns_total{provider="simulator"} 1\n');
    expect(text).toMatch(/\nparley_tokens_total\{provider="simulator",kind="output_text"\} [1-9]/);
    const line =
      /^(# (HELP|TYPE) .+|parley_[a-z_]+\{provider="[a-z-]+"(,(kind|direction)="[a-z_]+")?\} [0-9.]+)$/;
    for (const each of text.trimEnd().split('\n')) expect(each).toMatch(line);
    for (const secret of [id, 'somebody', 'sim-support']) expect(text).not.toContain(secret);
    client.socket.close(1000);
    await client.closed;
  });

  it('P9 a gateway without sessions has metrics without samples', async () => {
    const text = await (await asAdmin('/v1/acct/metrics-none/metrics')).text();
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });
});

describe('P10 what a session costs in the directory', () => {
  it('P10 rows written: 3 when it begins, 2 for each word of a live one, 3 at its end', async () => {
    const rows = await runInDurableObject(gateway('rows').directory, (_, { storage }) => {
      let written = 0;
      const counting: SqlDatabase = {
        exec: (query, ...bindings) => {
          const cursor = storage.sql.exec(query, ...bindings);
          const found = cursor.toArray() as SqlRow[]; // of these very types, by the platform's own word
          written += cursor.rowsWritten;
          return { toArray: () => found };
        },
      };
      const store = new DirectoryStore(counting);
      const put = (more: Partial<SessionSummary>) => {
        written = 0;
        store.put(summaryWith('a', { metadata: { team: 'x' }, startedAt: Date.now(), ...more }));
        return written;
      };
      const sums = { ...NO_SUMS, turns: 1 };
      const startedAt = Date.now();
      return [
        put({ startedAt }),
        put({ startedAt, revision: 2, sums }),
        put({ startedAt, revision: 3, sums }),
        put({ startedAt, revision: 4, sums: { ...sums, turns: 2 }, status: 'ended', endedReason: 'x' }),
        put({ startedAt, revision: 4, sums: { ...sums, turns: 2 }, status: 'ended', endedReason: 'x' }),
      ];
    });
    expect(rows).toEqual([3, 2, 1, 3, 0]);
  });
});

describe('P3 retention', () => {
  const moveClock = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });

  it('P3 a session is deleted for good once its days are over, and what it used stays counted', async () => {
    const { talk, directory, session, list, usage } = gateway('retention');
    const id = await talk();
    moveClock(29 * DAY_MS);
    expect(await runDurableObjectAlarm(directory)).toBe(true);
    expect((await session(id)).id).toBe(id);
    moveClock(1.1 * DAY_MS);
    expect(await runDurableObjectAlarm(directory)).toBe(true);
    expect(await session(id)).toBe(null);
    expect(await list()).toEqual([]);
    expect(await usage()).toMatchObject([{ sessions: 1, turns: 1 }]);
    expect(await runDurableObjectAlarm(directory)).toBe(false);
  });

  it('P3 a live session stays, however old, and what a crash left half deleted is deleted by the next sweep', async () => {
    const { base, talk, directory, session, list } = gateway('retention-live');
    const client = await open(`${base}/simulator?model=sim-support`);
    await client.next();
    await session(idOf(client));
    const half = await talk();
    const address = directoryObjectName('acct', 'retention-live');
    await env.RECORDER.getByName(`${address}/${half.length}:${half}`).erase();
    moveClock(31 * DAY_MS);
    await evictDurableObject(directory);
    await runDurableObjectAlarm(directory);
    expect((await list()).map(({ id }) => id)).toEqual([idOf(client)]);
    expect(await runInDurableObject(directory, (_, state) => state.storage.getAlarm())).not.toBe(null);
    client.socket.close(1000);
    await client.closed;
  });
});

describe('P3 the directory, on the platform’s own SQLite', () => {
  it('P3 a database from before costs were kept gets their columns', async () => {
    await runInDurableObject(env.DIRECTORY.getByName('old'), (_directory, state) => {
      const { sql } = state.storage;
      const columns = () => [...sql.exec('PRAGMA table_info(session)')].map(({ name }) => name);
      for (const column of ['cost_nano', 'cost_complete'])
        sql.exec(`ALTER TABLE session DROP COLUMN ${column}`);
      expect(columns()).not.toContain('cost_nano');
      sql.exec('ALTER TABLE usage_hour DROP COLUMN items');
      const store = new DirectoryStore(sql);
      expect(columns()).toEqual(expect.arrayContaining(['cost_nano', 'cost_complete']));
      expect(store.list({ ...EVERYTHING, minCostNano: 0 }, null, 1)).toEqual([]);
      expect([...sql.exec('SELECT items FROM usage_hour')]).toEqual([]);
    });
  });

  it('P3 a database of the first version goes on: its sessions are listed, counted, and deleted in their time', async () => {
    const { directory, list, usage } = gateway('first-version');
    await runInDurableObject(directory, (_directory, { storage: { sql } }) => {
      sql.exec(`DROP TABLE session; DROP TABLE usage_hour;
        CREATE TABLE session (id TEXT PRIMARY KEY, status TEXT NOT NULL, provider TEXT NOT NULL, model TEXT,
          started_at INTEGER NOT NULL, ended_at INTEGER, ended_reason TEXT, turns INTEGER NOT NULL, tokens INTEGER,
          metadata TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX session_by_start ON session (started_at DESC, id DESC);`);
      sql.exec(
        `INSERT INTO session VALUES ('old', 'ended', 'openai', 'm', ?, ?, 'client_closed', 3, 4, '{"team":"x"}', 5)`,
        Date.now() - 31 * DAY_MS,
        Date.now() - 31 * DAY_MS + 5_000,
      );
    });
    await evictDurableObject(directory);
    expect(await list('?metadata.team=x&provider=openai')).toMatchObject([{ id: 'old', turns: 3 }]);
    expect(await usage('?group_by=model')).toMatchObject([
      { group: 'm', sessions: 1, turns: 3, duration_ms: 5_000, cost: { usd: null, complete: false } },
    ]);
    expect(await runDurableObjectAlarm(directory)).toBe(true);
    expect(await list()).toEqual([]);
  });
});

const EVERYTHING = {
  status: null,
  provider: null,
  model: null,
  endedReason: null,
  since: null,
  until: null,
  redriveOf: null,
  metadata: [],
};
