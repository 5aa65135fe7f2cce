/**
 * The client's side of a recorded session, sent again in a new one. It runs in the recorder of the new session, whose
 * batches keep that object awake, and is a client of it like any other: it comes in by the edge.
 */
import { CLOSE } from '../protocol/close-codes.ts';
import {
  type ConnectRequest,
  type Payload,
  type SessionAddress,
  sessionObjectName,
} from '../protocol/connect.ts';
import { publicError } from '../protocol/errors.ts';
import { refuse } from '../protocol/refusal.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { providerFor } from '../providers/registry.ts';
import { asDialled } from '../replay/as-dialled.ts';
import { audioTest } from '../replay/audio-test.ts';
import { type Rename, renamed } from '../replay/made-ids.ts';
import { play, type Stage } from '../replay/play.ts';
import { Run, standing } from '../replay/run.ts';
import { LIMITS } from '../session/limits.ts';
import type { LoggedEvent } from '../storage/events.ts';
import type { Env } from './environment.ts';
import { type LogPage, readPage } from './log-page.ts';
import { payloadOf } from './logged-payload.ts';
import { logLine } from './log-line.ts';
import { PlayedSocket } from './played-socket.ts';
import type { LoggedMoment } from './replay.ts';

const URL_OF_REDRIVE = 'https://recorder.parley.internal/redrive';

export interface RedriveOrder {
  readonly source: SessionAddress;
  /** The upgrade by which the new session is opened at the edge; its headers carry the caller's token. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly provider: string;
  /** How the recorded session was dialled, and how the new one is. */
  readonly recorded: Pick<ConnectRequest, 'path' | 'query'>;
  readonly now: Pick<ConnectRequest, 'path' | 'query'>;
  /** What the model was called in the record, and is now; null: the same. */
  readonly model: Rename | null;
  readonly mode: 'paced' | 'lockstep';
  readonly speed: number;
  /** How long an answer is waited for. */
  readonly waitMs: number;
  readonly maxMs: number;
}

export function redriveRequest(order: RedriveOrder): Request {
  return new Request(URL_OF_REDRIVE, { method: 'POST', body: JSON.stringify(order) });
}

export function isRedrive(request: Request): boolean {
  return request.url === URL_OF_REDRIVE;
}

/** 202 when the new session is open; else its refusal, as any client would get it. */
export async function redrive(request: Request, ctx: DurableObjectState, env: Env): Promise<Response> {
  // Only redriveRequest() writes it.
  const order = await request.json<RedriveOrder>();
  const adapter = providerFor(order.provider, env);
  const source = env.RECORDER.getByName(sessionObjectName(order.source));
  const first = await readPage(source, 0);
  if (first === null || adapter === undefined) return refuse(publicError('session_not_found'));
  const why = whyNot(first);
  if (why !== null) return refuse(publicError('not_replayable', { what: 're-driven', why }));
  const response = await edgeOf(ctx).fetch(new Request(order.url, { headers: order.headers }));
  const { webSocket } = response;
  if (webSocket === null) return response;
  ctx.waitUntil(drive(moments(first, source), order, new Driver(webSocket, order, adapter)));
  return new Response(null, { status: 202 });
}

/** What the first frames show, before anything is dialled: every client begins with those that matter here. */
function whyNot({ events }: LogPage): string | null {
  return events.some(isTranslated) ? `its client ${TRANSLATED}` : null;
}

const TRANSLATED = 'spoke a retired dialect, or sent a key that is not stored';

function isTranslated(event: LoggedEvent): boolean {
  return event.kind === 'frame' && event.direction === 'up' && event.translated === true;
}

function edgeOf(ctx: DurableObjectState): Fetcher {
  // The compiler does not know this Worker's own exports; worker/index.ts exports the edge as its default.
  return (ctx.exports as unknown as { readonly default: Fetcher }).default;
}

async function* moments(first: LogPage, source: Fetcher): AsyncGenerator<LoggedMoment> {
  let page: LogPage | null = first;
  while (page !== null) {
    for (const event of page.events) yield { event, at: 'at' in event ? Date.parse(event.at) : null };
    page = page.next === null ? null : await readPage(source, page.next);
  }
}

