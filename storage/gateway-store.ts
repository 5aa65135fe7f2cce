/** What a gateway sets for itself: its settings, and its provider keys, of which nothing but the ciphertext is here. */
import type { JsonObject } from '../protocol/json.ts';
import { bytesOf, numberOf, type SqlDatabase, type SqlRow, textOf } from './sql.ts';

export interface SealedKey {
  readonly provider: string;
  readonly alias: string;
  readonly sealed: Uint8Array;
  /** ms since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type KeyName = Pick<SealedKey, 'provider' | 'alias'>;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS gateway_settings (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS provider_key (
  provider TEXT NOT NULL,
  alias TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (provider, alias)
) WITHOUT ROWID;`;

export class GatewayStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** As JSON text: those who only pass it on need not read it. */
  settings(): string {
    const [row] = this.#sql.exec('SELECT json FROM gateway_settings').toArray();
    return row === undefined ? '{}' : textOf(row, 'json');
  }

  /** What is not named stays, null is taken out. False, and nothing is changed: it would be over `maxCharacters`. */
  change(change: JsonObject, maxCharacters: number): boolean {
    // Written here, as an object.
    const stored = JSON.parse(this.settings()) as JsonObject;
    const entries = Object.entries({ ...stored, ...change }).filter(([, value]) => value !== null);
    const json = JSON.stringify(Object.fromEntries(entries));
    if (json.length > maxCharacters) return false;
    this.#sql.exec('INSERT OR REPLACE INTO gateway_settings (one, json) VALUES (1, ?)', json);
    return true;
  }

  /** By provider and alias. */
  keys(): SealedKey[] {
    return this.#sql.exec('SELECT * FROM provider_key ORDER BY provider, alias').toArray().map(keyOf);
  }

  key(provider: string, alias: string): SealedKey | null {
    const [row] = this.#sql
      .exec('SELECT * FROM provider_key WHERE provider = ? AND alias = ?', provider, alias)
      .toArray();
    return row === undefined ? null : keyOf(row);
  }

  /** In place of one that has this name. Null, and nothing is stored: there are `most` keys already. */
  putKey(
    { provider, alias, sealed }: Pick<SealedKey, 'provider' | 'alias' | 'sealed'>,
    now: number,
    most: number,
  ): SealedKey | null {
    const before = this.key(provider, alias);
    if (before === null && this.keys().length >= most) return null;
    const createdAt = before?.createdAt ?? now;
    this.#sql.exec(
      `INSERT OR REPLACE INTO provider_key (provider, alias, sealed, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?)`,
      provider,
      alias,
      sealed,
      createdAt,
      now,
    );
    return { provider, alias, sealed, createdAt, updatedAt: now };
  }

  /** The same key under another secret; nothing happens when it was replaced or removed meanwhile. */
  resealKey({ provider, alias, sealed, updatedAt }: SealedKey): void {
    this.#sql.exec(
      'UPDATE provider_key SET sealed = ? WHERE provider = ? AND alias = ? AND updated_at = ?',
      sealed,
      provider,
      alias,
      updatedAt,
    );
  }

  /** False when there was none. */
  removeKey(provider: string, alias: string): boolean {
    const isThere = this.key(provider, alias) !== null;
    this.#sql.exec('DELETE FROM provider_key WHERE provider = ? AND alias = ?', provider, alias);
    return isThere;
  }
}

function keyOf(row: SqlRow): SealedKey {
  return {
    provider: textOf(row, 'provider'),
    alias: textOf(row, 'alias'),
    sealed: bytesOf(row, 'sealed'),
    createdAt: numberOf(row, 'created_at'),
    updatedAt: numberOf(row, 'updated_at'),
  };
}
