/** The edge: finds the route, checks the credential, and hands on. */
import { type IRequest, Router } from 'itty-router';
import type { Env } from '../durable-objects/environment.ts';
import { BrokerError } from '../protocol/errors.ts';
import { Name, NoQuery } from '../protocol/rest.ts';
import { safeParse } from 'valibot';
import { authorize, identify, type Principal } from './authenticate.ts';
import { configuration, type Configuration } from './configuration.ts';
import { connect, type Target } from './connect.ts';
import { formFor } from './forms.ts';
import { directoryOf } from './gateway.ts';
import { restToken } from './offer.ts';
import { draining } from './operations.ts';
import { parseQuery } from './read-request.ts';
import { failure, publicFailure } from './respond.ts';
import { type Route, type RouteContext, ROUTES } from './routes.ts';

export { DirectoryObject } from '../durable-objects/directory-object.ts';
export { RecorderObject } from '../durable-objects/recorder-object.ts';
export { SessionObject } from '../durable-objects/session-object.ts';
export { SimulatorEntrypoint } from './simulator-entrypoint.ts';

const router = Router<IRequest, [Env]>({
  catch: (thrown: unknown, request: IRequest) => {
    const { error, headers } = publicFailure(thrown);
    return failure(error, request, headers);
  },
});

for (const route of ROUTES) {
  // `all` with our own check of the method: a known path with another method is a 405, not a 404.
  router.all(route.path, (request: IRequest, env: Env) => {
    if (request.method === route.method) return serve(route, request, env);
    return request.method === 'HEAD' && isRead(route) ? headOf(serve(route, request, env)) : undefined;
  });
}

router.all('*', (request: IRequest) => {
  const { pathname } = new URL(request.url);
  const found = ROUTES.filter((route) => pathMatches(route.path, pathname));
  const allow = [...new Set(found.flatMap((route) => (isRead(route) ? ['GET', 'HEAD'] : [route.method])))];
  if (allow.length > 0 && !allow.some((method) => method === request.method)) {
    throw new BrokerError('method_not_allowed', { allow: allow.join(', ') }, '', { allow: allow.join(', ') });
  }
  throw new BrokerError('not_found');
});

export default {
  fetch: (request: Request, env: Env): Promise<Response> => router.fetch(request, env),
} satisfies ExportedHandler<Env>;

/** What stands in a gateway's paths where else a provider does: whoever mistypes what is below means no WebSocket. */
const RESOURCES: ReadonlySet<string> = new Set(
  ROUTES.flatMap(({ path }) => /^\/v1\/:account\/:gateway\/(\w+)/.exec(path)?.[1] ?? []),
);

function isRead(route: Route): boolean {
  return route.method === 'GET' && route.access !== 'upgrade';
}

/** What GET would say, without its body. */
async function headOf(answer: Response | Promise<Response>): Promise<Response> {
  const response = await answer;
  // Whoever makes it need not go on; that it cannot stop well is of no matter.
  await response.body?.cancel().catch(() => undefined);
  return new Response(null, response);
}

async function serve(route: Route, request: IRequest, env: Env): Promise<Response> {
  if (route.access === 'public') return route.handle(request, env);
  const settings = configuration(env);
  if (draining.now && route.path !== '/drain') throw new BrokerError('restarting');
  if (route.access === 'upgrade') {
    if (RESOURCES.has(request.params['provider'] ?? '')) throw new BrokerError('not_found');
    return connect(request, env, settings, targetOf(request));
  }
  const principal = await authenticated(request, settings);
  const context = contextOf(request, env, settings, principal);
  if (route.access === 'deployment') requireAdmin(principal);
  else {
    authorize(principal, context.account, context.gateway, route.access);
    if (principal.kind === 'token' && (await isRevoked(principal, env)))
      throw new BrokerError('bad_token', { why: 'it was revoked' });
    restrictToSession(principal, context.session);
  }
  if (route.query !== 'own') parseQuery(NoQuery, [...new URL(request.url).searchParams]);
  if (route.forms !== undefined) formFor(context, route.forms);
  return route.handle(context);
}

async function authenticated(request: Request, settings: Configuration): Promise<Principal> {
  const token = restToken(request.headers);
  if (token === null) throw new BrokerError('missing_auth');
  const principal = await identify(token, settings);
  if (principal === null) throw new BrokerError('bad_token', { why: 'it is not known here' });
  return principal;
}

function requireAdmin(principal: Principal): void {
  if (principal.kind !== 'admin') throw new BrokerError('forbidden', { why: 'it needs the admin token' });
}

function isRevoked({ claims }: Extract<Principal, { kind: 'token' }>, env: Env): Promise<boolean> {
  return directoryOf(env, claims.acc, claims.gw).isRevoked(claims.jti);
}

/** A token for one session reads that session and no other, and lists none. */
function restrictToSession(principal: Principal, session: string): void {
  if (principal.kind === 'admin' || principal.claims.session === undefined) return;
  if (principal.claims.session !== session)
    throw new BrokerError('forbidden', { why: 'it is for another session' });
}

function contextOf(request: IRequest, env: Env, settings: Configuration, principal: Principal): RouteContext {
  const own = principal.kind === 'token' ? principal.claims : { acc: 'default', gw: 'default' };
  return {
    request,
    env,
    settings,
    account: name(request, 'account') ?? own.acc,
    gateway: name(request, 'gateway') ?? own.gw,
    session: name(request, 'session') ?? '',
    token: name(request, 'token') ?? '',
    provider: name(request, 'provider') ?? '',
    alias: name(request, 'alias') ?? '',
    suffix: request.params['suffix'] ?? '',
  };
}

function targetOf(request: IRequest): Target {
  return {
    account: name(request, 'account'),
    gateway: name(request, 'gateway'),
    provider: request.params['provider'] ?? 'openai',
    // Doubled slashes come from base URLs that end in one.
    path: (request.params['path'] ?? '').replace(/\/{2,}/g, '/').replace(/^\/|\/$/g, ''),
  };
}

function name(request: IRequest, parameter: string): string | null {
  const value = request.params[parameter];
  if (value === undefined) return null;
  const parsed = safeParse(Name, value);
  if (parsed.success) return parsed.output;
  throw new BrokerError('invalid_request', {
    problem: `the ${parameter} in the path ${parsed.issues[0].message}`,
  });
}

function pathMatches(pattern: string, pathname: string): boolean {
  const source = pattern
    .replace(/\.:[a-z]+\?/g, '(\\.[^/]+)?')
    .replace(/\/:[a-z]+\+/g, '/.+')
    .replace(/:[a-z]+/g, '[^/]+');
  return new RegExp(`^${source}/?$`).test(pathname);
}
