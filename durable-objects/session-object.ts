/**
 * The session: holds the client sockets and the one upstream socket, and writes nothing to its own storage. This class
 * only turns platform callbacks into events of `session/session.ts`, and its effects into platform calls.
 */
import { DurableObject } from 'cloudflare:workers';
import { CLOSE } from '../protocol/close-codes.ts';
import { chooseSubprotocol, type ConnectPlan, readPlan, sessionObjectName } from '../protocol/connect.ts';
import type { Ending, Kept } from '../protocol/recording.ts';
import { jwtOf } from '../protocol/token-form.ts';
import { LIMITS } from '../session/limits.ts';
import type { Snapshot } from '../session/snapshot.ts';
import type { DeadlineName, Wire } from '../session/wire.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { admit, fromLog, type FromLog, mayBegin, mayNotOpen, roleWanted } from './admission.ts';
import { attachmentOf, type Key, keyOf } from './attachment.ts';
import { answerClose, ClientSockets } from './client-sockets.ts';
import type { Env } from './environment.ts';
import { answerHeaders, openFirst } from './first-dial.ts';
import { mayKeep } from './kept-session.ts';
import { beginLife, type Life } from './life.ts';
import { logLine } from './log-line.ts';
import { holdInput, pause } from './input-hold.ts';
import { fetcherOf } from './opening.ts';
import { openSessions } from './open-sessions.ts';
import { goOn, recall } from './recall.ts';
import { isSameSecret } from './same-secret.ts';
import { Timers } from './timers.ts';

export class SessionObject extends DurableObject<Env> {
  readonly #clients: ClientSockets;
  readonly #timers = new Timers<DeadlineName>((name) => this.#life?.session.deadline(name, Date.now()));
  #life: Life | null = null;
  /** Serialises the opening: input gates do not hold across a `fetch` (measured 2026-10-23: 3 joins, 3 upstreams). */
  #opening: Promise<Life | Response> | null = null;
  #ended: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#clients = new ClientSockets(ctx);
    // Sockets that outlived their object: the session goes on with them, from what is kept of it.
    const sockets = ctx.getWebSockets();
    if (sockets.length > 0) void ctx.blockConcurrencyWhile(() => this.#recall(sockets));
  }

  // --- called by the edge and by the recorder --------------------------------------------------------------------

  /** One client's upgrade; see `planRequest`. Answers 101, or a refusal. */
  override async fetch(request: Request): Promise<Response> {
    const plan = readPlan(request);
    await this.#ended;
    if (this.#opening === null) {
      const refused = await mayNotOpen(plan, this.env);
      if (refused !== null) return refused;
    }
    this.#opening ??= this.#open(plan);
    const life = await this.#opening;
    if (life instanceof Response) return life.clone();
    if (life.failure !== null) return life.failure.response();
    return this.#attach(life, plan, await fromLog(life.session, life.link, plan, this.env));
  }

  /** Ends the session; returns when the record is stored. False when it is not live. */
  async end(code: 'ended_by_request' | 'deleted' | 'restarting'): Promise<boolean> {
    const life = this.#life;
    if (life === null) return false;
    const isKept = code === 'restarting' && mayKeep(life.plan) && life.session.suspend(Date.now());
    if (isKept && (await life.link.keep())) return true;
    life.session.endFor(code, Date.now());
    await this.#ended;
    return true;
  }

  /** Stores what is in memory, so that a read is up to date. False when no session lives here. */
  async settle(): Promise<boolean> {
    const life = this.#life;
    if (life === null) return false;
    await (this.#ended ?? life.link.settle(LIMITS.settleMs));
    return true;
  }

  /** Whether the session lives. Being asked is what keeps an object without clients from being evicted. */
  heartbeat(): boolean {
    const session = this.#life?.session;
    // At rest it has no timer that would end it.
    if (session !== undefined && Date.now() >= session.lives.endsAt) session.deadline('longest', Date.now());
    return this.#life !== null;
  }

  // --- platform callbacks ------------------------------------------------------------------------------------------

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const client = this.#clients.clientOf(socket);
    if (client !== null) this.#life?.session.clientFrame(client, message, Date.now());
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    answerClose(socket, code, reason);
    const client = this.#clients.clientOf(socket);
    if (client === null) return;
    this.#clients.gone(client);
    this.#life?.session.leave(client, code, reason, Date.now());
  }

  override webSocketError(socket: WebSocket, error: unknown): void {
    // The runtime has closed with 1009 already when a message was over 32 MiB (measured 2026-10-23).
    const tooBig = String(error).includes('too large');
    const client = this.#clients.clientOf(socket);
    if (client === null) return;
    this.#clients.broke(client);
    this.#life?.session.leave(client, tooBig ? CLOSE.tooBig : CLOSE.abnormal, '', Date.now());
  }

  // --- opening -----------------------------------------------------------------------------------------------------

