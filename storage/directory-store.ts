/** One gateway's index: its sessions, with the columns that lists filter on, its sums, and its client tokens. */
import type { SessionSummary } from '../protocol/recording.ts';
import { SUM_NAMES, type Sums, sums } from '../protocol/usage-sums.ts';
import { HOUR_MS, prepareDirectory } from './directory-schema.ts';
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
  /** The session that those that are looked for repeat. */
  readonly redriveOf: string | null;
  readonly metadata: readonly (readonly [string, string])[];
}

/** Where the page before ended. */
export interface SessionCursor {
  readonly startedAt: number;
  readonly id: string;
}

/** Whether a summary told something new, and the status that its session had before; null: it was not known. */
export type PutOutcome =
  | { readonly taken: false }
  | { readonly taken: true; readonly before: SessionSummary['status'] | null };

const NOT_TAKEN: PutOutcome = { taken: false };

export interface IssuedToken {
  readonly jti: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly claims: string;
  readonly revoked: boolean;
}

/** A tag as text, as it stands in a query: SQLite has no booleans, and would call true 1. */
const HAS_TAG = `EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = ? AND
  CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(atom AS TEXT) END = ?)`;

/** Only live sessions, which are few, are looked up for it: the index has the cost of the others. */
const COSTS = `(final_cost_nano >= ? OR
  (status = 'live' AND (SELECT cost_nano FROM session AS live WHERE live.id = session.id) >= ?))`;

/** A token is remembered a little past its end: clocks that disagree take it for good until then, revoked or not. */
const REMEMBERED_MS = 60_000;

