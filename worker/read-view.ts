/** Views of a session's record, as its recorder answers them. */
import type { ViewName } from '../durable-objects/views.ts';
import { sessionObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { readRefusal, withoutRefusalHeaders } from '../protocol/refusal.ts';
import type { RouteContext } from './routes.ts';

/** What a view answers where there is none. */
const NO_SESSION = 404;

type Whose = Pick<RouteContext, 'env' | 'account' | 'gateway' | 'session'>;

/**
 * @param query names and values that the view understands; they are not checked again
 * @param init headers and method for the view: never those of the client as they came, which hold its credential
 * @throws session_not_found, and what else the view refuses
 */
export async function readView(
  { env, account, gateway, session }: Whose,
  name: ViewName,
  query: Readonly<Record<string, string | number | undefined>>,
  init: RequestInit = {},
): Promise<Response> {
  const url = new URL(`https://recorder.parley.internal/${name}`);
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(key, String(value));
  const recorder = env.RECORDER.getByName(sessionObjectName({ account, gateway, id: session }));
  const response = await recorder.fetch(url.href, init);
  const refusal = readRefusal(response);
  if (refusal !== null)
    throw new BrokerError(refusal.error, {}, '', Object.fromEntries(withoutRefusalHeaders(response.headers)));
  if (response.status === NO_SESSION) throw new BrokerError('session_not_found');
  if (response.webSocket !== null) return response;
  const headers = new Headers(response.headers);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  return new Response(response.body, { status: response.status, headers });
}
