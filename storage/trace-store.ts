/** How far the export of a session's trace has come: one row in its recorder's database, made when it ends. */
import { numberOf, optionalNumberOf, type SqlDatabase } from './sql.ts';

export interface TraceProgress {
  readonly attempts: number;
  /** Null: it was exported, or given up. */
  readonly nextAt: number | null;
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS trace_export (
  started_at INTEGER PRIMARY KEY,
  attempts INTEGER NOT NULL,
  next_at INTEGER
);`;

export class TraceStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
  }

  /** Of the life of the session that began at `startedAt`: a name that never went live may begin again. */
  progress(startedAt: number): TraceProgress {
    // The database may have been wiped since, and a table in an empty one would stay on the disk.
    const made =
      this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'trace_export'").toArray().length > 0;
    const [row] = made
      ? this.#sql.exec('SELECT attempts, next_at FROM trace_export WHERE started_at = ?', startedAt).toArray()
      : [];
    return row === undefined
      ? { attempts: 0, nextAt: 0 }
      : { attempts: numberOf(row, 'attempts'), nextAt: optionalNumberOf(row, 'next_at') };
  }

  note(startedAt: number, { attempts, nextAt }: TraceProgress): void {
    this.#sql.exec(SCHEMA);
    this.#sql.exec(
      'INSERT OR REPLACE INTO trace_export (started_at, attempts, next_at) VALUES (?, ?, ?)',
      startedAt,
      attempts,
      nextAt,
    );
  }
}
