/** The checkpoint of a session, in its recorder's database: a table of its own, since it is written often and read once. */
import type { Checkpoint } from '../protocol/recording.ts';
import { optionalNumberOf, type SqlDatabase, textOf } from './sql.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS checkpoint (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  body TEXT NOT NULL,
  lost_at INTEGER
);`;

export interface StoredCheckpoint {
  readonly checkpoint: Checkpoint;
  /** When the session's object was first found gone (ms since the epoch), or null. */
  readonly lostAt: number | null;
}

export class CheckpointStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
  }

  put(checkpoint: Checkpoint): void {
    this.#sql.exec(SCHEMA);
    this.#sql.exec(
      'INSERT OR REPLACE INTO checkpoint (id, body, lost_at) VALUES (1, ?, NULL)',
      JSON.stringify(checkpoint),
    );
  }

  get(): StoredCheckpoint | null {
    if (!this.#exists()) return null;
    const row = this.#sql.exec('SELECT body, lost_at FROM checkpoint').toArray()[0];
    if (row === undefined) return null;
    // Only put() writes here.
    return {
      checkpoint: JSON.parse(textOf(row, 'body')) as Checkpoint,
      lostAt: optionalNumberOf(row, 'lost_at'),
    };
  }

  /** Notes when the session's object was found gone; the first time counts. */
  lost(now: number): void {
    if (this.#exists()) this.#sql.exec('UPDATE checkpoint SET lost_at = COALESCE(lost_at, ?)', now);
  }

  clear(): void {
    if (this.#exists()) this.#sql.exec('DELETE FROM checkpoint');
  }

  /** Asked each time: the tables of a session can be deleted under it. */
  #exists(): boolean {
    return (
      this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'checkpoint'").toArray()
        .length > 0
    );
  }
}