  async #open(plan: ConnectPlan): Promise<Life | Response> {
    const life = this.#newLife(plan);
    const found = await mayBegin(life, this.env, (problem) => this.#report(plan, problem));
    if (found !== null) {
      const kept = found instanceof Response ? found : this.#goOn(found, (provider) => keyOf(plan, provider));
      if (kept instanceof Response) this.#opening = null;
      return kept;
    }
    this.#begin(life);
    return openFirst(life, (next, before) => this.#begin(this.#newLife(next, null, before)));
  }

  #newLife(plan: ConnectPlan, from: Snapshot | null = null, before: Life | null = null): Life {
    const report = (problem: string) => this.#report(plan, problem);
    const fetcher = (adapter: ProviderAdapter) => fetcherOf(this.ctx, plan, adapter);
    return beginLife(plan, this.env, { wire: this.#wire(report), fetcher, report }, from, before);
  }

  #begin(life: Life): Life {
    this.#life = life;
    openSessions.add(sessionObjectName(life.plan.session));
    return life;
  }

  /** Goes on with a session whose object is gone. */
  #goOn(kept: Kept, keyFor: (provider: string) => Key | null): Life | Response {
    const life = goOn(kept, keyFor, this.env, (plan, from) => this.#newLife(plan, from));
    if (life instanceof Response) return life;
    this.#begin(life);
    // Whether it woke and relayed before a crash, in the second before that would be stored, nobody can tell.
    if (!kept.clean || !kept.checkpoint.final) life.session.lives.recover(kept.lastSeq, Date.now());
    return life;
  }

  async #recall(sockets: readonly WebSocket[]): Promise<void> {
    const recorder = this.env.RECORDER.getByName(this.ctx.id.name ?? '');
    const recalled = await recall(sockets, recorder, this.env, (plan, from) => this.#newLife(plan, from));
    if (recalled === null) return;
    const { life, kept, clients } = recalled;
    this.#begin(life);
    this.#opening = Promise.resolve(life);
    const { session, adapter, plan } = life;
    for (const { socket, about } of clients) {
      this.#clients.again(about.client, socket);
      const translation = adapter.translation?.(about.signals, plan.request) ?? null;
      session.rejoin(about.client, about.role, translation, Date.now(), about);
    }
    if (!kept.clean) session.lives.recover(kept.lastSeq, Date.now());
  }

  /** Takes a client in. The upstream's frames flow from here on: nothing is awaited, so the first one is not lost. */
  #attach(life: Life, plan: ConnectPlan, logged: FromLog | null): Response {
    const { session } = life;
    const translation = life.adapter.translation?.(plan.signals, life.plan.request) ?? null;
    const owed = admit(session, plan, life.plan, translation !== null, logged);
    if (owed instanceof Response) return owed;
    const about = { user_agent: plan.userAgent, ...(plan.after === null ? {} : { after: plan.after }) };
    const as = { name: plan.client, control: plan.control, highest: plan.highestRole };
    const client = session.join(roleWanted(plan), translation, about, Date.now(), as);
    const socket = this.#clients.accept(attachmentOf(client.number, client.role, plan, life.plan.provider));
    const received = session.lives.welcome(client, plan.session.id, owed, plan.history);
    life.upstreams.start();
    life.link.openSoon();
    const headers = answerHeaders(life, received);
    const subprotocol = chooseSubprotocol(plan.offer, life.upstreams.subprotocol);
    if (subprotocol !== null) headers.set('Sec-WebSocket-Protocol', subprotocol);
    return new Response(null, { status: 101, webSocket: socket, headers });
  }

  // --- effects -----------------------------------------------------------------------------------------------------

  #wire(report: Wire['report']): Wire {
    return {
      toUpstream: (payload) => this.#life?.upstreams.send(payload) ?? false,
      toSuccessor: (payload) => this.#life?.upstreams.sendToSuccessor(payload) ?? false,
      dial: (delayMs) => this.#life?.upstreams.dial(delayMs),
      promoteSuccessor: (farewell) => this.#life?.upstreams.promote(farewell),
      dropSuccessor: () => this.#life?.upstreams.dropSuccessor(),
      random: () => Math.random(),
      resting: () => void this.#sleep(),
      toClient: (client, payload) => this.#clients.send(client, payload),
      unsentTo: (client) => this.#clients.unsent(client),
      unsentToUpstream: () => this.#life?.upstreams.unsent ?? 0,
      holdInput: (ms) => holdInput(this.ctx, ms, () => this.#life?.session.inputReleased(Date.now())),
      lastPing: (client) => this.#clients.lastPing(client),
      closeUpstream: (frame) => this.#life?.upstreams.close(frame),
      roleChanged: (client, role) => this.#clients.assign(client, role),
      closeClient: (client, frame) => this.#clients.close(client, frame),
      setDeadline: (name, at) => this.#timers.set(name, at),
      recorded: () => this.#life?.link.poke(),
      ended: (ending) => {
        this.#ended = this.#conclude(ending);
      },
      isGatewayToken: (text) => jwtOf(text) !== null || isSameSecret(text, this.env['PARLEY_ADMIN_TOKEN']),
      report,
    };
  }

  /** At rest nothing here is needed: with what is kept stored, and no timer left, the runtime may let go of the object. */
  async #sleep(): Promise<void> {
    const life = this.#life;
    if (life === null || !mayKeep(life.plan)) return;
    if (!(await life.link.keep()) || life.session.phase !== 'resting') return;
    this.#timers.set('longest', null);
    life.admission?.rest();
  }

  /** Stores the rest; after it a new life may begin here. */
  async #conclude(ending: Ending): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    await life.link.finish(ending);
    openSessions.delete(sessionObjectName(life.plan.session));
    this.#life = null;
    this.#opening = null;
    this.#ended = null;
    if (this.#clients.linger) void this.#release();
  }

  /**
   * Lets the object go. A socket that we closed stays open until the object has been idle for 10 s, and its client waits
   * as long (measured 2026-10-23); without the object it ends at once. By now every Close frame is out.
   */
  async #release(): Promise<void> {
    await this.#clients.allGone(LIMITS.closeWaitMs);
    await pause(LIMITS.releaseMs);
    if (this.#life === null && this.#opening === null) this.ctx.abort('session over');
  }

  #report(plan: ConnectPlan, problem: string): void {
    logLine('warn', 'session_problem', { session: plan.session.id, provider: plan.provider, problem });
  }
}
