/** `POST sessions`: a session that is there before anybody connects. What it is to be waits in the gateway's directory. */
import { v7 } from 'uuid';
import { sessionObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { type PlannedSession, SessionRequest } from '../protocol/session-plan-shape.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { providerFor } from '../providers/registry.ts';
import { LIMITS } from '../session/limits.ts';
import { checkAllowed } from './allowed.ts';
import { unknownProvider } from './connect.ts';
import { askGateway, directoryOf } from './gateway.ts';
import { readBody } from './read-request.ts';
import { ok } from './respond.ts';
import type { RouteContext } from './routes.ts';
import { issue } from './tokens.ts';

/** Throws BrokerError `session_exists` for an id that is in use, unless what waits under it is the same. */
export async function createSession(context: RouteContext): Promise<Response> {
  const { request, env, account, gateway } = context;
  const wanted = await readBody(request, SessionRequest);
  const adapter = providerFor(wanted.provider, env);
  if (adapter === undefined) throw unknownProvider(wanted.provider, env);
  const { path, query, model } = askedOf(wanted, adapter);
  const { settings } = await askGateway(env, context.settings, context, { kind: 'admin' }, null);
  checkAllowed({ settings, adapter, account, gateway }, model);
  const id = wanted.id ?? v7();
  await keepPlan(context, id, planOf(wanted, adapter, { path, query, model }), wanted.expires_in);
  const { token = '', ...issued } = await issue(context, {
    // Who only listens opens nothing.
    scope: [wanted.role === 'observer' ? 'observe' : 'connect'],
    providers: [adapter.id],
    ...(model === null ? {} : { models: [model] }),
    session: id,
    role: wanted.role,
    expires_in: wanted.expires_in,
  });
  const url = new URL(`/v1/${account}/${gateway}/${adapter.id}${path === '' ? '' : `/${path}`}`, request.url);
  for (const [name, value] of [...query, ['parley-session', id]] as const)
    url.searchParams.append(name, value);
  return ok({
    id,
    url: url.href.replace(/^http/, 'ws'),
    token,
    jti: issued.jti,
    role: wanted.role,
    expires_at: issued.expires_at,
  });
}

interface Asked {
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly model: string | null;
}

function askedOf(wanted: SessionRequest, adapter: ProviderAdapter): Asked {
  const [before = '', after = ''] = wanted.path.split('?', 2);
  const path = before.replace(/^\/+|\/+$/g, '');
  const query = [...new URLSearchParams(after)];
  if (path.split('/').some((part) => part === '..' || part === '.') || path.includes('#'))
    throw new BrokerError('invalid_request', { problem: 'path holds a part that no URL keeps' });
  if (query.some(([name]) => /^(parley|cf-aig)-/.test(name)))
    throw new BrokerError('invalid_request', { problem: 'path holds a parameter of Parley: use the body' });
  if (wanted.model !== undefined) query.push(['model', wanted.model]);
  const accepted = adapter.accepts(path, query);
  if (!accepted.ok)
    throw new BrokerError('unknown_provider_path', {
      provider: adapter.id,
      path,
      suggestion: accepted.suggestion,
    });
  const model = adapter.modelOf({ path, query });
  if (wanted.model !== undefined && model !== wanted.model)
    throw new BrokerError('invalid_request', {
      problem: `model is not what ${adapter.id} would take from this path: name it in path as its own SDK does`,
    });
  return { path, query, model };
}

function planOf(
  wanted: SessionRequest,
  adapter: ProviderAdapter,
  { path, query, model }: Asked,
): PlannedSession {
  const { metadata, max_clients, grace_seconds, idle_seconds, floor, on_controller_leave } = wanted;
  const search = new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
  return {
    provider: adapter.id,
    path: search === '' ? path : `${path}?${search}`,
    model,
    ...(metadata === undefined ? {} : { metadata }),
    ...(max_clients === undefined ? {} : { max_clients }),
    ...(grace_seconds === undefined ? {} : { grace_seconds }),
    ...(idle_seconds === undefined ? {} : { idle_seconds }),
    ...(floor === undefined ? {} : { floor }),
    ...(on_controller_leave === undefined ? {} : { on_controller_leave }),
  };
}

async function keepPlan(
  { env, account, gateway }: RouteContext,
  id: string,
  plan: PlannedSession,
  expiresIn: number,
): Promise<void> {
  const directory = directoryOf(env, account, gateway);
  const until = Date.now() + expiresIn * 1000;
  switch (await directory.planSession(id, JSON.stringify(plan), until)) {
    case 'same':
      return;
    case 'taken':
      throw new BrokerError('session_exists', { session: id });
    case 'full':
      throw new BrokerError('too_many_planned', { limit: String(LIMITS.plannedSessions) });
    case 'created':
  }
  // Whoever connected before this has a session that nobody planned.
  const recorder = env.RECORDER.getByName(sessionObjectName({ account, gateway, id }));
  if ((await recorder.describe()) === null) return;
  await directory.removePlanned(id);
  throw new BrokerError('session_exists', { session: id });
}
