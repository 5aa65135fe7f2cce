/**
 * The recorder of one session: owns its log, answers every REST read of it, and tells the directory. A separate object,
 * because a failed commit kills the object that made it with every socket in it (measured 2026-10-23): here that costs
 * some log rows, in the session it would cost the call.
 */
import { DurableObject } from 'cloudflare:workers';
import { directoryObjectName } from '../protocol/connect.ts';
import type {
  Annotations,
  Kept,
  LogRecord,
  Opening,
  OpeningVerdict,
  RecorderEntry,
  SessionSummary,
} from '../protocol/recording.ts';
import { LIMITS } from '../session/limits.ts';
import { CheckpointStore } from '../storage/checkpoint-store.ts';
import { SessionStore, type SessionView } from '../storage/session-store.ts';
import { TraceStore } from '../storage/trace-store.ts';
import { Changes } from './changes.ts';
import type { Env } from './environment.ts';
import { isAtRest, keptFrom, lastWords } from './kept-session.ts';
import { logLine } from './log-line.ts';
import { lookAt } from './look-at.ts';
import { upstreamFrames, type WantedFrames } from './log-window.ts';
import { isRedrive, redrive } from './redrive.ts';
import { Packer } from './segment-codec.ts';
import { TraceExport } from './trace-export.ts';
import { viewResponse } from './views.ts';

const OPENED: OpeningVerdict = { kind: 'opened' };

