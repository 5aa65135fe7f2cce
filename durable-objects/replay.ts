/**
 * A recorded session, played again: as server-sent events, or as a WebSocket that is the provider's side of it. It runs in
 * the recorder, where the log is: what it holds is one segment, and what its reader has not taken.
 */
import { publicError } from '../protocol/errors.ts';
import { refuse } from '../protocol/refusal.ts';
import { replayOptions, type ReplayQuery } from '../protocol/replay.ts';
import { providerFor, wireOf } from '../providers/registry.ts';
import type { Range } from '../replay/play.ts';
import { LIMITS } from '../session/limits.ts';
import { EVERYTHING, type LoggedEvent, readEvents } from '../storage/events.ts';
import { LogPlace } from '../storage/frame-log.ts';
import { recordedFrames } from '../storage/recorded-frames.ts';
import type { SessionStore, SessionView } from '../storage/session-store.ts';
import { openReplaySocket } from './replay-socket.ts';
import { replayStream } from './replay-stream.ts';
import { logAccess } from './give-way.ts';
import type { Reading } from './reading.ts';

/** What the edge tells beside the query that it checked. */
const PROVIDER_HEADER = 'parley-replay-provider';
const CONTROL_HEADER = 'parley-replay-control';

/** Headers that ask for a WebSocket. `provider`: the one whose URL the client dialled; null: it dialled the session's own. */
export function asSocket(provider: string | null, control: boolean): Headers {
  const headers = new Headers({ upgrade: 'websocket' });
  if (provider !== null) headers.set(PROVIDER_HEADER, provider);
  if (control) headers.set(CONTROL_HEADER, '1');
  return headers;
}

/** Headers that ask for events, after the one of this number; null: all. */
export function asStream(lastEventId: string | null): Headers {
  return new Headers(lastEventId === null ? {} : { 'last-event-id': lastEventId });
}

/** How many run, by the log that they read. */
const running = new WeakMap<SessionStore, number>();

export function replayResponse({ request, query, store, env, changes }: Reading): Response {
  const view = store.view();
  if (view === null) return refuse(publicError('session_not_found'));
  const options = replayOptions(query);
  const lastEventId = Number(request.headers.get('last-event-id') ?? 0);
  // A browser comes back for more until it is told that there is none.
  if (request.headers.has('last-event-id') && view.ending !== null && lastEventId >= view.lastSeq)
    return new Response(null, { status: 204 });
  const isSocket = request.headers.get('upgrade') === 'websocket';
  const error = isSocket ? whyNot(view, request.headers.get(PROVIDER_HEADER), env) : null;
  if (error !== null) return refuse(error);
  const count = running.get(store) ?? 0;
  if (count >= LIMITS.replaysAtOnce)
    return refuse(publicError('too_many_replays', { limit: String(LIMITS.replaysAtOnce) }));
  running.set(store, count + 1);
  const release = (): void => void running.set(store, (running.get(store) ?? 1) - 1);
  const range = rangeOf(options, view);
  const after = Math.max(seqBefore(store, range.from), lastEventId);
  if (!isSocket) {
    const events = moments(readEvents(store, new LogPlace(after), EVERYTHING, logAccess()));
    return replayStream(events, range, { store, changes }, release);
  }
  const control = request.headers.has(CONTROL_HEADER);
  const adapter = providerFor(view.opening.provider, env);
  const socket = openReplaySocket(
    recordedFrames(store, after, logAccess()),
    range,
    { options, control, adapter, record: { store, changes }, opening: view.opening },
    release,
  );
  const gaps = store.records(['gap'], 0, LIMITS.recordsBacklog).length;
  return new Response(null, {
    status: 101,
    webSocket: socket,
    headers: { 'parley-session-id': view.opening.address.id, 'parley-replay-gaps': String(gaps) },
  });
}

/** An event of the log, with its time as a number. */
export interface LoggedMoment {
  readonly at: number | null;
  readonly event: LoggedEvent;
}

async function* moments(events: AsyncGenerator<LoggedEvent>): AsyncGenerator<LoggedMoment> {
  for await (const event of events) yield { event, at: 'at' in event ? Date.parse(event.at) : null };
}

/** Why no client can be given the provider's frames; null: they can. */
function whyNot(view: SessionView, asked: string | null, env: Reading['env']) {
  const { opening } = view;
  if (asked !== null && wireOf(asked, env) !== wireOf(opening.provider, env))
    return publicError('session_other_provider', { provider: opening.provider });
  if (opening.log !== 'full')
    return notReplayable(`its log mode was ${opening.log}, so no payloads are kept`);
  if (view.lastSeq === 0) return notReplayable('no frame of it is in the log');
  return null;
}

function notReplayable(why: string) {
  return publicError('not_replayable', { what: 'replayed', why });
}

function rangeOf({ speed, from, to }: ReplayQuery, { opening }: SessionView): Range {
  return {
    speed,
    from: from === undefined ? null : opening.startedAt + from,
    to: to === undefined ? null : opening.startedAt + to,
  };
}

/** A frame before which nothing is from `at` on: of segments, the last that begins before it, found by bisection. */
function seqBefore(store: SessionStore, at: number | null): number {
  if (at === null) return 0;
  let low = 1;
  let high = store.lastNumbers().segment + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const segment = store.segment(middle);
    if (segment !== null && segment.firstAt < at) low = middle + 1;
    else high = middle;
  }
  return (store.segment(low - 1)?.firstSeq ?? 1) - 1;
}
