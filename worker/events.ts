/** `GET …/sessions/{id}/events`: the frame log, in every form. */
import { BrokerError } from '../protocol/errors.ts';
import { EVENT_FORMS } from '../protocol/media-types.ts';
import { EventsQuery, LIMIT_REACHED } from '../protocol/event-shape.ts';
import { LIMITS } from '../session/limits.ts';
import { formFor } from './forms.ts';
import { parseQuery } from './read-request.ts';
import { readView } from './read-view.ts';
import type { RouteContext } from './routes.ts';

const EVENT_ID = /^[0-9]{1,15}$/;

export async function getEvents(context: RouteContext): Promise<Response> {
  const form = formFor(context, EVENT_FORMS);
  const query = parseQuery(EventsQuery, [...new URL(context.request.url).searchParams]);
  if (form === 'json' && (query.limit ?? 0) > LIMITS.pageEvents)
    throw new BrokerError('invalid_request', {
      problem: `limit: a page has at most ${LIMITS.pageEvents} events; application/x-ndjson has no such bound`,
    });
  if (query.after !== undefined && query.before !== undefined && query.before <= query.after)
    throw new BrokerError('invalid_request', { problem: 'before must be higher than after' });
  const headers = new Headers();
  const known = context.request.headers.get('if-none-match');
  if (known !== null) headers.set('if-none-match', known);
  const lastEventId = form === 'sse' ? context.request.headers.get('last-event-id') : null;
  if (lastEventId !== null && lastEventId !== LIMIT_REACHED && !EVENT_ID.test(lastEventId))
    throw new BrokerError('invalid_request', { problem: 'Last-Event-ID is not one of this stream' });
  if (lastEventId !== null) headers.set('last-event-id', lastEventId);
  return readView(context, 'events', { ...query, form }, { method: context.request.method, headers });
}
