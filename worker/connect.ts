/** The upgrade route: from a client's request to the session that it belongs to. */
import { v7 } from 'uuid';
import type { Env } from '../durable-objects/environment.ts';
import { closeOf } from '../session/causes.ts';
import { LIMITS } from '../session/limits.ts';
import {
  type ConnectPlan,
  planRequest,
  type Role,
  ROLES,
  sessionObjectName,
  SIMULATED_MODEL,
} from '../protocol/connect.ts';
import { BrokerError, type PublicError } from '../protocol/errors.ts';
import { type Refusal, readRefusal, withoutRefusalHeaders } from '../protocol/refusal.ts';
import type { ProviderAdapter, Target as ProviderTarget } from '../providers/adapter.ts';
import { nearestProvider, providerFor, PROVIDERS, providersOf } from '../providers/registry.ts';
import { admissionTerms } from './admission-terms.ts';
import { authorize, type Claims, identify, type Principal, type Scope } from './authenticate.ts';
import { checkAllowed } from './allowed.ts';
import type { Configuration } from './configuration.ts';
import { checkClaims, dialPlan, pick } from './dial-plan.ts';
import { fallbackOf } from './fallback.ts';
import { askGateway, type Gateway } from './gateway.ts';
import { asPlanned } from './as-planned.ts';
import { type Offer, type OfferedKey, readOffer } from './offer.ts';
import { checkOrigin } from './origin.ts';
import { byokAlias, type Parameters, readParameters } from './parameters.ts';
import { DEFAULT_ALIAS } from './provider-key.ts';
import { replayInPlace } from './replay.ts';
import { failure, publicFailure } from './respond.ts';
import { proxyRest } from './rest-proxy.ts';

export interface Target {
  /** Null for the forms without: they come from the token. */
  readonly account: string | null;
  readonly gateway: string | null;
  readonly provider: string;
  readonly path: string;
}

const BYTES_PER_MIB = 1024 * 1024;

/** Where a target without account and gateway goes when the token names none: the admin's. */
const DEFAULT_NAME = 'default';

/** Answers an upgrade, or refuses it so that this client can read why. */
export async function connect(
  request: Request,
  env: Env,
  deployment: Configuration,
  target: Target,
): Promise<Response> {
  const adapter = providerFor(target.provider, env);
  const asked = { path: target.path, query: [...new URL(request.url).searchParams] };
  let browser = request.headers.has('origin');
  try {
    const offer = readOffer(
      request,
      adapter?.carriers ?? [{ in: 'header', name: 'authorization', schemes: ['Bearer'] }],
    );
    browser = offer.browser;
    const { principal, ownKey } = await credentials(offer, deployment);
    const account = target.account ?? (principal.kind === 'token' ? principal.claims.acc : DEFAULT_NAME);
    const gateway = target.gateway ?? (principal.kind === 'token' ? principal.claims.gw : DEFAULT_NAME);
    authorize(principal, account, gateway, scopesOf(request, offer));
    const wanted =
      adapter === undefined || ownKey !== null
        ? null
        : { provider: adapter.id, alias: byokAlias(offer.parameters) ?? DEFAULT_ALIAS };
    const named = offer.parameters.get('parley-session') ?? sessionOf(principal);
    const own = await askGateway(env, deployment, { account, gateway }, principal, wanted, named);
    const { settings } = own;
    checkOrigin(request, settings, principal);
    if (adapter === undefined) throw unknownProvider(target.provider, env);
    if (!isUpgrade(request) && adapter.rest?.matches(target.path) !== true) {
      throw new BrokerError('upgrade_required', {
        url: request.url.replace(/^http/, 'ws').replace(/\?.*$/, ''),
      });
    }
    const parameters = readParameters(offer.parameters, settings);
    const connection: Connection = {
      request,
      env,
      target,
      adapter,
      offer,
      principal,
      ownKey,
      parameters,
      account,
      gateway,
      ...own,
    };
    if (!isUpgrade(request)) {
      const model = adapter.modelOf({ path: target.path, query: offer.query });
      checkClaims(connection, model);
      checkAllowed(connection, model);
      return await proxyRest(connection, model, model?.startsWith(SIMULATED_MODEL) === true);
    }
    return await opened(connection, browser);
  } catch (thrown) {
    const { error, headers } = publicFailure(thrown);
    return refused(error, request, adapter, asked, browser, headers);
  }
}