export class DirectoryStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
    prepareDirectory(sql);
  }

  /**
   * Takes a session's newest summary, and counts what is new in it. Sent at least once, in any order: an older revision
   * changes nothing, and a late word of a session that was deleted does not bring it back. A later session of that name
   * is another one. Answers what was known of it before.
   */
  put(summary: SessionSummary): PutOutcome {
    const before = this.#row(summary.id);
    const isSameLife = before !== null && numberOf(before, 'started_at') === summary.startedAt;
    if (before !== null) {
      const status = textOf(before, 'status');
      if (
        status === 'deleting' ||
        (status === 'deleted' && numberOf(before, 'started_at') >= summary.startedAt)
      )
        return NOT_TAKEN;
      if (status !== 'deleted' && numberOf(before, 'revision') >= summary.revision) return NOT_TAKEN;
    }
    this.#count(summary, isSameLife ? summaryOf(before) : null);
    const row = rowOf(summary);
    if (before === null || !isSameLife) {
      this.#sql.exec(
        `INSERT OR REPLACE INTO session (${Object.keys(row).join(', ')}) VALUES (${marks(row)})`,
        ...Object.values(row),
      );
      return { taken: true, before: null };
    }
    // Naming a column of the index costs a row of the index, changed or not (measured 2026-11-25).
    const changed = Object.entries(row).filter(([name, value]) => before[name] !== value);
    this.#sql.exec(
      `UPDATE session SET ${changed.map(([name]) => `${name} = ?`).join(', ')} WHERE id = ?`,
      ...changed.map(([, value]) => value),
      summary.id,
    );
    return { taken: true, before: summaryOf(before).status };
  }

  /**
   * Adds to the sums of the hour in which the session began. What it was counted with before stands in its row, so that
   * no summary counts twice, however often it comes.
   */
  #count(summary: SessionSummary, counted: SessionSummary | null): void {
    if (counted === null) {
      this.#add(summary, 1, summary.sums);
      return;
    }
    if (counted.provider === summary.provider && counted.model === summary.model) {
      this.#add(
        summary,
        0,
        sums((name) => summary.sums[name] - counted.sums[name]),
      );
      return;
    }
    // The provider said which model it is only now.
    this.#add(
      counted,
      -1,
      sums((name) => -counted.sums[name]),
    );
    this.#add(summary, 1, summary.sums);
  }

  #add({ startedAt, provider, model }: SessionSummary, sessions: number, more: Sums): void {
    if (sessions === 0 && SUM_NAMES.every((name) => more[name] === 0)) return;
    const row = { hour: Math.floor(startedAt / HOUR_MS), provider, model: model ?? '', sessions, ...more };
    const added = ['sessions', ...SUM_NAMES].map((name) => `${name} = ${name} + excluded.${name}`);
    this.#sql.exec(
      `INSERT INTO usage_hour (${Object.keys(row).join(', ')}) VALUES (${marks(row)})
       ON CONFLICT (hour, provider, model) DO UPDATE SET ${added.join(', ')}`,
      ...Object.values(row),
    );
  }

  #row(id: string): SqlRow | null {
    return this.#sql.exec('SELECT * FROM session WHERE id = ?', id).toArray()[0] ?? null;
  }

  /**
   * Leaves a tombstone: of the session nothing but its id and its start, by which `put` knows it. What it was counted
   * with stays in the sums.
   */
  remove(id: string, startedAt: number): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO session (id, status, provider, started_at, turns, metadata, revision)
       VALUES (?, 'deleted', '', ?, 0, '{}', 0)`,
      id,
      startedAt,
    );
  }

  /** Sessions that began before `startedBefore`, the oldest first; `after` is the last one of the batch before. */
  oldest(startedBefore: number, after: SessionCursor | null, limit: number): SessionCursor[] {
    return this.#sql
      .exec(
        `SELECT id, started_at FROM session WHERE status IN ('live', 'ended') AND started_at < ?
         AND (started_at, id) > (?, ?) ORDER BY started_at, id LIMIT ?`,
        startedBefore,
        after?.startedAt ?? 0,
        after?.id ?? '',
        limit,
      )
      .toArray()
      .map(cursorOf);
  }

  /** Sessions whose rows are hidden already, and whose records are still to be deleted. */
  deleting(limit: number): SessionCursor[] {
    return this.#sql
      .exec("SELECT id, started_at FROM session WHERE status = 'deleting' LIMIT ?", limit)
      .toArray()
      .map(cursorOf);
  }

  /** Tombstones of sessions that began before: no word of those is under way any more. */
  forgetTombstones(startedBefore: number): void {
    this.#sql.exec("DELETE FROM session WHERE status = 'deleted' AND started_at < ?", startedBefore);
  }

  /** Newest first. */
  list(filter: SessionFilter, cursor: SessionCursor | null, limit: number): SessionSummary[] {
    const where = [filter.status === null ? "status IN ('live', 'ended')" : 'status = ?'];
    const bindings: SqlBinding[] = filter.status === null ? [] : [filter.status];
    const add = (condition: string, ...values: SqlBinding[]): void => {
      where.push(condition);
      bindings.push(...values);
    };
    if (filter.provider !== null) add('provider = ?', filter.provider);
    if (filter.model !== null) add('model = ?', filter.model);
    if (filter.endedReason !== null) add('ended_reason = ?', filter.endedReason);
    if (filter.since !== null) add('started_at >= ?', filter.since);
    if (filter.until !== null) add('started_at < ?', filter.until);
    if (filter.redriveOf !== null) add('redrive_of = ?', filter.redriveOf);
    if (filter.minCostNano !== null) add(COSTS, filter.minCostNano, filter.minCostNano);
    for (const [key, value] of filter.metadata) {
      // Most rows are told apart by their text, without being read as JSON.
      const texts = tagTexts(key, value);
      add(`(${texts.map(() => 'instr(metadata, ?)').join(' OR ')})`, ...texts);
      add(HAS_TAG, key, value);
    }
    if (cursor !== null) add('(started_at, id) < (?, ?)', cursor.startedAt, cursor.id);
    return this.#sql
      .exec(
        // The inner query reads the index alone; only the rows of the page are looked up.
        `SELECT session.* FROM
           (SELECT id AS found FROM session WHERE ${where.join(' AND ')} ORDER BY started_at DESC, id DESC LIMIT ?)
         CROSS JOIN session ON session.id = found ORDER BY started_at DESC, id DESC`,
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

/** How a tag can stand in the JSON of `rowOf`: as text, or as the number or boolean that reads like it. */
function tagTexts(key: string, value: string): string[] {
  const texts = [`${JSON.stringify(key)}:${JSON.stringify(value)}`];
  if (/^(true|false|-?[0-9])/.test(value)) texts.push(`${JSON.stringify(key)}:${value}`);
  return texts;
}

function cursorOf(row: SqlRow): SessionCursor {
  return { id: textOf(row, 'id'), startedAt: numberOf(row, 'started_at') };
}

function marks(row: object): string {
  return Object.keys(row)
    .map(() => '?')
    .join(', ');
}

function rowOf(summary: SessionSummary): Record<string, SqlBinding> {
  return {
    id: summary.id,
    status: summary.status,
    provider: summary.provider,
    model: summary.model,
    started_at: summary.startedAt,
    ended_at: summary.endedAt,
    ended_reason: summary.endedReason,
    tokens: summary.tokens,
    metadata: JSON.stringify(summary.metadata),
    feedback: summary.feedback,
    score: summary.score,
    event_id: summary.eventId,
    path: summary.path,
    redrive_of: summary.redriveOf,
    success: summary.success ? 1 : 0,
    ...summary.sums,
    // Null is not 0 here.
    cost_nano: summary.costNano,
    cost_complete: summary.costComplete ? 1 : 0,
    final_cost_nano: summary.status === 'ended' ? summary.costNano : null,
    revision: summary.revision,
  };
}

function countedIn(row: SqlRow): Sums {
  return sums((name) => optionalNumberOf(row, name) ?? 0);
}

export function summaryOf(row: SqlRow): SessionSummary {
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
    // Written by put() from a summary's own metadata.
    metadata: JSON.parse(textOf(row, 'metadata')) as SessionSummary['metadata'],
    costNano: optionalNumberOf(row, 'cost_nano'),
    costComplete: row['cost_complete'] === 1,
    // Only these three are ever written.
    feedback: optionalNumberOf(row, 'feedback') as SessionSummary['feedback'],
    score: optionalNumberOf(row, 'score'),
    eventId: optionalTextOf(row, 'event_id'),
    path: textOf(row, 'path'),
    redriveOf: optionalTextOf(row, 'redrive_of'),
    success: numberOf(row, 'success') === 1,
    sums: countedIn(row),
    revision: numberOf(row, 'revision'),
  };
}
