/**
 * Who is let into a gateway: its live sessions, the starts of the last minute, and what was spent by day. Every figure is
 * cumulative, so that what comes twice counts once; every method is one transaction, since nothing in it waits.
 */
import {
  type Admission,
  type AdmissionTerms,
  type BudgetName,
  budgetExceeded,
  BUDGETS,
  type BudgetTerms,
  DAY_MS,
  dayOf,
  type Lease,
  type SpentByOthers,
} from '../protocol/admission.ts';
import { publicError } from '../protocol/errors.ts';
import type { SessionSummary } from '../protocol/recording.ts';
import { numberOf, optionalTextOf, type SqlDatabase, type SqlRow } from './sql.ts';

/** `token` is empty for the whole gateway. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS admission_lease (
  session TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  token TEXT,
  cost_nano INTEGER NOT NULL,
  day INTEGER NOT NULL,
  day_nano INTEGER NOT NULL,
  PRIMARY KEY (session, asked_at)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS admission_start (
  at INTEGER NOT NULL,
  session TEXT NOT NULL,
  PRIMARY KEY (at, session)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS admission_spend (
  token TEXT NOT NULL,
  day INTEGER NOT NULL,
  nano INTEGER NOT NULL,
  PRIMARY KEY (token, day)
) WITHOUT ROWID;`;

const WHOLE_GATEWAY = '';
const MINUTE_MS = 60_000;
/** A token lives a day at most, and a session that it opened a week: for so long both are remembered. */
const KEPT_DAYS = 9;

export interface AdmissionLimits {
  readonly leaseMs: number;
  readonly slotRetryMs: number;
}

export class AdmissionStore {
  readonly #sql: SqlDatabase;
  readonly #limits: AdmissionLimits;

  constructor(sql: SqlDatabase, limits: AdmissionLimits) {
    this.#sql = sql;
    this.#limits = limits;
    sql.exec(SCHEMA);
  }

  /** Whether a new session may begin. If so it has a place until its lease runs out, or it leaves. */
  admit(lease: Lease, terms: AdmissionTerms, now: number): Admission {
    this.#forgetOld(now);
    const token = terms.budget?.token ?? null;
    // The same question again, as after an answer that was lost.
    if (this.#row(lease) !== null) return this.#admitted(token, now);
    const refusal =
      (terms.budget?.mode === 'enforce' ? this.#overBudget(terms.budget, now) : null) ??
      this.#tooMany(lease, terms.maxSessions, now) ??
      this.#tooFast(terms.sessionsPerMinute, now);
    if (refusal !== null) return refusal;
    // A session has one life at a time: an older lease of that name is of one that was lost.
    this.#sql.exec(
      'UPDATE admission_lease SET expires_at = MIN(expires_at, ?) WHERE session = ?',
      now,
      lease.session,
    );
    this.#sql.exec(
      `INSERT INTO admission_lease (session, asked_at, expires_at, token, cost_nano, day, day_nano)
       VALUES (?, ?, ?, ?, 0, ?, 0)`,
      lease.session,
      lease.askedAt,
      now + this.#limits.leaseMs,
      token,
      dayOf(now),
    );
    if (terms.sessionsPerMinute !== null)
      this.#sql.exec('INSERT OR IGNORE INTO admission_start (at, session) VALUES (?, ?)', now, lease.session);
    return this.#admitted(token, now);
  }

  /**
   * Takes note of what a session has cost so far, renews its lease, and tells what all others spent.
   *
   * @param costNano null: nothing of it is known
   */
  spent(lease: Lease, costNano: number | null, now: number): SpentByOthers {
    const row = this.#row(lease);
    // It has left.
    if (row === null)
      return { day: dayOf(now), nano: { gateway_day: 0, token_day: 0, token: 0 }, ownBefore: null };
    const { cost, day } = this.#count(row, lease, costNano, now);
    const token = optionalTextOf(row, 'token');
    const all = this.#spend(token, now);
    return {
      day: dayOf(now),
      nano: {
        gateway_day: all.gateway_day - day,
        token_day: Math.max(0, all.token_day - day),
        token: Math.max(0, all.token - cost),
      },
      ownBefore: cost - day,
    };
  }