/** A replay only reads. It is a WebSocket: no other request gets by with that right. */
function scopesOf(request: Request, { parameters }: Offer): readonly Scope[] {
  return isUpgrade(request) && parameters.has('parley-replay') ? ['read'] : ['connect', 'observe'];
}

function isUpgrade({ headers }: Request): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

async function opened(connection: Connection, browser: boolean): Promise<Response> {
  const replayed = connection.offer.parameters.get('parley-replay');
  if (replayed !== undefined) return replayInPlace(connection, replayed);
  const { request, env, adapter } = connection;
  return handOver(await makePlan(connection), request, env, adapter, browser);
}

/** The gateway's credential, and the client's own provider key if it sent one. */
async function credentials(
  offer: Offer,
  settings: Configuration,
): Promise<{ principal: Principal; ownKey: OfferedKey | null }> {
  let principal = offer.gatewayToken === null ? null : await identify(offer.gatewayToken, settings);
  if (offer.gatewayToken !== null && principal === null)
    throw new BrokerError('bad_token', { why: 'it is not known here' });
  let ownKey: OfferedKey | null = null;
  for (const key of offer.providerKeys) {
    // In the provider's place a value may be our token: SDKs that can send a single key put it there.
    const who = offer.gatewayToken === key.value ? principal : await identify(key.value, settings);
    if (who === null) ownKey ??= key;
    else principal ??= who;
  }
  if (principal !== null) return { principal, ownKey };
  if (offer.providerKeys.length > 0) {
    throw new BrokerError('bad_token', { why: 'the only credential is not a token of this gateway' });
  }
  throw new BrokerError('missing_auth');
}

/** One request whose caller is known, and what holds in its gateway. */
export interface Connection extends Gateway {
  readonly request: Request;
  readonly env: Env;
  readonly target: Target;
  readonly adapter: ProviderAdapter;
  readonly offer: Offer;
  readonly principal: Principal;
  readonly ownKey: OfferedKey | null;
  readonly parameters: Parameters;
  readonly account: string;
  readonly gateway: string;
}

function sessionOf(principal: Principal): string | null {
  return principal.kind === 'token' ? (principal.claims.session ?? null) : null;
}

async function makePlan(given: Connection): Promise<ConnectPlan> {
  const dialled = await dialPlan(given);
  const { connection, maxClients } = asPlanned(given, dialled.model);
  const { request, settings, adapter, offer, principal, parameters } = connection;
  const claims = principal.kind === 'token' ? principal.claims : null;
  const { session: wanted, role, byokAlias: _alias, fallback: _named, ...passed } = parameters;
  const fallback = await fallbackOf(connection);
  const named = wanted ?? claims?.session ?? null;
  const maxSeconds = Math.min(
    settings.PARLEY_MAX_SESSION_SECONDS,
    claims?.max_seconds ?? Number.POSITIVE_INFINITY,
  );
  return {
    ...dialled,
    ...(fallback.length === 0 ? {} : { fallback }),
    session: { account: connection.account, gateway: connection.gateway, id: named ?? v7() },
    named: named !== null,
    mayOpen: claims === null || mayConnect(claims),
    mayJoin: claims?.models ?? null,
    role: roleOf(principal, role),
    highestRole: highestRole(principal),
    userAgent: request.headers.get('user-agent')?.slice(0, LIMITS.userAgentCharacters) ?? null,
    signals: { headers: pick(request.headers, adapter.signalHeaders), subprotocols: offer.subprotocols },
    offer: offer.answer,
    ...passed,
    control: passed.control === 0 && offer.control ? 1 : passed.control,
    ...whatIsStored(connection),
    maxSessionMs: maxSeconds * 1000,
    maxClients: settings.PARLEY_MAX_CLIENTS,
    ...(maxClients === null ? {} : { ownMaxClients: maxClients }),
    admission: admissionTerms(settings, claims, parameters.customCost),
  };
}

