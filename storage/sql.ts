/** What we ask of a database: two calls of Durable Object SQLite, by structure, so that a test needs no platform. */

export type SqlValue = string | number | null | ArrayBuffer;
export type SqlRow = Record<string, SqlValue>;

export interface SqlDatabase {
  exec(query: string, ...bindings: SqlBinding[]): { toArray(): SqlRow[] };
}

export type SqlBinding = string | number | null | Uint8Array | ArrayBuffer;

export function textOf(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`);
  return value;
}

export function numberOf(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} holds no number`);
  return value;
}

export function optionalNumberOf(row: SqlRow, column: string): number | null {
  return row[column] === null ? null : numberOf(row, column);
}

export function optionalTextOf(row: SqlRow, column: string): string | null {
  return row[column] === null ? null : textOf(row, column);
}

export function bytesOf(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof ArrayBuffer)) throw new TypeError(`column ${column} holds no bytes`);
  return new Uint8Array(value);
}
