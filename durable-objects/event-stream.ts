/** The frame log as an HTTP answer: a JSON page, one line of JSON for each event, or server-sent events. */
import { LIMIT_REACHED } from '../protocol/event-shape.ts';
import { isKnown } from '../protocol/entity-tag.ts';
import { providerFor } from '../providers/registry.ts';
import { LIMITS } from '../session/limits.ts';
import { type EventQuery, lastOf, type LoggedEvent, readEvents } from '../storage/events.ts';
import { LogPlace, readLog } from '../storage/frame-log.ts';
import type { SessionStore, SessionView } from '../storage/session-store.ts';
import { followed } from './event-follow.ts';
import { heardBefore, keepHeard } from './heard-places.ts';
import { type Heard, LoggedSound } from './logged-sound.ts';
import { begun } from './text-stream.ts';
import { logAccess } from './give-way.ts';
import type { Reading } from './reading.ts';
import { cacheHeaders, recordTag } from './record-tag.ts';

const MEDIA = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  sse: 'text/event-stream; charset=utf-8',
} as const;

/**
 * The query was written by the edge, which checked it: `form` (a name of MEDIA), after, before, direction, type, client,
 * limit, payload, fold. Headers: `if-none-match`, `last-event-id`.
 */
export async function eventsResponse(reading: Reading): Promise<Response> {
  const { store, query, request } = reading;
  const view = store.view();
  if (view === null) return new Response(null, { status: 404 });
  const form = formOf(query.get('form'));
  // A browser comes back for more until it is told that there is none.
  const lastEventId = request.headers.get('last-event-id');
  if (lastEventId === LIMIT_REACHED) return new Response(null, { status: 204 });
  const place = new LogPlace(Math.max(Number(query.get('after') ?? 0), Number(lastEventId ?? 0)));
  const before = query.get('before');
  const last = before === null ? Infinity : Number(before) - 1;
  if (form === 'sse' && lastEventId !== null)
    if (place.seq >= Math.min(last, view.ending === null ? Infinity : view.lastSeq))
      return new Response(null, { status: 204 });
  const etag = recordTag(view, form);
  const headers = { 'content-type': MEDIA[form], vary: 'accept', ...cacheHeaders(etag) };
  if (isKnown(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers });
  if (request.method === 'HEAD') return new Response(null, { headers });
  const limit = query.get('limit') === null ? null : Number(query.get('limit'));
  return new Response(await begun(written(form, reading, place, view, limit)), { headers });
}

async function* written(
  form: keyof typeof MEDIA,
  { store, query, env, changes }: Reading,
  place: LogPlace,
  view: SessionView,
  limit: number | null,
): AsyncGenerator<string | null> {
  const { life } = store;
  const listener = listenerOf(query, view, env, heardBefore(life, place.seq));
  const asked = { ...queryOf(query), fold: listener };
  const events = (): AsyncGenerator<LoggedEvent> => readEvents(store, place, asked, logAccess());
  try {
    if (listener !== null) await listen(store, place.seq, listener);
    if (form === 'json') yield* page(events(), place, limit ?? LIMITS.pageEvents);
    else if (form === 'ndjson') yield* lines(events(), limit);
    else yield* followed({ store, changes, place, limit, before: asked.before }, events);
  } finally {
    if (listener !== null) keepHeard(life, listener.places);
  }
}

/** Formats are set in early frames: whoever is to tell the length of sound has to have heard them. */
async function listen(store: SessionStore, until: number, listener: LoggedSound): Promise<void> {
  const from = new LogPlace(listener.place.seq);
  for await (const item of readLog(store, from, until + 1, logAccess()))
    if (item.kind === 'frame') listener.hear(item);
}

function listenerOf(
  parameters: URLSearchParams,
  { opening }: SessionView,
  env: Reading['env'],
  from: Heard | null,
): LoggedSound | null {
  const adapter = parameters.get('fold') === null ? undefined : providerFor(opening.provider, env);
  return adapter === undefined ? null : new LoggedSound(opening, adapter, from);
}

function formOf(text: string | null): keyof typeof MEDIA {
  return text === 'ndjson' || text === 'sse' ? text : 'json';
}

function queryOf(parameters: URLSearchParams): Omit<EventQuery, 'fold'> {
  const before = parameters.get('before');
  const direction = parameters.get('direction');
  const payload = parameters.get('payload');
  return {
    before: before === null ? null : Number(before),
    direction: direction === 'up' || direction === 'down' ? direction : null,
    type: parameters.get('type'),
    client: parameters.get('client'),
    payload: payload === 'parsed' || payload === 'base64' ? payload : 'text',
  };
}

async function* lines(events: AsyncGenerator<LoggedEvent>, limit: number | null): AsyncGenerator<string> {
  let count = 0;
  for await (const event of events) {
    if (limit !== null && count >= limit) return;
    count += 1;
    yield `${JSON.stringify(event)}\n`;
  }
}

const PAGE = '{"success":true,"errors":[],"messages":[],"result":[';

/**
 * The v4 envelope, written as it is read: a page of large frames would not fit one RPC value. A page ends early at
 * `LIMITS.pageBytes`; `cursor` is the number to continue after, or null at the end of what is stored. While the session
 * lives there may be more behind `last_seq` later.
 */
async function* page(
  events: AsyncGenerator<LoggedEvent>,
  place: LogPlace,
  limit: number,
): AsyncGenerator<string> {
  let count = 0;
  let bytes = 0;
  let last = place.seq;
  let more = false;
  for await (const event of events) {
    if (count >= limit || bytes >= LIMITS.pageBytes) {
      more = true;
      break;
    }
    const text = JSON.stringify(event);
    yield `${count === 0 ? PAGE : ','}${text}`;
    count += 1;
    bytes += text.length;
    // A record of lost records stands after later frames.
    last = Math.max(last, lastOf(event));
  }
  const info = {
    count,
    cursor: more ? String(last) : null,
    per_page: limit,
    last_seq: more ? last : place.seq,
  };
  yield `${count === 0 ? PAGE : ''}],"result_info":${JSON.stringify(info)}}`;
}
