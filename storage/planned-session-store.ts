/** Sessions that were created over REST and that nobody has connected to yet: what they are to be, until when. */
import { type SqlDatabase, textOf } from './sql.ts';

/** `same`: it is there, as wanted. `taken`: one of this name is there, and is another. `full`: too many wait. */
export type Planned = 'created' | 'same' | 'taken' | 'full';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS planned_session (
  id TEXT PRIMARY KEY,
  json TEXT NOT NULL,
  until INTEGER NOT NULL
) WITHOUT ROWID;`;

export class PlannedSessionStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** @param until ms since the epoch; a plan that is there, and is the same, is kept as long as either asks */
  put(id: string, json: string, until: number, now: number, most: number): Planned {
    this.#sql.exec('DELETE FROM planned_session WHERE until <= ?', now);
    const before = this.get(id, now);
    if (before !== null && before !== json) return 'taken';
    if (before !== null) {
      this.#sql.exec('UPDATE planned_session SET until = MAX(until, ?) WHERE id = ?', until, id);
      return 'same';
    }
    if (this.#sql.exec('SELECT id FROM planned_session').toArray().length >= most) return 'full';
    this.#sql.exec('INSERT INTO planned_session (id, json, until) VALUES (?, ?, ?)', id, json, until);
    return 'created';
  }

  /** Null: there is none, or its time is over. */
  get(id: string, now: number): string | null {
    const [row] = this.#sql
      .exec('SELECT json FROM planned_session WHERE id = ? AND until > ?', id, now)
      .toArray();
    return row === undefined ? null : textOf(row, 'json');
  }

  /** False when there was none. */
  remove(id: string): boolean {
    const isThere = this.#sql.exec('SELECT id FROM planned_session WHERE id = ?', id).toArray().length > 0;
    this.#sql.exec('DELETE FROM planned_session WHERE id = ?', id);
    return isThere;
  }
}
