/** The directory's tables, and what makes them of those of older versions. */
import { SUM_NAMES } from '../protocol/usage-sums.ts';
import { type SqlDatabase, textOf } from './sql.ts';

const COLUMNS: readonly (readonly [name: string, declaration: string])[] = [
  ['id', 'TEXT PRIMARY KEY'],
  ['status', 'TEXT NOT NULL'],
  ['provider', 'TEXT NOT NULL'],
  ['model', 'TEXT'],
  ['started_at', 'INTEGER NOT NULL'],
  ['ended_at', 'INTEGER'],
  ['ended_reason', 'TEXT'],
  ['turns', 'INTEGER NOT NULL'],
  ['tokens', 'INTEGER'],
  ['metadata', 'TEXT NOT NULL'],
  ['revision', 'INTEGER NOT NULL'],
  ['feedback', 'INTEGER'],
  ['score', 'REAL'],
  ['event_id', 'TEXT'],
  ['path', "TEXT NOT NULL DEFAULT ''"],
  // Not in the index: lists that ask for it look up each row.
  ['redrive_of', 'TEXT'],
  ['success', 'INTEGER NOT NULL DEFAULT 1'],
  // Empty means unknown.
  ['cost_nano', 'INTEGER'],
  ['cost_complete', 'INTEGER'],
  // The cost of an ended session, for the index: that of a live one changes too often for it.
  ['final_cost_nano', 'INTEGER'],
  ...SUM_NAMES.filter((name) => name !== 'turns' && name !== 'cost_nano').map(sumColumn),
];

function sumColumn(name: string): readonly [string, string] {
  return [name, `${name === 'seconds' ? 'REAL' : 'INTEGER'} NOT NULL DEFAULT 0`];
}

/**
 * The one index, in the order of lists, holds every column that lists filter on: a filter that matches little reads the
 * index alone, at one more row for each write of these columns. An index for each filter would cost five.
 */
const INDEX = 'session_listed';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS session (${declarations(COLUMNS)}) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token (
  jti TEXT PRIMARY KEY,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  claims TEXT NOT NULL,
  revoked INTEGER NOT NULL
) WITHOUT ROWID;`;

const USAGE_SCHEMA = `
CREATE TABLE usage_hour (
  hour INTEGER NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  sessions INTEGER NOT NULL,
  ${declarations(SUM_NAMES.map(sumColumn))},
  PRIMARY KEY (hour, provider, model)
) WITHOUT ROWID;`;

export const HOUR_MS = 3_600_000;

/** Makes the tables, and brings older ones up to date; nothing is lost of what they hold. */
export function prepareDirectory(sql: SqlDatabase): void {
  sql.exec(SCHEMA);
  addMissing(sql, 'session', COLUMNS);
  const made = namesIn(sql, "SELECT name FROM sqlite_master WHERE type IN ('table', 'index')");
  if (!made.includes(INDEX)) {
    sql.exec("UPDATE session SET final_cost_nano = cost_nano WHERE status = 'ended'");
    sql.exec('DROP INDEX IF EXISTS session_by_start');
    sql.exec(
      `CREATE INDEX ${INDEX} ON session (started_at DESC, id DESC, status, provider, model, ended_reason, metadata,
         final_cost_nano)`,
    );
  }
  if (!made.includes('usage_hour')) {
    sql.exec(USAGE_SCHEMA);
    countWhatIsThere(sql);
  } else addMissing(sql, 'usage_hour', SUM_NAMES.map(sumColumn));
}

function addMissing(
  sql: SqlDatabase,
  table: 'session' | 'usage_hour',
  columns: readonly (readonly [name: string, declaration: string])[],
): void {
  const present = namesIn(sql, `SELECT name FROM pragma_table_info('${table}')`);
  for (const [name, declaration] of columns)
    if (!present.includes(name)) sql.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${declaration}`);
}

/** Sessions of versions without roll-ups count with what is known of them: that they were, their turns, duration and cost. */
function countWhatIsThere(sql: SqlDatabase): void {
  sql.exec('UPDATE session SET duration_ms = MAX(0, ended_at - started_at) WHERE ended_at IS NOT NULL');
  sql.exec('UPDATE session SET cost_known = cost_nano IS NOT NULL, cost_incomplete = cost_complete IS NOT 1');
  sql.exec(
    `INSERT INTO usage_hour (hour, provider, model, sessions, turns, duration_ms, cost_nano, cost_known,
       cost_incomplete)
     SELECT started_at / ${HOUR_MS}, provider, COALESCE(model, ''), COUNT(*), SUM(turns), SUM(duration_ms),
       COALESCE(SUM(cost_nano), 0), COUNT(cost_nano), SUM(cost_incomplete)
     FROM session WHERE status IN ('live', 'ended') GROUP BY 1, 2, 3`,
  );
}

function namesIn(sql: SqlDatabase, query: string): string[] {
  return sql
    .exec(query)
    .toArray()
    .map((row) => textOf(row, 'name'));
}

function declarations(columns: readonly (readonly [string, string])[]): string {
  return columns.map((column) => column.join(' ')).join(', ');
}
