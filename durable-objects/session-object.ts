/**
 * The session: holds the client sockets and the one upstream socket, and writes nothing to its own storage. This class
 * only turns platform callbacks into events of `session/session.ts`, and its effects into platform calls.
 */
import { DurableObject } from 'cloudflare:workers';
import { CLOSE } from '../protocol/close-codes.ts';
import { chooseSubprotocol, type ConnectPlan, readPlan, sessionObjectName } from '../protocol/connect.ts';
import type { Ending } from '../protocol/recording.ts';
import { jwtOf } from '../protocol/token-form.ts';
import { closeFor } from '../session/causes.ts';
import { LIMITS } from '../session/limits.ts';
import type { DeadlineName, Wire } from '../session/wire.ts';
import { admit, nameRefused, mayNotOpen } from './admission.ts';
import { answerClose, ClientSockets } from './client-sockets.ts';
import type { Env } from './environment.ts';
import { beginLife, type Life } from './life.ts';
import { logLine } from './log-line.ts';
import { fetcherOf } from './opening.ts';
import { openSessions } from './open-sessions.ts';
import { Timers } from './timers.ts';

/** How long a read waits for what is still in memory. */
const SETTLE_MS = 2000;

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
    // Sockets that outlived their object: their upstream died with it, and so did the session.
    const { code, reason } = closeFor('interrupted');
    for (const socket of ctx.getWebSockets()) answerClose(socket, code, reason);
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
    return this.#attach(life, plan);
  }

  /** Ends the session; returns when the record is stored. False when it is not live. */
  async end(code: 'ended_by_request' | 'deleted' | 'restarting'): Promise<boolean> {
    const life = this.#life;
    if (life === null) return false;
    life.session.endFor(code, Date.now());
    await this.#ended;
    return true;
  }

  /** Stores what is in memory, so that a read is up to date. False when no session lives here. */
  async settle(): Promise<boolean> {
    const life = this.#life;
    if (life === null) return false;
    if (this.#ended !== null) await this.#ended;
    else await life.link.settle(SETTLE_MS);
    return true;
  }

  /** Whether the session lives. Being asked is what keeps an object without clients from being evicted. */
  heartbeat(): boolean {
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
    const report = (problem: string) => this.#report(plan, problem);
    const life = beginLife(plan, this.env, {
      wire: this.#wire(report),
      fetcher: (adapter) => fetcherOf(this.ctx, plan, adapter),
      report,
    });
    if (plan.named) {
      const refused = await nameRefused(life.link, report);
      if (refused !== null) {
        this.#opening = null;
        return refused;
      }
    }
    this.#life = life;
    openSessions.add(sessionObjectName(plan.session));
    life.failure = await life.upstreams.open();
    return life;
  }

  /** Takes a client in. The upstream's frames flow from here on: nothing is awaited, so the first one is not lost. */
  #attach(life: Life, plan: ConnectPlan): Response {
    const { session } = life;
    const translation = life.adapter.translation?.(plan.signals, life.plan.request) ?? null;
    const { provider, model } = life.plan;
    const owed = admit(session, plan, { provider, model, isTranslated: translation !== null });
    if (owed instanceof Response) return owed;
    const about = { user_agent: plan.userAgent, ...(plan.after === null ? {} : { after: plan.after }) };
    const client = session.join(plan.role, translation, about, Date.now());
    const socket = this.#clients.accept(client.number);
    if (plan.after === null) session.greet(client.number);
    for (const payload of owed) this.#clients.send(client.number, payload);
    life.upstreams.start();
    life.link.openSoon();
    const headers = new Headers({ 'parley-received': String(session.received) });
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
      resting: () => undefined,
      toClient: (client, payload) => this.#clients.send(client, payload),
      unsentTo: (client) => this.#clients.unsent(client),
      unsentToUpstream: () => this.#life?.upstreams.unsent ?? 0,
      holdInput: (ms) => this.#holdInput(ms),
      lastPing: (client) => this.#clients.lastPing(client),
      closeUpstream: (frame) => this.#life?.upstreams.close(frame),
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

  /**
   * While a callback of `blockConcurrencyWhile` runs, the runtime delivers nothing else to this object: it stops reading
   * from its sockets, and TCP makes their senders wait. The timer is due within that time, so it is queued among what
   * waits: calls that came before it get through, a flood of frames does not (measured 2026-11-25, workerd 1.20261117.1).
   */
  #holdInput(ms: number): void {
    void this.ctx.blockConcurrencyWhile(() => pause(ms));
    setTimeout(() => this.#life?.session.inputReleased(Date.now()), ms / 2);
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

/** Tells no more than the length by the time it takes. */
function isSameSecret(given: string, wanted: unknown): boolean {
  if (typeof wanted !== 'string') return false;
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(given), encoder.encode(wanted)];
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