function whatIsStored({
  parameters,
  settings,
}: Connection): Pick<ConnectPlan, 'log' | 'redaction' | 'maxLogBytes'> {
  return {
    log: parameters.log,
    ...(settings.PARLEY_REDACT === null ? {} : { redaction: settings.PARLEY_REDACT }),
    maxLogBytes: settings.PARLEY_MAX_LOG_MIB * BYTES_PER_MIB,
  };
}

function mayConnect({ scope }: Claims): boolean {
  return scope.includes('connect') || scope.includes('admin');
}

/** A token that names a role gives that role, and none above it; one that may only observe gives no more. */
function roleOf(principal: Principal, wanted: Role | null): Role | null {
  if (principal.kind === 'admin') return wanted;
  const granted = mayConnect(principal.claims) ? (principal.claims.role ?? null) : 'observer';
  if (granted !== null && wanted !== null && ROLES.indexOf(wanted) < ROLES.indexOf(granted)) {
    throw new BrokerError('forbidden', { why: `it is for the role ${granted}` });
  }
  return wanted ?? granted;
}

function highestRole(principal: Principal): Role {
  if (principal.kind === 'admin') return 'controller';
  return mayConnect(principal.claims) ? (principal.claims.role ?? 'controller') : 'observer';
}

async function handOver(
  plan: ConnectPlan,
  request: Request,
  env: Env,
  adapter: ProviderAdapter,
  browser: boolean,
): Promise<Response> {
  let response: Response;
  try {
    response = await env.SESSION.getByName(sessionObjectName(plan.session)).fetch(planRequest(plan));
  } catch (error) {
    throw new BrokerError('storage_unavailable', {}, `the session object does not answer: ${String(error)}`);
  }
  const headers = withoutRefusalHeaders(response.headers);
  headers.set('parley-session-id', plan.session.id);
  headers.set('cf-aig-log-id', plan.session.id);
  headers.set('cf-aig-event-id', plan.eventId ?? plan.session.id);
  const refusal = readRefusal(response);
  if (refusal === null) return new Response(null, { status: 101, webSocket: response.webSocket, headers });
  return passedOn(refusal, response, headers, request, adapter, plan.request, browser);
}

function passedOn(
  { error, providerAnswered }: Refusal,
  response: Response,
  headers: Headers,
  request: Request,
  adapter: ProviderAdapter,
  asked: ProviderTarget,
  browser: boolean,
): Response {
  if (!browser && providerAnswered) return new Response(response.body, { status: response.status, headers });
  return refused(error, request, adapter, asked, browser, Object.fromEntries(headers));
}

/**
 * A browser cannot read a refused upgrade, so it gets one: accepted, one error frame in the provider's own shape, and a
 * close code. Everybody else gets the HTTP answer.
 */
function refused(
  error: PublicError,
  request: Request,
  adapter: ProviderAdapter | undefined,
  asked: ProviderTarget,
  browser: boolean,
  headers: Readonly<Record<string, string>>,
): Response {
  if (!browser || !isUpgrade(request)) return failure(error, request, headers);
  const pair = new WebSocketPair();
  pair[1].accept();
  const [fallback] = PROVIDERS;
  const errorFrame = (adapter ?? fallback)?.errorFrame(error, asked) ?? null;
  if (errorFrame !== null) pair[1].send(errorFrame);
  const frame = closeOf(error);
  pair[1].close(adapter?.refusalClose ?? frame.code, frame.reason);
  const answer = new Headers();
  const subprotocol = openSubprotocol(request, adapter);
  if (subprotocol !== null) answer.set('sec-websocket-protocol', subprotocol);
  return new Response(null, { status: 101, webSocket: pair[0], headers: answer });
}

/** A refusal answers the offer by the same rule as a 101 does, or the browser would not get to read it. */
function openSubprotocol(request: Request, adapter: ProviderAdapter | undefined): string | null {
  try {
    const { answer } = readOffer(request, adapter?.carriers ?? []);
    return answer.open[0] ?? answer.lastResort;
  } catch {
    // The offer itself is what was refused.
    return null;
  }
}

export function unknownProvider(provider: string, env: Env): BrokerError {
  return new BrokerError('unknown_provider', {
    provider,
    nearest: nearestProvider(provider, env),
    known: providersOf(env)
      .map((each) => each.id)
      .join(', '),
  });
}
