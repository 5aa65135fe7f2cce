/**
 * The recorder of one session: owns its log, answers every REST read of it, and tells the directory. A separate object,
 * because a failed commit kills the object that made it with every socket in it (measured 2026-10-23): here that costs
 * some log rows, in the session it would cost the call.
 */
import { DurableObject } from 'cloudflare:workers';
import { directoryObjectName, sessionObjectName } from '../protocol/connect.ts';
import type { Batch, Ending, LogRecord, Opening, OpeningVerdict } from '../protocol/recording.ts';
import { LIMITS } from '../session/limits.ts';
import { SessionStore, type SessionView, type StoredRecord } from '../storage/session-store.ts';
import type { Env } from './environment.ts';
import { eventsResponse } from './event-stream.ts';
import { logLine } from './log-line.ts';
import { pack } from './segment-codec.ts';

export class RecorderObject extends DurableObject<Env> {
  readonly #store: SessionStore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SessionStore(ctx.storage.sql);
  }

  /** Opens the record. A session that is found live here has lost its object: it ends as interrupted. */
  async begin(opening: Opening): Promise<OpeningVerdict> {
    this.#store.interrupt(Date.now());
    const verdict = this.#store.open(opening);
    if (verdict.kind === 'opened') await this.ctx.storage.setAlarm(Date.now() + LIMITS.heartbeatMs);
    void this.#deliver();
    return verdict;
  }

  /** False when there is no such session any more. */
  async append(batch: Batch): Promise<boolean> {
    const segments = await Promise.all(batch.segments.map(pack));
    // One transaction: a crash leaves all of the batch or none of it.
    return this.ctx.storage.transactionSync(() => this.#store.append(segments, batch));
  }

  async finish(ending: Ending): Promise<void> {
    this.#store.finish(ending);
    await this.ctx.storage.sync();
    void this.#deliver();
  }

  /** The session as it is known now; null when there is none of this id. */
  async describe(): Promise<SessionView | null> {
    await this.#catchUp();
    return this.#store.view();
  }

  async records(kinds: readonly LogRecord['kind'][], after: number, limit: number): Promise<StoredRecord[]> {
    await this.#catchUp();
    return this.#store.records(kinds, after, limit);
  }

  /** Deletes everything, for good: a row DELETE would leave the bytes on disk (measured 2026-10-23). */
  async erase(): Promise<boolean> {
    const view = this.#store.view();
    if (view === null) return false;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#store.forget();
    return true;
  }

  /** The frame log, streamed. */
  override async fetch(request: Request): Promise<Response> {
    await this.#catchUp();
    if (!this.#store.exists()) return new Response(null, { status: 404 });
    return eventsResponse(this.#store, new URL(request.url).searchParams);
  }

  /** Also what keeps a session without clients in memory: only an event does (measured 2026-10-23). */
  override async alarm(): Promise<void> {
    const view = this.#store.view();
    if (view === null) return;
    if (view.ending === null && !(await this.#session(view).heartbeat())) this.#store.interrupt(Date.now());
    await this.#deliver();
    const current = this.#store.view();
    if (current === null) return;
    if (current.ending === null || this.#store.undelivered(current.opening.address.id) !== null) {
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.heartbeatMs);
    }
  }

  /** Before a read of a live session: what it still has in memory comes first; and one that is gone is told apart. */
  async #catchUp(): Promise<void> {
    const view = this.#store.view();
    if (view === null || view.ending !== null) return;
    const alive = await this.#session(view).settle();
    if (alive) return;
    this.#store.interrupt(Date.now());
    void this.#deliver();
  }

  #session(view: SessionView) {
    return this.env.SESSION.getByName(sessionObjectName(view.opening.address));
  }

  /** Tells the directory what it does not know yet; what fails now is tried again by the alarm. */
  async #deliver(): Promise<void> {
    const address = this.#store.view()?.opening.address;
    if (address === undefined) return;
    const summary = this.#store.undelivered(address.id);
    if (summary === null) return;
    try {
      await this.env.DIRECTORY.getByName(directoryObjectName(address.account, address.gateway)).put(summary);
      this.#store.delivered(summary.revision);
    } catch (error) {
      logLine('warn', 'directory_unreachable', { session: address.id, detail: String(error) });
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.heartbeatMs);
    }
  }
}
