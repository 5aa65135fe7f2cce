/**
 * The REST calls with which a provider's SDK asks where its socket is. They are passed on with the provider's key, and
 * the address in the answer is rewritten, so that the socket is opened here.
 */
import { scrubbed } from '../durable-objects/opening.ts';
import { passedHeaders, readUpTo } from '../durable-objects/upstream-socket.ts';
import { BrokerError } from '../protocol/errors.ts';
import type { TokenRequest } from '../protocol/rest.ts';
import { BODILESS, KEY_REJECTED } from '../protocol/provider-status.ts';
import type { RestProxy } from '../providers/adapter.ts';
import { LIMITS } from '../session/limits.ts';
import { simulatorOf } from '../simulators/registry.ts';
import { spenderOf } from './admission-terms.ts';
import type { Principal } from './authenticate.ts';
import { isSimulated, providerBaseUrl } from './configuration.ts';
import type { Connection } from './connect.ts';
import { keyMissing, providerKey } from './provider-key.ts';
import { issue } from './tokens.ts';

/** As long as the address that the provider gives away is good for. */
const TOKEN_SECONDS = 15 * 60;
const OK = 200;

/**
 * @param model what the address will be for; the token in it opens nothing else
 * @param isSimulatedModel the simulator plays it, whatever the deployment says
 */
export async function proxyRest(
  connection: Connection,
  model: string | null,
  isSimulatedModel: boolean,
): Promise<Response> {
  const { env, adapter } = connection;
  const { rest } = adapter;
  if (rest === undefined) throw new Error(`${adapter.id} has no REST calls`);
  const simulated = isSimulatedModel || isSimulated(env, adapter);
  const chosen = await providerKey(connection, simulated);
  const key = chosen.value;
  if (key === null && !simulated) throw keyMissing(connection);
  const fetcher = simulated ? simulate(adapter.id) : (request: Request) => fetch(request);
  const answer = await ask(upstreamRequest(connection, rest, key), connection, fetcher);
  if (chosen.source === 'stored' && KEY_REJECTED.includes(answer.status)) {
    throw new BrokerError('provider_key_rejected', {
      provider: adapter.id,
      status: String(answer.status),
      remedy: chosen.remedy,
    });
  }
  const body = scrubbed(answer.body, key);
  const headers = { ...answer.headers, 'cache-control': 'no-store' };
  if (answer.status !== OK) {
    return new Response(BODILESS.includes(answer.status) ? null : body, { status: answer.status, headers });
  }
  const token = await tokenFor(connection, model);
  return new Response(rest.rewrite(new TextDecoder().decode(body), gatewayUrl(connection), token), {
    headers,
  });
}

function upstreamRequest(
  { env, target, adapter, offer, parameters }: Connection,
  rest: RestProxy,
  key: string | null,
): Request {
  const query = new URLSearchParams(offer.query.map(([name, value]): [string, string] => [name, value]));
  return new Request(
    `${providerBaseUrl(env, adapter, isSimulated(env, adapter))}/${target.path}${query.size === 0 ? '' : `?${query.toString()}`}`,
    {
      headers: key === null ? {} : rest.headers(key),
      // A redirect would carry the key to wherever it points.
      redirect: 'manual',
      signal: AbortSignal.timeout(parameters.dialTimeoutMs),
    },
  );
}

interface Answer {
  readonly status: number;
  /** Those that may be passed on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The whole answer: the time limit holds for its body too. */
async function ask(
  request: Request,
  { adapter, parameters }: Connection,
  fetcher: (request: Request) => Response | Promise<Response>,
): Promise<Answer> {
  try {
    const answer = await fetcher(request);
    return {
      status: answer.status,
      headers: passedHeaders(answer.headers),
      body: await readUpTo(answer.body, LIMITS.refusalBodyBytes),
    };
  } catch (error) {
    if (request.signal.aborted) {
      throw new BrokerError('upstream_timeout', {
        provider: adapter.id,
        seconds: String(parameters.dialTimeoutMs / 1000),
      });
    }
    throw new BrokerError(
      'upstream_unreachable',
      { provider: adapter.id, host: new URL(request.url).host, setting: adapter.settings.baseUrl },
      String(error),
    );
  }
}

/** A simulator answers REST as it refuses a handshake: with a status and a body. */
function simulate(provider: string): (request: Request) => Response {
  return ({ url, headers }) => {
    const handshake = simulatorOf(provider)?.({ url, headers: Object.fromEntries(headers) }, Date.now());
    return handshake?.kind === 'refuse'
      ? new Response(handshake.body, { status: handshake.status, headers: handshake.headers })
      : new Response(null, { status: 501 });
  };
}

/** A token for the one connection that the address is for: no wider, and not longer, than the caller's own. */
async function tokenFor(
  { env, settings, account, gateway, adapter, principal }: Connection,
  model: string | null,
): Promise<string> {
  const { token = '' } = await issue(
    { env, settings, account, gateway },
    {
      ...inherited(principal),
      providers: [adapter.id],
      ...(model === null ? {} : { models: [model] }),
    },
    principal.kind === 'admin' ? null : spenderOf(principal.claims),
  );
  return token;
}

function inherited(principal: Principal): TokenRequest {
  if (principal.kind === 'admin') return { scope: ['connect'], expires_in: TOKEN_SECONDS };
  const { scope, exp, session, role, max_seconds, max_cost_usd, origin } = principal.claims;
  const left = Math.max(1, Math.floor(exp - Date.now() / 1000));
  const mayConnect = scope.includes('connect') || scope.includes('admin');
  return {
    scope: [mayConnect ? 'connect' : 'observe'],
    expires_in: Math.min(TOKEN_SECONDS, left),
    ...(session === undefined ? {} : { session }),
    ...(role === undefined ? {} : { role }),
    ...(max_seconds === undefined ? {} : { max_seconds }),
    ...(max_cost_usd === undefined ? {} : { max_cost_usd }),
    ...(origin === undefined ? {} : { origin }),
  };
}

function gatewayUrl({ request, account, gateway, target }: Connection): string {
  const { origin } = new URL(request.url);
  return `${origin.replace(/^http/, 'ws')}/v1/${account}/${gateway}/${target.provider}`;
}
