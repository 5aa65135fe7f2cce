/** Sums over a gateway's sessions, out of its directory. Written by `DirectoryStore.put`. */
import { asText, parseJson } from '../protocol/json.ts';
import { SUM_NAMES, type Sums, sums } from '../protocol/usage-sums.ts';
import { HOUR_MS } from './directory-schema.ts';
import { numberOf, optionalTextOf, type SqlDatabase, textOf } from './sql.ts';

export type UsageGrouping =
  | { readonly by: 'nothing' | 'hour' | 'provider' | 'model' }
  /** Of sessions that are still kept, by the tags that they have now; no quote or backslash in `key`. */
  | { readonly by: 'tag'; readonly key: string };

export interface UsageGroup {
  readonly group: string | null;
  readonly sessions: number;
  readonly sums: Sums;
}

/** Whole hours since the epoch: sessions that began in one of them are counted. */
export interface HourRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** What Prometheus is told of one provider. */
export interface ProviderTotals extends UsageGroup {
  readonly live: number;
}

/** A tag's JSON as it stands in a query: text without its quotes. */
function tagText(json: string): string {
  return asText(parseJson(json)) ?? json;
}

const SUMMED = SUM_NAMES.map((name) => `COALESCE(SUM(${name}), 0) AS ${name}`).join(', ');

export class UsageStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
  }

  /** Hours in their order; other groups by their number of sessions, the greatest first. */
  usage(grouping: UsageGrouping, range: HourRange, limit: number): UsageGroup[] {
    return grouping.by === 'tag'
      ? this.#byTag(grouping.key, range, limit)
      : this.#byColumn(grouping.by, range, limit);
  }

  #byColumn(by: 'nothing' | 'hour' | 'provider' | 'model', range: HourRange, limit: number): UsageGroup[] {
    const column = {
      nothing: 'NULL',
      hour: `strftime('%Y-%m-%dT%H:00:00.000Z', hour * ${HOUR_MS / 1000}, 'unixepoch')`,
      provider: 'provider',
      model: "NULLIF(model, '')",
    }[by];
    return this.#groups(
      `SELECT ${column} AS "group", SUM(sessions) AS sessions, ${SUMMED} FROM usage_hour
       WHERE hour >= ? AND hour < ? GROUP BY 1 HAVING SUM(sessions) > 0 ORDER BY ${by === 'hour' ? '1' : '2 DESC, 1'} LIMIT ?`,
      range.from,
      range.to,
      limit,
    );
  }

  #byTag(key: string, range: HourRange, limit: number): UsageGroup[] {
    return this.#groups(
      `SELECT metadata -> ? AS "group", COUNT(*) AS sessions, ${SUMMED} FROM session
       WHERE status IN ('live', 'ended') AND started_at >= ? AND started_at < ?
       GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?`,
      `$."${key}"`,
      range.from * HOUR_MS,
      range.to * HOUR_MS,
      limit,
    ).map((group) => ({ ...group, group: group.group === null ? null : tagText(group.group) }));
  }

  /** Since the directory was made: nothing that is deleted is taken off. */
  totals(): ProviderTotals[] {
    const live = new Map(
      this.#sql
        .exec("SELECT provider, COUNT(*) AS live FROM session WHERE status = 'live' GROUP BY provider")
        .toArray()
        .map((row) => [textOf(row, 'provider'), numberOf(row, 'live')]),
    );
    return this.#groups(
      `SELECT provider AS "group", SUM(sessions) AS sessions, ${SUMMED} FROM usage_hour GROUP BY 1 ORDER BY 1`,
    ).map((group) => ({ ...group, live: live.get(group.group ?? '') ?? 0 }));
  }

  #groups(query: string, ...bindings: (string | number)[]): UsageGroup[] {
    return this.#sql
      .exec(query, ...bindings)
      .toArray()
      .map((row) => ({
        group: optionalTextOf(row, 'group'),
        sessions: numberOf(row, 'sessions'),
        sums: sums((name) => numberOf(row, name)),
      }));
  }
}
