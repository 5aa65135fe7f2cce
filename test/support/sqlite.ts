/** A database with the two calls that the stores ask for, on Node's own SQLite. */
import { DatabaseSync } from 'node:sqlite';
import type { SqlDatabase, SqlRow } from '../../storage/sql.ts';

export function memoryDatabase(): SqlDatabase {
  return databaseIn(new DatabaseSync(':memory:'));
}

export function databaseIn(database: DatabaseSync): SqlDatabase {
  return {
    exec(query, ...bindings) {
      if (bindings.length === 0 && query.trim().includes(';')) {
        database.exec(query);
        return { toArray: () => [] };
      }
      const rows = database
        .prepare(query)
        .all(...bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value)));
      return { toArray: () => rows.map(asDurableObjectRow) };
    },
  };
}

/** Durable Objects give blobs as ArrayBuffers. */
function asDurableObjectRow(row: Record<string, unknown>): SqlRow {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      value instanceof Uint8Array ? new Uint8Array(value).buffer : (value as string | number | null), // SQLite has no other type here
    ]),
  );
}
