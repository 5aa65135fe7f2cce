/** A recorded session, played again: at its own URL, or at its provider's URL with the parameter `parley-replay`. */
import { chooseSubprotocol } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { chooseForm, STREAM_FORM } from '../protocol/media-types.ts';
import { readReplayParameter, ReplayQuery } from '../protocol/replay.ts';
import { Name } from '../protocol/rest.ts';
import { asSocket, asStream } from '../durable-objects/replay.ts';
import { safeParse } from 'valibot';
import type { Connection } from './connect.ts';
import { type Offer, readOffer } from './offer.ts';
import { parseQuery } from './read-request.ts';
import { readView } from './read-view.ts';
import type { RouteContext } from './routes.ts';

type Place = Pick<RouteContext, 'env' | 'account' | 'gateway' | 'session'>;

/** `GET …/sessions/{id}/replay`: server-sent events, or with an upgrade the provider's side as a WebSocket. */
export async function getReplay(context: RouteContext): Promise<Response> {
  const { request } = context;
  const offer = readOffer(request, []);
  const { mode } = replayQuery(offer.query);
  if (request.headers.get('upgrade')?.toLowerCase() === 'websocket')
    return socket(context, offer.query, null, offer);
  if (mode === 'lockstep')
    throw new BrokerError('invalid_request', {
      problem: 'lockstep needs a WebSocket: there is nobody to wait for',
    });
  if (chooseForm(STREAM_FORM, '', request.headers.get('accept')) === null)
    throw new BrokerError('not_acceptable', { available: `${STREAM_FORM.sse}, or a WebSocket` });
  const lastEventId = request.headers.get('last-event-id');
  if (lastEventId !== null && !/^[0-9]{1,15}$/.test(lastEventId))
    throw new BrokerError('invalid_request', { problem: 'Last-Event-ID is not one of this stream' });
  return played(context, offer.query, asStream(lastEventId));
}

/** An upgrade at a provider's URL that asks for a recorded session in the provider's place: nothing is dialled. */
export async function replayInPlace(
  { env, account, gateway, principal, adapter, offer }: Connection,
  parameter: string,
): Promise<Response> {
  const { session, options } = readReplayParameter(parameter);
  if (!safeParse(Name, session).success)
    throw new BrokerError('invalid_request', {
      problem: 'parley-replay must begin with the id of a session',
    });
  if (principal.kind === 'token' && (principal.claims.session ?? session) !== session)
    throw new BrokerError('forbidden', { why: 'it is for another session' });
  replayQuery(options);
  return socket({ env, account, gateway, session }, options, adapter.id, offer);
}

function replayQuery(parameters: readonly (readonly [string, string])[]): ReplayQuery {
  const query = parseQuery(ReplayQuery, parameters);
  if (query.from !== undefined && query.to !== undefined && query.to < query.from)
    throw new BrokerError('invalid_request', { problem: 'to must not be before from' });
  return query;
}

async function socket(
  place: Place,
  query: readonly (readonly [string, string])[],
  provider: string | null,
  offer: Offer,
): Promise<Response> {
  const control = offer.control || offer.parameters.get('parley-control') === '1';
  const response = await played(place, query, asSocket(provider, control));
  const headers = new Headers(response.headers);
  const subprotocol = chooseSubprotocol(offer.answer, null);
  if (subprotocol !== null) headers.set('sec-websocket-protocol', subprotocol);
  return new Response(null, { status: 101, webSocket: response.webSocket, headers });
}

function played(
  place: Place,
  query: readonly (readonly [string, string])[],
  headers: Headers,
): Promise<Response> {
  return readView(place, 'replay', Object.fromEntries(query), { headers });
}