  /** The session is over: what it cost is counted, and its place is free. */
  left(lease: Lease, costNano: number | null, now: number): void {
    const row = this.#row(lease);
    if (row === null) return;
    this.#count(row, lease, costNano, now);
    this.#sql.exec(
      'DELETE FROM admission_lease WHERE session = ? AND asked_at = ?',
      lease.session,
      lease.askedAt,
    );
  }

  /** The same by the word of a session's record, for one that cannot speak for itself any more. */
  told({ id, startedAt, costNano, status }: Told, now: number): void {
    const row = this.#sql
      .exec(
        'SELECT asked_at FROM admission_lease WHERE session = ? AND asked_at <= ? ORDER BY asked_at DESC LIMIT 1',
        id,
        startedAt,
      )
      .toArray()[0];
    if (row === undefined) return;
    const lease = { session: id, askedAt: numberOf(row, 'asked_at') };
    if (status === 'ended') this.left(lease, costNano, now);
    else this.spent(lease, costNano, now);
  }

  /** What was spent today while a budget was looked at. */
  spentToday(now: number): number {
    return this.#spend(null, now).gateway_day;
  }

  #row({ session, askedAt }: Lease): SqlRow | null {
    const found = this.#sql.exec(
      'SELECT * FROM admission_lease WHERE session = ? AND asked_at = ?',
      session,
      askedAt,
    );
    return found.toArray()[0] ?? null;
  }

  /** What was spent without the session that asks: it has spent nothing yet. */
  #admitted(token: string | null, now: number): Admission {
    return { kind: 'admitted', spent: { day: dayOf(now), nano: this.#spend(token, now), ownBefore: 0 } };
  }

  #overBudget({ token, limits }: BudgetTerms, now: number): Admission | null {
    const nano = this.#spend(token, now);
    const spent = BUDGETS.filter((budget) => nano[budget] >= (limits[budget] ?? Number.POSITIVE_INFINITY));
    // One that does not come back by itself says most.
    const budget = spent.includes('token') ? 'token' : spent[0];
    if (budget === undefined) return null;
    const tomorrow = (dayOf(now) + 1) * DAY_MS;
    return {
      kind: 'refused',
      error: budgetExceeded({ budget, limitNano: limits[budget] ?? 0, spentNano: nano[budget] }),
      retryAfterSeconds: budget === 'token' ? null : seconds(tomorrow - now),
    };
  }

  #tooMany({ session }: Lease, max: number | null, now: number): Admission | null {
    if (max === null) return null;
    const live = this.#one(
      'SELECT COUNT(*) AS n FROM admission_lease WHERE expires_at > ? AND session <> ?',
      now,
      session,
    );
    if (live < max) return null;
    return {
      kind: 'refused',
      error: publicError('too_many_sessions', { limit: String(max) }),
      retryAfterSeconds: seconds(this.#limits.slotRetryMs),
    };
  }

  #tooFast(max: number | null, now: number): Admission | null {
    if (max === null) return null;
    // The one that must be a minute old before another may begin.
    const row = this.#sql
      .exec('SELECT at FROM admission_start ORDER BY at DESC LIMIT 1 OFFSET ?', max - 1)
      .toArray()[0];
    if (row === undefined) return null;
    const wait = seconds(numberOf(row, 'at') + MINUTE_MS - now);
    return {
      kind: 'refused',
      error: publicError('rate_limited', { limit: String(max), seconds: String(wait) }),
      retryAfterSeconds: wait,
    };
  }

  /** Adds what is new of a session's cost to this day, and answers with the session's own parts. */
  #count(row: SqlRow, { session, askedAt }: Lease, costNano: number | null, now: number) {
    const before = numberOf(row, 'cost_nano');
    const today = dayOf(now);
    const cost = Math.max(before, costNano ?? 0);
    const day = (numberOf(row, 'day') === today ? numberOf(row, 'day_nano') : 0) + cost - before;
    this.#sql.exec(
      `UPDATE admission_lease SET expires_at = ?, cost_nano = ?, day = ?, day_nano = ?
       WHERE session = ? AND asked_at = ?`,
      now + this.#limits.leaseMs,
      cost,
      today,
      day,
      session,
      askedAt,
    );
    const token = optionalTextOf(row, 'token');
    for (const scope of token === null ? [WHOLE_GATEWAY] : [WHOLE_GATEWAY, token]) {
      if (cost > before)
        this.#sql.exec(
          `INSERT INTO admission_spend (token, day, nano) VALUES (?, ?, ?)
           ON CONFLICT (token, day) DO UPDATE SET nano = nano + excluded.nano`,
          scope,
          today,
          cost - before,
        );
    }
    return { cost, day };
  }

  #spend(token: string | null, now: number): Record<BudgetName, number> {
    const today = dayOf(now);
    const ofDay = (scope: string): number =>
      this.#one('SELECT SUM(nano) AS n FROM admission_spend WHERE token = ? AND day = ?', scope, today);
    return {
      gateway_day: ofDay(WHOLE_GATEWAY),
      token_day: token === null ? 0 : ofDay(token),
      token:
        token === null ? 0 : this.#one('SELECT SUM(nano) AS n FROM admission_spend WHERE token = ?', token),
    };
  }

  #forgetOld(now: number): void {
    this.#sql.exec('DELETE FROM admission_start WHERE at <= ?', now - MINUTE_MS);
    this.#sql.exec('DELETE FROM admission_lease WHERE expires_at < ?', now - KEPT_DAYS * DAY_MS);
    this.#sql.exec('DELETE FROM admission_spend WHERE day < ?', dayOf(now) - KEPT_DAYS);
  }

  /** One number; 0 where there is none. */
  #one(query: string, ...bindings: (string | number)[]): number {
    const n = this.#sql.exec(query, ...bindings).toArray()[0]?.['n'];
    return typeof n === 'number' ? n : 0;
  }
}

type Told = Pick<SessionSummary, 'id' | 'startedAt' | 'costNano' | 'status'>;

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
