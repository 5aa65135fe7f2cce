/** One gateway's index: its sessions, with the columns that lists filter on, and its client tokens. */
import type { SessionSummary } from '../protocol/recording.ts';
import {
  numberOf,
  optionalNumberOf,
  optionalTextOf,
  type SqlBinding,
  type SqlDatabase,
  type SqlRow,
  textOf,
} from './sql.ts';

export interface SessionFilter {
  readonly status: 'live' | 'ended' | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly endedReason: string | null;
  /** ms since the epoch, inclusive. */
  readonly since: number | null;
  /** ms since the epoch, exclusive. */
  readonly until: number | null;
  /** In nano-dollars, inclusive; a session of unknown cost does not pass. */
  readonly minCostNano: number | null;
  readonly metadata: readonly (readonly [string, string])[];
}

/** Where the page before ended. */
export interface SessionCursor {
  readonly startedAt: number;
  readonly id: string;
}

export interface IssuedToken {
  readonly jti: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly claims: string;
  readonly revoked: boolean;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS session (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_reason TEXT,
  turns INTEGER NOT NULL,
  tokens INTEGER,
  metadata TEXT NOT NULL,
  revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_by_start ON session (started_at DESC, id DESC);
CREATE TABLE IF NOT EXISTS token (
  jti TEXT PRIMARY KEY,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  claims TEXT NOT NULL,
  revoked INTEGER NOT NULL
) WITHOUT ROWID;`;

/** A tag as text, as it stands in a query: SQLite has no booleans, and would call true 1. */
const HAS_TAG = `EXISTS (SELECT 1 FROM json_each(session.metadata) WHERE key = ? AND
  CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(atom AS TEXT) END = ?)`;

/** A token is remembered a little past its end: clocks that disagree take it for good until then, revoked or not. */
const REMEMBERED_MS = 60_000;

/**
 * Columns that came later: a database that was made before gets them, empty, which means unknown. Cost has no index: a page
 * of 100,000 sessions, none of them dear enough, takes 32 ms, and with an index as long (measured 2026-11-25).
 */
const LATER_COLUMNS = { cost_nano: 'INTEGER', cost_complete: 'INTEGER' } as const;

export class DirectoryStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    const columns = new Set(
      sql
        .exec('PRAGMA table_info(session)')
        .toArray()
        .map((row) => row['name']),
    );
    for (const [name, type] of Object.entries(LATER_COLUMNS)) {
      if (!columns.has(name)) sql.exec(`ALTER TABLE session ADD COLUMN ${name} ${type}`);
    }
  }

  /**
   * Takes a session's newest summary. Sent at least once, in any order: an older revision changes nothing, and a late word
   * of a session that was deleted does not bring it back. A later session of that name is another one.
   */
  put(summary: SessionSummary): void {
    this.#sql.exec(
      `INSERT INTO session (id, status, provider, model, started_at, ended_at, ended_reason, turns, tokens, cost_nano, cost_complete, metadata, revision)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, provider = excluded.provider, model = excluded.model,
         started_at = excluded.started_at, ended_at = excluded.ended_at, ended_reason = excluded.ended_reason,
         turns = excluded.turns, tokens = excluded.tokens, cost_nano = excluded.cost_nano,
         cost_complete = excluded.cost_complete, metadata = excluded.metadata, revision = excluded.revision
       WHERE CASE session.status WHEN 'deleted' THEN excluded.started_at > session.started_at
         ELSE excluded.revision > session.revision END`,
      summary.id,
      summary.status,
      summary.provider,
      summary.model,
      summary.startedAt,
      summary.endedAt,
      summary.endedReason,
      summary.turns,
      summary.tokens,
      summary.costNano,
      summary.costComplete ? 1 : 0,
      JSON.stringify(summary.metadata),
      summary.revision,
    );
  }

  /** Leaves a tombstone: of the session nothing but its id and its start, by which `put` knows it. */
  remove(id: string, startedAt: number): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO session (id, status, provider, started_at, turns, metadata, revision)
       VALUES (?, 'deleted', '', ?, 0, '{}', 0)`,
      id,
      startedAt,
    );
  }

  /** Newest first. */
  list(filter: SessionFilter, cursor: SessionCursor | null, limit: number): SessionSummary[] {
    const where = ["status <> 'deleted'"];
    const bindings: SqlBinding[] = [];
    const add = (condition: string, ...values: SqlBinding[]): void => {
      where.push(condition);
      bindings.push(...values);
    };
    if (filter.status !== null) add('status = ?', filter.status);
    if (filter.provider !== null) add('provider = ?', filter.provider);
    if (filter.model !== null) add('model = ?', filter.model);
    if (filter.endedReason !== null) add('ended_reason = ?', filter.endedReason);
    if (filter.since !== null) add('started_at >= ?', filter.since);
    if (filter.until !== null) add('started_at < ?', filter.until);
    if (filter.minCostNano !== null) add('cost_nano >= ?', filter.minCostNano);
    for (const [key, value] of filter.metadata) add(HAS_TAG, key, value);
    if (cursor !== null) add('(started_at, id) < (?, ?)', cursor.startedAt, cursor.id);
    return this.#sql
      .exec(
        `SELECT * FROM session WHERE ${where.join(' AND ')} ORDER BY started_at DESC, id DESC LIMIT ?`,
        ...bindings,
        limit,
      )
      .toArray()
      .map(summaryOf);
  }

  putToken(token: Omit<IssuedToken, 'revoked'>): void {
    this.#sql.exec('DELETE FROM token WHERE expires_at < ?', token.issuedAt - REMEMBERED_MS);
    this.#sql.exec(
      'INSERT OR REPLACE INTO token (jti, issued_at, expires_at, claims, revoked) VALUES (?, ?, ?, ?, 0)',
      token.jti,
      token.issuedAt,
      token.expiresAt,
      token.claims,
    );
  }

  /** Tokens that have not expired at `now`, newest first. */
  tokens(now: number, limit: number): IssuedToken[] {
    return this.#sql
      .exec('SELECT * FROM token WHERE expires_at >= ? ORDER BY issued_at DESC, jti DESC LIMIT ?', now, limit)
      .toArray()
      .map((row) => ({
        jti: textOf(row, 'jti'),
        issuedAt: numberOf(row, 'issued_at'),
        expiresAt: numberOf(row, 'expires_at'),
        claims: textOf(row, 'claims'),
        revoked: numberOf(row, 'revoked') === 1,
      }));
  }

  /** False when no token of this id was ever issued here, or it expired some time ago. */
  revoke(jti: string): boolean {
    const known = this.#sql.exec('SELECT 1 FROM token WHERE jti = ?', jti).toArray().length === 1;
    this.#sql.exec('UPDATE token SET revoked = 1 WHERE jti = ?', jti);
    return known;
  }

  isRevoked(jti: string): boolean {
    return this.#sql.exec('SELECT 1 FROM token WHERE jti = ? AND revoked = 1', jti).toArray().length === 1;
  }
}

function summaryOf(row: SqlRow): SessionSummary {
  return {
    id: textOf(row, 'id'),
    status: textOf(row, 'status') === 'live' ? 'live' : 'ended',
    provider: textOf(row, 'provider'),
    model: optionalTextOf(row, 'model'),
    startedAt: numberOf(row, 'started_at'),
    endedAt: optionalNumberOf(row, 'ended_at'),
    endedReason: optionalTextOf(row, 'ended_reason'),
    turns: numberOf(row, 'turns'),
    tokens: optionalNumberOf(row, 'tokens'),
    costNano: optionalNumberOf(row, 'cost_nano'),
    costComplete: row['cost_complete'] === 1,
    // Written by put() from a summary's own metadata.
    metadata: JSON.parse(textOf(row, 'metadata')) as SessionSummary['metadata'],
    revision: numberOf(row, 'revision'),
  };
}