export class RecorderObject extends DurableObject<Env> {
  readonly #store: SessionStore;
  readonly #checkpoints: CheckpointStore;
  readonly #trace: TraceExport;
  readonly #changes = new Changes();
  readonly #packer = new Packer();
  /** The newest revision that the directory was told of by this instance. */
  #delivered = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SessionStore(ctx.storage.sql);
    this.#checkpoints = new CheckpointStore(ctx.storage.sql);
    this.#trace = new TraceExport(this.#store, new TraceStore(ctx.storage.sql), env);
  }

  /**
   * Stores an entry, in one transaction: a crash leaves all of it or none. An opening answers whether the session may go
   * on; a session that is found live then has lost its object, and ends as interrupted.
   */
  async write({ opening, batch, ending, checkpoint }: RecorderEntry): Promise<OpeningVerdict> {
    const kept = opening === null ? null : await this.#keptBefore(opening);
    if (kept !== null) return { kind: 'kept', kept };
    const segments = await Promise.all((batch?.segments ?? []).map((each) => this.#packer.pack(each)));
    const verdict = this.#transaction((): OpeningVerdict => {
      const opened = opening === null ? OPENED : this.#store.open(opening, Date.now());
      if (opened.kind === 'ended') return opened;
      if (batch !== null) this.#store.append(segments, batch);
      if (checkpoint !== null) this.#checkpoints.put(checkpoint);
      if (ending !== null) {
        this.#store.finish(ending);
        this.#checkpoints.clear();
      }
      return opened;
    });
    if (opening !== null || checkpoint !== null) await this.#watch(checkpoint?.resting === true);
    if (ending !== null) await this.ctx.storage.sync();
    if (ending !== null && this.#trace.wanted) await this.ctx.storage.setAlarm(Date.now());
    if (opening !== null || ending !== null) void this.#deliver();
    return verdict;
  }

  /** What is kept of the session, for an object that is new; null: there is nothing to go on with. */
  async recall(): Promise<Kept | null> {
    const view = this.#store.view();
    const stored = this.#checkpoints.get();
    return view === null || view.ending !== null || stored === null
      ? null
      : keptFrom(this.#store, stored.checkpoint, this.env);
  }

  /** The same for a client that opens the session again by its name. The same opening again is no other one. */
  async #keptBefore({ startedAt }: Opening): Promise<Kept | null> {
    const isSame = this.#store.view()?.opening.startedAt === startedAt;
    const kept = isSame ? null : await this.recall();
    return kept === null || kept.checkpoint.graceMs === 0 ? null : kept;
  }

  /** Null when the log does not have them as they were. */
  async upstreamFrames(wanted: WantedFrames): ReturnType<typeof upstreamFrames> {
    return upstreamFrames(this.#store, wanted, LIMITS.resumeBytes);
  }

  /** Nothing can go on with what is kept of the session. */
  giveUp(): void {
    this.#store.interrupt(Date.now());
    this.#checkpoints.clear();
    void this.#deliver();
  }

  /** The session as it is known now; null when there is none of this id. */
  async describe(): Promise<SessionView | null> {
    await this.#catchUp();
    return this.#store.view();
  }

  /** The session as lists show it. */
  async summarize(): Promise<SessionSummary | null> {
    await this.#catchUp();
    const id = this.#store.view()?.opening.address.id;
    return id === undefined ? null : this.#store.summary(id);
  }

  /** Null when there is no session of this id, or no more. */
  async records(kinds: readonly LogRecord['kind'][], after: number, limit: number) {
    await this.#catchUp();
    return this.#store.exists() ? this.#store.records(kinds, after, limit) : null;
  }

  /** Notes what people say of the session, and tells the directory. False when there is no session of this id. */
  async annotate(changes: Partial<Annotations>): Promise<boolean> {
    await this.#catchUp();
    if (!this.#store.annotate(changes)) return false;
    // A crash before the directory was told leaves the alarm to tell it. A live session's is due anyway.
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.heartbeatMs);
    await this.#deliver();
    return true;
  }

  /** Tells the directory what it does not know yet, so that its sums have all of a session that is about to be deleted. */
  async tellDirectory(): Promise<void> {
    await this.#deliver();
  }

  /** Deletes everything, for good: a row DELETE would leave the bytes on disk (measured 2026-10-23). */
  async erase(): Promise<boolean> {
    if (!this.#store.exists()) return false;
    await this.ctx.storage.deleteAlarm();
    const deleted = this.ctx.storage.deleteAll();
    this.#store.wiped();
    await deleted;
    this.#delivered = 0;
    this.#changes.announce();
    return true;
  }

  /** Deletes everything of a session that ended before. True when there is no record here any more. */
  async eraseEndedBefore(time: number): Promise<boolean> {
    await this.#catchUp();
    const view = this.#store.view();
    if (view === null) return true;
    if (view.ending === null || view.ending.at >= time) return false;
    await this.#deliver();
    return this.erase();
  }

  /** A view of the record. */
  override async fetch(request: Request): Promise<Response> {
    if (isRedrive(request)) return redrive(request, this.ctx, this.env);
    await this.#catchUp();
    return viewResponse(request, { store: this.#store, env: this.env, changes: this.#changes });
  }

  /** Also what keeps a session without clients in memory: only an event does (measured 2026-10-23). */
  override async alarm(): Promise<void> {
    const view = this.#store.view();
    if (view === null) return;
    if (view.ending === null && !(await this.#session().heartbeat())) await this.#lost(Date.now());
    await this.#deliver();
    const traceDue = await this.#trace.run(Date.now());
    const current = this.#store.view();
    if (current === null) return;
    const isTold = current.ending !== null && this.#store.undelivered(current.opening.address.id) === null;
    const toTell = isTold ? null : Date.now() + LIMITS.heartbeatMs;
    const look = current.ending === null ? lookAt(this.#checkpoints.get(), Date.now()) : toTell;
    const due = [look, traceDue].filter((at) => at !== null);
    if (due.length > 0) await this.ctx.storage.setAlarm(Math.min(...due));
  }

  /** The session's object is gone. Within the grace time a client may come back to what is kept of it. */
  async #lost(now: number): Promise<void> {
    const stored = this.#checkpoints.get();
    const until = (stored?.lostAt ?? now) + (stored?.checkpoint.graceMs ?? 0);
    const rested = stored !== null && isAtRest(stored.checkpoint, this.#store.lastNumbers().seq);
    if (now < until) {
      this.#checkpoints.lost(now);
      if (!rested) this.#store.loseUsage();
      return;
    }
    const last = stored === null || rested ? null : await lastWords(this.#store, stored.checkpoint, this.env);
    if (last !== null && (await this.#session().heartbeat())) return; // Somebody came back meanwhile.
    this.#store.interrupt(now, rested ? 'grace_over' : 'interrupted', last);
    this.#checkpoints.clear();
  }

  /** Sees to it that the session is looked after in time. What is due sooner stays so, but for one that is at rest now. */
  async #watch(rests: boolean): Promise<void> {
    const due = await this.ctx.storage.getAlarm();
    const at = lookAt(this.#checkpoints.get(), Date.now(), due === null ? Math.random() : 0);
    if (rests || due === null || at < due) await this.ctx.storage.setAlarm(at);
  }

  /** Before a read: what a live session has in memory comes first, its beginning too; one that is gone is told apart. */
  async #catchUp(): Promise<void> {
    const view = this.#store.view();
    if (view !== null && view.ending !== null) return;
    const alive = await this.#session().settle();
    if (alive || view === null) return;
    await this.#lost(Date.now());
    void this.#deliver();
  }

  #transaction<T>(work: () => T): T {
    try {
      return this.ctx.storage.transactionSync(work);
    } catch (error) {
      // Tables that were made in it are gone again.
      this.#store.forget();
      throw error;
    } finally {
      this.#changes.announce();
    }
  }

  /** A session's two objects have one name; objects are only ever made by name here. */
  #session() {
    return this.env.SESSION.getByName(this.ctx.id.name ?? '');
  }

  /** Tells the directory what it does not know yet; what fails now is tried again by the alarm. */
  async #deliver(): Promise<void> {
    const address = this.#store.view()?.opening.address;
    if (address === undefined) return;
    const summary = this.#store.undelivered(address.id);
    if (summary === null || summary.revision <= this.#delivered) return;
    try {
      await this.env.DIRECTORY.getByName(directoryObjectName(address.account, address.gateway)).put(summary);
      this.#delivered = summary.revision;
      // Telling it twice is harmless, so only the last word is worth a write.
      if (summary.status === 'ended') this.#store.delivered(summary.revision);
    } catch (error) {
      logLine('warn', 'directory_unreachable', { session: address.id, detail: String(error) });
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.heartbeatMs);
    }
  }
}