async function drive(
  events: AsyncIterable<LoggedMoment>,
  order: RedriveOrder,
  driver: Driver,
): Promise<void> {
  const last = setTimeout(() => driver.close('max_seconds'), order.maxMs);
  try {
    const pace = await play(events, { speed: order.speed, from: null, to: null }, driver);
    if (pace === null) return;
    if (order.mode === 'paced' && driver.lastAt !== null)
      await driver.until(pace.due(driver.lastAt, driver.now()));
    await driver.answered();
    driver.close('the record is over');
  } catch (error) {
    logLine('warn', 'redrive_failed', { session: order.source.id, detail: String(error) });
    driver.close('failed');
  } finally {
    clearTimeout(last);
  }
}

class Driver implements Stage<LoggedMoment> {
  readonly #socket: PlayedSocket;
  readonly #order: RedriveOrder;
  readonly #recorded: Run;
  readonly #live: Run;
  readonly #isAudio: (payload: Payload) => boolean;
  /** How many answers had begun when audio had waited in vain for another; it goes on until one does. */
  #unansweredAt: number | null = null;
  /** Of the newest event, as recorded. */
  lastAt: number | null = null;

  constructor(socket: WebSocket, order: RedriveOrder, adapter: ProviderAdapter) {
    this.#order = order;
    this.#recorded = new Run(adapter, asDialled(order.recorded), LIMITS.redriveIds);
    this.#live = new Run(adapter, asDialled(order.now), LIMITS.redriveIds);
    this.#isAudio = audioTest(adapter, asDialled(order.recorded));
    this.#socket = new PlayedSocket(socket, (payload) => this.#live.came(payload));
  }

  get isOver(): boolean {
    return this.#socket.isOver;
  }

  now(): number {
    return Date.now();
  }

  until(at: number): Promise<void> {
    return this.#socket.until(at);
  }

  partOf({ event, at }: LoggedMoment): 'play' | 'meet' | 'skip' {
    this.lastAt = at ?? this.lastAt;
    if (event.kind !== 'frame') this.close('the record is damaged');
    if (isTranslated(event)) this.close(`a client ${TRANSLATED}`);
    const payload = payloadOf(event);
    if (event.kind !== 'frame' || payload === null) return 'skip';
    if (event.direction === 'down') {
      this.#recorded.came(payload);
      return 'skip';
    }
    // Without a client it is a frame of Parley's own.
    if (event.client === null) return 'skip';
    return this.#order.mode === 'lockstep' && this.#mustWait(payload) ? 'meet' : 'play';
  }

  async play({ event }: LoggedMoment): Promise<void> {
    const recorded = payloadOf(event);
    if (recorded === null) return;
    const payload = this.#renamed(recorded);
    this.#recorded.sent(recorded);
    this.#live.sent(payload);
    await this.#socket.play(payload);
  }

  async meet(moment: LoggedMoment): Promise<void> {
    const payload = payloadOf(moment.event);
    if (payload === null) return;
    const isAudio = this.#isAudio(payload);
    const patience = this.now() + LIMITS.redrivePatienceMs;
    await this.#wait(() => {
      if (isAudio && this.now() >= patience) this.#unansweredAt = this.#live.started;
      return this.#mustWait(payload);
    });
    await this.play(moment);
  }

  /** Resolves when the provider owes nothing more. */
  answered(): Promise<void> {
    const { mode } = this.#order;
    return this.#wait(
      () => this.#live.owes || (mode === 'lockstep' && standing(this.#live, this.#recorded) !== 'even'),
    );
  }

  close(why: string): void {
    this.#socket.close({ code: CLOSE.normal, reason: `redrive: ${why}` });
  }

  async #wait(isOpen: () => boolean): Promise<void> {
    const deadline = Date.now() + this.#order.waitMs;
    while (isOpen() && !this.isOver) {
      const left = deadline - Date.now();
      if (left <= 0) {
        this.#live.giveUpOn(this.#recorded);
        return;
      }
      await this.#socket.stirred(Math.min(left, LIMITS.redrivePatienceMs));
    }
  }

  #mustWait(payload: Payload): boolean {
    switch (standing(this.#live, this.#recorded)) {
      case 'even':
        return false;
      case 'busy':
        return true;
      case 'unanswered':
        return this.#unansweredAt !== this.#live.started || !this.#isAudio(payload);
    }
  }

  #renamed(payload: Payload): Payload {
    if (typeof payload !== 'string' || this.#isAudio(payload)) return payload;
    const ids = new Map(this.#recorded.ids.pairs(this.#live.ids));
    return renamed(payload, ids, this.#order.model);
  }
}
