/**
 * One session's record, in its recorder's own database. Written in batches: a segment is one row, a row for every frame
 * would cost two orders of magnitude more on Durable Objects.
 */
import {
  type Annotations,
  type Batch,
  type CostTotals,
  type Ending,
  type LastWords,
  type LogRecord,
  type NumberedRecord,
  type Opening,
  type OpeningVerdict,
  type SessionSummary,
  type Totals,
  wholeUsage,
} from '../protocol/recording.ts';
import { summaryOf } from './session-summary.ts';
import { bytesOf, numberOf, optionalNumberOf, type SqlDatabase, type SqlRow, textOf } from './sql.ts';

/** How a segment's bytes are stored. */
export type Codec = 'raw' | 'deflate';

export interface StoredSegment {
  readonly number: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstAt: number;
  readonly codec: Codec;
  readonly data: Uint8Array;
}

export type PackedSegment = Batch['segments'][number] & { readonly codec: Codec };

/** A LogRecord as it is stored; `body` is the JSON of an object. */
export interface StoredRecord {
  readonly id: number;
  readonly seq: number;
  readonly at: number;
  readonly kind: LogRecord['kind'];
  readonly body: string;
}

/** All that is known of a session but its frames. */
export interface SessionView {
  readonly opening: Opening;
  readonly live: { readonly at: number; readonly dialMs: number } | null;
  readonly ending: Ending | null;
  readonly totals: Totals | null;
  readonly annotations: Annotations;
  readonly lastSeq: number;
  readonly logBytes: number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS session (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  opening TEXT NOT NULL,
  live TEXT,
  ending TEXT,
  totals TEXT,
  revision INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  annotations TEXT
);
CREATE TABLE IF NOT EXISTS segment (
  number INTEGER PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  codec TEXT NOT NULL,
  data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS record (
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
);`;

const LAST_NUMBERS = `
SELECT COALESCE(MAX(last_seq), 0) AS seq, COALESCE(MAX(number), 0) AS segment,
  (SELECT COALESCE(MAX(id), 0) FROM record) AS record
FROM segment`;

export class SessionStore {
  readonly #sql: SqlDatabase;
  #ready = false;
  #life: object = {};

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
  }

  /**
   * Begins a session, unless one of this id is over. One that never went live may begin again. The same opening again, as
   * after an answer that was lost, changes nothing but which provider and model serve; any other finds that a session here lost its object.
   */
  open(opening: Opening, now: number): OpeningVerdict {
    const same = this.view();
    if (same?.opening.startedAt === opening.startedAt) {
      const isServedElsewhere =
        same.opening.provider !== opening.provider || same.opening.model !== opening.model;
      if (isServedElsewhere) this.#change('opening', opening);
      return { kind: 'opened' };
    }
    this.interrupt(now);
    const view = this.view();
    if (view !== null && view.ending !== null && view.live !== null)
      return { kind: 'ended', reason: view.ending.reason };
    this.#createTables();
    this.#life = {};
    const revision = view === null ? 1 : this.revision() + 1;
    this.#sql.exec('DELETE FROM record');
    this.#sql.exec(
      'INSERT OR REPLACE INTO session (id, opening, live, ending, totals, revision, delivered) VALUES (1, ?, NULL, NULL, NULL, ?, 0)',
      JSON.stringify(opening),
      revision,
    );
    return { kind: 'opened' };
  }

  /** Stores a batch; storing it twice stores it once. False when there is no session: it was deleted meanwhile. */
  append(segments: readonly PackedSegment[], batch: Omit<Batch, 'segments'>): boolean {
    if (!this.exists()) return false;
    for (const segment of segments) {
      this.#sql.exec(
        'INSERT OR IGNORE INTO segment (number, first_seq, last_seq, first_at, last_at, codec, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
        segment.number,
        segment.firstSeq,
        segment.lastSeq,
        segment.firstAt,
        segment.lastAt,
        segment.codec,
        segment.data,
      );
    }
    for (const record of batch.records) this.#insert(record);
    if (batch.live !== null) this.#change('live', batch.live);
    if (batch.totals !== null) this.#change('totals', batch.totals);
    return true;
  }

  /** Ends the session, once: a second ending changes nothing. */
  finish(ending: Ending): void {
    const view = this.view();
    if (view === null || view.ending !== null) return;
    this.#change('ending', ending);
  }

  /**
   * Ends a session whose object is gone: a crash or a restart. What was in memory is lost, and the record says so.
   *
   * @param last what is known of it besides
   */
  interrupt(
    now: number,
    reason: 'interrupted' | 'grace_over' = 'interrupted',
    last: LastWords | null = null,
  ): void {
    const view = this.view();
    if (view === null || view.ending !== null) return;
    const lastAt = this.#lastAt() ?? view.live?.at ?? view.opening.startedAt;
    for (const record of last?.records ?? []) this.#insert(record);
    if (reason === 'interrupted') this.#insertGap(view, lastAt, now);
    this.#change('ending', {
      at: lastAt,
      reason,
      closedBy: 'parley',
      code: reason === 'interrupted' ? 1006 : 1000,
      closeReason: '',
      totals: last?.totals ?? view.totals,
    });
  }

  /** Notes of a session that may still go on that what was in memory is lost, and usage with it. */
  loseUsage(): void {
    const view = this.view();
    if (view === null || view.ending !== null || view.totals === null) return;
    if (view.totals.usage_lost !== true) this.#change('totals', { ...view.totals, usage_lost: true });
  }

  #insertGap(view: SessionView, lastAt: number, now: number): void {
    this.#insert({
      kind: 'gap',
      seq: view.lastSeq + 1,
      at: lastAt,
      body: {
        reason: 'interrupted',
        from_seq: view.lastSeq + 1,
        to_seq: null,
        frames: null,
        bytes: null,
        until: now,
      },
    });
  }

  /** Notes what people say of the session; what `changes` does not name stays. False when there is no session. */
  annotate(changes: Partial<Annotations>): boolean {
    const view = this.view();
    if (view === null) return false;
    // Records of before have no such column, and are given one when it is needed.
    if (!Object.hasOwn(this.#row(), 'annotations'))
      this.#sql.exec('ALTER TABLE session ADD COLUMN annotations TEXT');
    this.#change('annotations', { ...view.annotations, ...changes });
    return true;
  }

  exists(): boolean {
    if (this.#ready) return this.#sql.exec('SELECT 1 FROM session').toArray().length === 1;
    const tables = this.#sql
      .exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'session'")
      .toArray();
    if (tables.length === 0) return false;
    this.#ready = true;
    return this.exists();
  }

  /**
   * What is known of the session that is here may be kept in memory by this: it is another object once the session was
   * deleted, and whoever reads on then does not take another session of its id for it.
   */
  get life(): object {
    return this.#life;
  }

  /** Call after tables may have gone with what was undone. */
  forget(): void {
    this.#ready = false;
  }

  /** Call after the database was wiped. */
  wiped(): void {
    this.forget();
    this.#life = {};
  }

  view(): SessionView | null {
    if (!this.exists()) return null;
    const row = this.#row();
    const size = this.#sql
      .exec(
        'SELECT COALESCE(MAX(last_seq), 0) AS last_seq, COALESCE(SUM(LENGTH(data)), 0) AS bytes FROM segment',
      )
      .toArray()[0];
    if (size === undefined) throw new Error('an aggregate returned no row');
    // Each column holds what this class wrote from a value of that very type.
    const ending = jsonOf(row, 'ending') as Ending | null;
    const totals = ending?.totals ?? (jsonOf(row, 'totals') as Totals | null);
    return {
      opening: JSON.parse(textOf(row, 'opening')) as Opening,
      live: jsonOf(row, 'live') as SessionView['live'],
      ending,
      totals: totals === null ? null : { ...NOT_KEPT, ...totals, ...wholeUsage(totals) },
      annotations: (jsonOf(row, 'annotations') as Annotations | null) ?? NO_ANNOTATIONS,
      lastSeq: numberOf(size, 'last_seq'),
      logBytes: numberOf(size, 'bytes'),
    };
  }

  /** The last numbers in use. */
  lastNumbers(): { readonly seq: number; readonly record: number; readonly segment: number } {
    const row = this.#sql.exec(LAST_NUMBERS).toArray()[0];
    if (row === undefined) throw new Error('an aggregate returned no row');
    return { seq: numberOf(row, 'seq'), record: numberOf(row, 'record'), segment: numberOf(row, 'segment') };
  }

  /** Segment `number`, or null past the last one. */
  segment(number: number): StoredSegment | null {
    const row = this.#sql
      .exec('SELECT number, first_seq, last_seq, first_at, codec, data FROM segment WHERE number = ?', number)
      .toArray()[0];
    if (row === undefined) return null;
    return {
      number: numberOf(row, 'number'),
      firstSeq: numberOf(row, 'first_seq'),
      lastSeq: numberOf(row, 'last_seq'),
      firstAt: numberOf(row, 'first_at'),
      codec: textOf(row, 'codec') === 'deflate' ? 'deflate' : 'raw',
      data: bytesOf(row, 'data'),
    };
  }

  /** The first segment that reaches past `seq`, by bisection: segments are numbered from 1 without a gap. */
  firstSegmentAfter(seq: number): number {
    let low = 1;
    let high = this.lastNumbers().segment + 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.#sql.exec('SELECT last_seq FROM segment WHERE number = ?', middle).toArray()[0];
      if (row !== undefined && numberOf(row, 'last_seq') <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Records of these kinds, in order; at most `limit`, after the record of id `after`. */
  records(kinds: readonly LogRecord['kind'][], after: number, limit: number): StoredRecord[] {
    if (!this.exists()) return [];
    const marks = kinds.map(() => '?').join(', ');
    return this.#sql
      .exec(
        `SELECT id, seq, at, kind, body FROM record WHERE id > ? AND kind IN (${marks}) ORDER BY id LIMIT ?`,
        after,
        ...kinds,
        limit,
      )
      .toArray()
      .map((row) => ({
        id: numberOf(row, 'id'),
        seq: numberOf(row, 'seq'),
        at: numberOf(row, 'at'),
        // Only LogRecords are ever inserted.
        kind: textOf(row, 'kind') as LogRecord['kind'],
        body: textOf(row, 'body'),
      }));
  }

  // --- outbox: what the directory has not heard yet ---------------------------------------------------------------

  revision(): number {
    return numberOf(this.#row(), 'revision');
  }

  /** The summary to deliver, or null when the directory knows the newest. */
  undelivered(id: string): SessionSummary | null {
    const summary = this.summary(id);
    return summary === null || numberOf(this.#row(), 'delivered') >= summary.revision ? null : summary;
  }

  summary(id: string): SessionSummary | null {
    const view = this.view();
    return view === null ? null : summaryOf(id, view, this.revision());
  }

  delivered(revision: number): void {
    if (this.exists()) this.#sql.exec('UPDATE session SET delivered = MAX(delivered, ?)', revision);
  }

  #row(): SqlRow {
    const row = this.#sql.exec('SELECT * FROM session').toArray()[0];
    if (row === undefined) throw new Error('there is no session here');
    return row;
  }

  #createTables(): void {
    this.#sql.exec(SCHEMA);
    this.#ready = true;
  }

  #change(column: 'opening' | 'live' | 'ending' | 'totals' | 'annotations', value: unknown): void {
    this.#sql.exec(`UPDATE session SET ${column} = ?, revision = revision + 1`, JSON.stringify(value));
  }

  /** Without a number of its own, the record gets the next one. */
  #insert(record: LogRecord | NumberedRecord): void {
    this.#sql.exec(
      'INSERT OR IGNORE INTO record (id, seq, at, kind, body) VALUES (?, ?, ?, ?, ?)',
      'number' in record ? record.number : null,
      record.seq,
      record.at,
      record.kind,
      JSON.stringify(record.body),
    );
  }

  #lastAt(): number | null {
    const row = this.#sql.exec('SELECT MAX(last_at) AS at FROM segment').toArray()[0];
    return row === undefined ? null : optionalNumberOf(row, 'at');
  }
}

const NO_ANNOTATIONS: Annotations = { metadata: null, feedback: null, score: null };

function jsonOf(row: SqlRow, column: string): unknown {
  const value = row[column];
  return typeof value === 'string' ? JSON.parse(value) : null;
}

/** Of totals that were stored before costs and silence were kept: unknown, not 0. Nothing was redacted then. */
const NOT_KEPT: CostTotals & Pick<Totals, 'silence_ms' | 'longest_silence_ms' | 'frames_redacted'> = {
  frames_redacted: 0,
  silence_ms: null,
  longest_silence_ms: null,
  cost_nano: null,
  reports_priced: 0,
  unpriced: [],
  cost_notes: {},
};
