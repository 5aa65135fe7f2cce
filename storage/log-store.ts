/** Cloudflare's log API over the sessions of a directory: any filter, any order, pages by number. */
import {
  LOG_RANGES,
  type LogFilter,
  type LogKey,
  type LogQuery,
  type LogRanges,
} from '../protocol/log-query.ts';
import type { SessionSummary } from '../protocol/recording.ts';
import { summaryOf } from './directory-store.ts';
import type { SqlBinding, SqlDatabase } from './sql.ts';

const SUM_IN = '(input_text + input_audio + input_image)';
const SUM_OUT = '(output_text + output_audio + output_image)';
/** As `tokensOf` says. */
const HAS_TOKENS = `reports > 0 AND (${SUM_IN} + ${SUM_OUT} > 0 OR seconds + characters + requests + items = 0)`;
const TOKENS_IN = `(CASE WHEN ${HAS_TOKENS} THEN ${SUM_IN} END)`;
const TOKENS_OUT = `(CASE WHEN ${HAS_TOKENS} THEN ${SUM_OUT} END)`;
const UNKNOWN = 'NULL';
/** Costs are dollars there. */
const NANO = 1_000_000_000;

/** Every session came through a WebSocket, with a credential, past no cache, and on nobody's bill but the caller's. */
const COLUMNS = {
  id: 'id',
  created_at: 'started_at',
  request_content_type: UNKNOWN,
  response_content_type: UNKNOWN,
  request_type: "'websocket'",
  success: 'success',
  cached: '0',
  provider: 'provider',
  model: 'model',
  model_type: UNKNOWN,
  cost: `(cost_nano / ${NANO}.0)`,
  tokens: `(${TOKENS_IN} + ${TOKENS_OUT})`,
  tokens_in: TOKENS_IN,
  tokens_out: TOKENS_OUT,
  feedback: 'feedback',
  event_id: 'COALESCE(event_id, id)',
  authentication: '1',
  wholesale: '0',
  compatibilityMode: UNKNOWN,
  dlp_action: UNKNOWN,
  user_agent: UNKNOWN,
} as const;

type Columns = Readonly<Record<Exclude<LogKey, 'metadata.key' | 'metadata.value'>, string>>;

/** @param now ms since the epoch: a live session has lasted until then */
function columnsAt(now: number): Columns {
  return { ...COLUMNS, duration: `(CASE status WHEN 'live' THEN ${now} - started_at ELSE duration_ms END)` };
}

const RANGES = {
  duration: 'duration',
  tokens_in: 'tokens_in',
  tokens_out: 'tokens_out',
  total_tokens: 'tokens',
  cost: 'cost',
} as const satisfies Record<(typeof LOG_RANGES)[number], keyof Columns>;

interface Condition {
  readonly sql: string;
  readonly bindings: readonly SqlBinding[];
}

export class LogStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
  }

  page(query: LogQuery, offset: number, limit: number, now: number): SessionSummary[] {
    const columns = columnsAt(now);
    const { sql, bindings } = whereOf(query, columns);
    const order = orderOf(query, columns);
    return this.#sql
      .exec(
        // The inner query reads the index alone where it can; only the rows of the page are looked up.
        `SELECT session.* FROM (SELECT id AS found FROM session WHERE ${sql} ORDER BY ${order} LIMIT ? OFFSET ?)
         CROSS JOIN session ON session.id = found ORDER BY ${order}`,
        ...bindings,
        limit,
        offset,
      )
      .toArray()
      .map(summaryOf);
  }

  /** How many there are on all pages, and, where they are wanted, the least and the greatest: in one reading of them. */
  extent(
    query: LogQuery,
    withRanges: boolean,
    now: number,
  ): { readonly total: number; readonly ranges: LogRanges | null } {
    const columns = columnsAt(now);
    const { sql, bindings } = whereOf(query, columns);
    const ranged = (withRanges ? LOG_RANGES : []).map((name) => {
      const column = columns[RANGES[name]];
      return `, MIN(${column}) AS min_${name}, MAX(${column}) AS max_${name}`;
    });
    const [row] = this.#sql
      .exec(`SELECT COUNT(*) AS total${ranged.join('')} FROM session WHERE ${sql}`, ...bindings)
      .toArray();
    // An aggregate always has one row, and these are its columns.
    const { total, ...ranges } = row as unknown as LogRanges & { readonly total: number };
    return { total, ranges: withRanges ? ranges : null };
  }

  /** Hides what was found, so that it can be deleted in the background; a live session stays. Answers how many. */
  hide(query: LogQuery, limit: number, now: number): number {
    const columns = columnsAt(now);
    const { sql, bindings } = whereOf(query, columns);
    return this.#sql
      .exec(
        `UPDATE session SET status = 'deleting' WHERE id IN
           (SELECT id FROM session WHERE status = 'ended' AND ${sql} ORDER BY ${orderOf(query, columns)} LIMIT ?) RETURNING 1`,
        ...bindings,
        limit,
      )
      .toArray().length;
  }
}

