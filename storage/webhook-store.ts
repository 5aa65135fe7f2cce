/** What is to be delivered to webhooks, and what became of it: in the directory's database. */
import type { DeliveryShape } from '../protocol/webhook-shapes.ts';
import type { WebhookEventType } from '../protocol/webhooks.ts';
import { numberOf, optionalNumberOf, optionalTextOf, type SqlDatabase, type SqlRow, textOf } from './sql.ts';

export type DeliveryStatus = DeliveryShape['status'];

export interface NewDelivery {
  readonly id: string;
  readonly event: WebhookEventType;
  /** Of its event; see WebhookEvent. */
  readonly key: string;
  readonly session: string | null;
  readonly url: string;
  readonly body: string;
}

export interface DueDelivery {
  readonly number: number;
  readonly id: string;
  readonly url: string;
  readonly body: string;
  readonly attempts: number;
}

export interface Delivery {
  /** Grows from each to the next: a page's cursor. */
  readonly number: number;
  readonly id: string;
  readonly event: WebhookEventType;
  readonly session: string | null;
  readonly url: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly createdAt: number;
  readonly lastAt: number | null;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly nextAt: number | null;
}

/** What an attempt came to. */
export interface Attempt {
  readonly at: number;
  /** HTTP status; null: no answer. */
  readonly httpStatus: number | null;
  readonly error: string | null;
  readonly outcome:
    | { readonly is: 'delivered' | 'failed' }
    | { readonly is: 'pending'; readonly nextAt: number };
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS webhook_delivery (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  key TEXT NOT NULL,
  session TEXT,
  url TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_at INTEGER,
  last_status INTEGER,
  last_error TEXT,
  next_at INTEGER,
  UNIQUE (event, key, url)
);
CREATE INDEX IF NOT EXISTS webhook_pending ON webhook_delivery (url, next_at) WHERE next_at IS NOT NULL;`;

export class WebhookStore {
  readonly #sql: SqlDatabase;

  constructor(sql: SqlDatabase) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** To be delivered from `now` on. False when it was enqueued before: the same event to the same address. */
  enqueue(delivery: NewDelivery, now: number): boolean {
    const inserted = this.#sql.exec(
      `INSERT OR IGNORE INTO webhook_delivery (id, event, key, session, url, body, status, attempts, created_at, next_at)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?) RETURNING number`,
      delivery.id,
      delivery.event,
      delivery.key,
      delivery.session,
      delivery.url,
      delivery.body,
      now,
      now,
    );
    return inserted.toArray().length === 1;
  }

  /** Gives up the oldest of those that wait, down to `most`. Answers how many. */
  dropOldest(most: number): number {
    const waiting = this.#count('next_at IS NOT NULL');
    if (waiting <= most) return 0;
    this.#sql.exec(
      `UPDATE webhook_delivery SET status = 'failed', next_at = NULL, body = '',
         last_error = 'given up: too many deliveries wait'
       WHERE number IN (SELECT number FROM webhook_delivery WHERE next_at IS NOT NULL ORDER BY number LIMIT ?)`,
      waiting - most,
    );
    return waiting - most;
  }

  /** Addresses for which something is due. */
  urlsDue(now: number): string[] {
    return this.#sql
      .exec('SELECT DISTINCT url FROM webhook_delivery WHERE next_at <= ?', now)
      .toArray()
      .map((row) => textOf(row, 'url'));
  }

  /** What is due for an address, what waits longest first. */
  due(url: string, now: number, limit: number): DueDelivery[] {
    return this.#sql
      .exec(
        `SELECT number, id, url, body, attempts FROM webhook_delivery WHERE url = ? AND next_at <= ?
         ORDER BY next_at, number LIMIT ?`,
        url,
        now,
        limit,
      )
      .toArray()
      .map((row) => ({
        number: numberOf(row, 'number'),
        id: textOf(row, 'id'),
        url: textOf(row, 'url'),
        body: textOf(row, 'body'),
        attempts: numberOf(row, 'attempts'),
      }));
  }

  /** Notes an attempt. The body is kept only as long as it may be sent again. */
  attempted(number: number, { at, httpStatus, error, outcome }: Attempt): void {
    this.#sql.exec(
      `UPDATE webhook_delivery SET attempts = attempts + 1, last_at = ?, last_status = ?, last_error = ?, status = ?,
         next_at = ?, body = CASE WHEN ? = 'pending' THEN body ELSE '' END WHERE number = ?`,
      at,
      httpStatus,
      error,
      outcome.is,
      outcome.is === 'pending' ? outcome.nextAt : null,
      outcome.is,
      number,
    );
  }

  /** Forgets what came before `before` and does not wait any more; also of what came later, all but the newest `most`. */
  forget(before: number, most: number): void {
    this.#sql.exec(
      `DELETE FROM webhook_delivery WHERE next_at IS NULL AND number <= MAX(
         (SELECT MAX(number) FROM webhook_delivery) - ?,
         COALESCE((SELECT MIN(number) - 1 FROM webhook_delivery WHERE created_at >= ?), ?))`,
      most,
      before,
      Number.MAX_SAFE_INTEGER,
    );
  }

  /** When something is to be delivered next, or to be forgotten `keptMs` after it came. Null: never. */
  nextDue(keptMs: number): number | null {
    const [row = {}] = this.#sql
      .exec(
        `SELECT (SELECT MIN(next_at) FROM webhook_delivery WHERE next_at IS NOT NULL) AS due,
           (SELECT created_at FROM webhook_delivery WHERE next_at IS NULL ORDER BY number LIMIT 1) AS oldest`,
      )
      .toArray();
    const due = optionalNumberOf(row, 'due');
    const oldest = optionalNumberOf(row, 'oldest');
    if (oldest === null) return due;
    // Past its last moment: it is forgotten when it is older, not when it is as old.
    return Math.min(due ?? Number.POSITIVE_INFINITY, oldest + keptMs + 1);
  }

  #count(condition: string): number {
    const [row = {}] = this.#sql
      .exec(`SELECT COUNT(*) AS n FROM webhook_delivery WHERE ${condition}`)
      .toArray();
    return numberOf(row, 'n');
  }

  /** How many there are of an address. */
  counts(url: string): Record<DeliveryStatus, number> {
    const counts = { pending: 0, delivered: 0, failed: 0 };
    for (const row of this.#sql
      .exec('SELECT status, COUNT(*) AS n FROM webhook_delivery WHERE url = ? GROUP BY status', url)
      .toArray())
      counts[statusOf(row)] = numberOf(row, 'n');
    return counts;
  }

  /** Newest first; `before` is the number of the last one of the page before. */
  list(status: DeliveryStatus | null, before: number | null, limit: number): Delivery[] {
    return this.#sql
      .exec(
        `SELECT * FROM webhook_delivery WHERE number < ? AND (? IS NULL OR status = ?) ORDER BY number DESC LIMIT ?`,
        before ?? Number.MAX_SAFE_INTEGER,
        status,
        status,
        limit,
      )
      .toArray()
      .map((row) => ({
        number: numberOf(row, 'number'),
        id: textOf(row, 'id'),
        // Only deliveries of such events are enqueued.
        event: textOf(row, 'event') as WebhookEventType,
        session: optionalTextOf(row, 'session'),
        url: textOf(row, 'url'),
        status: statusOf(row),
        attempts: numberOf(row, 'attempts'),
        createdAt: numberOf(row, 'created_at'),
        lastAt: optionalNumberOf(row, 'last_at'),
        lastStatus: optionalNumberOf(row, 'last_status'),
        lastError: optionalTextOf(row, 'last_error'),
        nextAt: optionalNumberOf(row, 'next_at'),
      }));
  }
}

function statusOf(row: SqlRow): DeliveryStatus {
  // Written by this class alone.
  return textOf(row, 'status') as DeliveryStatus;
}