/** The same direction throughout, so that the index serves the usual order both ways. */
function orderOf({ orderBy, descending }: LogQuery, columns: Columns): string {
  const direction = descending ? 'DESC' : 'ASC';
  const first = orderBy === 'created_at' ? [] : [columns[orderBy]];
  return [...first, 'started_at', 'id'].map((column) => `${column} ${direction}`).join(', ');
}

function whereOf({ filters, search }: LogQuery, columns: Columns): Condition {
  const isOfTags = (filter: LogFilter): boolean =>
    filter.key === 'metadata.key' || filter.key === 'metadata.value';
  const conditions = filters
    .filter((filter) => !isOfTags(filter))
    .map((filter) => columnCondition(filter, columns));
  conditions.push(...tagConditions(filters.filter(isOfTags)));
  if (search !== null) conditions.push({ sql: 'instr(lower(metadata), lower(?)) > 0', bindings: [search] });
  return {
    sql: ["status IN ('live', 'ended')", ...conditions.map(({ sql }) => sql)].join(' AND '),
    bindings: conditions.flatMap(({ bindings }) => bindings),
  };
}

function columnCondition(filter: LogFilter, columns: Columns): Condition {
  // The two that are no columns went to tagConditions().
  return compared(columns[filter.key as keyof Columns], filter);
}

/** A key and a value ask for one tag that has both; `neq` for no tag that is so. */
function tagConditions(filters: readonly LogFilter[]): Condition[] {
  const wanted = filters
    .filter(({ operator }) => operator !== 'neq')
    .map((filter) => compared(tagColumn(filter), filter));
  const unwanted = filters
    .filter(({ operator }) => operator === 'neq')
    .map((filter) => compared(tagColumn(filter), { ...filter, operator: 'eq' }));
  const conditions = unwanted.map(({ sql, bindings }) => ({ sql: `NOT ${someTag(sql)}`, bindings }));
  if (wanted.length === 0) return conditions;
  const all = wanted.map(({ sql }) => sql).join(' AND ');
  return [...conditions, { sql: someTag(all), bindings: wanted.flatMap(({ bindings }) => bindings) }];
}

function someTag(condition: string): string {
  return `EXISTS (SELECT 1 FROM json_each(metadata) AS tag WHERE ${condition})`;
}

/** Values are compared as text, but for less and greater, where only numbers have an order that anyone means. */
function tagColumn({ key, operator }: LogFilter): string {
  if (key === 'metadata.key') return 'tag.key';
  return operator === 'lt' || operator === 'gt'
    ? "(CASE WHEN tag.type IN ('integer', 'real') THEN tag.atom END)"
    : "(CASE tag.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(tag.atom AS TEXT) END)";
}

function compared(column: string, { operator, values }: LogFilter): Condition {
  const each = (comparison: string, joint: ' OR ' | ' AND '): Condition => ({
    sql: `(${values.map(() => comparison).join(joint)})`,
    bindings: values,
  });
  switch (operator) {
    case 'eq':
      return each(`${column} IS ?`, ' OR ');
    case 'neq':
      return each(`${column} IS NOT ?`, ' AND ');
    case 'contains':
      return each(`instr(lower(${column}), lower(?)) > 0`, ' OR ');
    case 'lt':
      return each(`${column} < ?`, ' OR ');
    case 'gt':
      return each(`${column} > ?`, ' OR ');
    case 'min':
      return each(`${column} >= ?`, ' AND ');
    case 'max':
      return each(`${column} <= ?`, ' AND ');
  }
}
