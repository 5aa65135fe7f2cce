/** `POST …/sessions/{id}/redrive`: what the recorded client sent goes to another model, as a new session. */
import { v7 } from 'uuid';
import { type RedriveOrder, redriveRequest } from '../durable-objects/redrive.ts';
import { BrokerError } from '../protocol/errors.ts';
import { RedriveRequest, type RedriveShape } from '../protocol/redrive.ts';
import { readRefusal } from '../protocol/refusal.ts';
import type { ProviderAdapter, Target } from '../providers/adapter.ts';
import { providerFor, wireOf } from '../providers/registry.ts';
import type { SessionView } from '../storage/session-store.ts';
import { unknownProvider } from './connect.ts';
import { restToken } from './offer.ts';
import { readBody } from './read-request.ts';
import { ok } from './respond.ts';
import type { RouteContext } from './routes.ts';
import { recorderOf, recordsOf, viewOf } from './session-record.ts';

export async function redriveSession(context: RouteContext): Promise<Response> {
  const { request, env, account, gateway, session } = context;
  const asked = await readBody(request, RedriveRequest);
  const view = await viewOf(context);
  const gaps = await recordsOf(context, ['gap'], 0, 1);
  const why = whyNot(view, gaps.length > 0);
  if (why !== null) throw new BrokerError('not_replayable', { what: 're-driven', why });
  const adapter = providerFor(asked.provider ?? view.opening.provider, env);
  if (adapter === undefined) throw unknownProvider(asked.provider ?? view.opening.provider, env);
  const id = v7();
  const order = orderOf(context, asked, view, adapter, id);
  const recorder = recorderOf({ ...context, session: id });
  const response = await recorder.fetch(redriveRequest(order));
  const refusal = readRefusal(response);
  if (refusal !== null) throw new BrokerError(refusal.error);
  // The new session was refused, as it would have been to any client.
  if (response.status !== ACCEPTED) return response;
  const result: RedriveShape = {
    id,
    redrive_of: session,
    provider: adapter.id,
    model: asked.model ?? modelOf(view),
    frames: view.totals?.frames_up ?? 0,
  };
  const headers = { location: `/v1/${account}/${gateway}/sessions/${id}` };
  return new Response(ok(result).body, { status: ACCEPTED, headers: { ...JSON_HEADERS, ...headers } });
}

const ACCEPTED = 202;
const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' };

/** Why the record does not hold what its client sent; null: it does. */
function whyNot({ opening, ending, totals }: SessionView, hasGaps: boolean): string | null {
  if (ending === null) return 'it is still live';
  if (opening.log !== 'full') return `its log mode was ${opening.log}, so no payloads are kept`;
  if ((totals?.frames_redacted ?? 0) > 0)
    return `rules took something out of ${totals?.frames_redacted} of its frames before they were stored`;
  if (hasGaps || (totals?.frames_not_logged ?? 0) > 0) return 'its log has a gap';
  if ((totals?.frames_up ?? 0) === 0) return 'its client sent nothing';
  return null;
}

function orderOf(
  { request, env, account, gateway, session }: RouteContext,
  asked: RedriveRequest,
  view: SessionView,
  adapter: ProviderAdapter,
  id: string,
): RedriveOrder {
  const { opening } = view;
  if (wireOf(adapter.id, env) !== wireOf(opening.provider, env)) {
    throw new BrokerError('not_replayable', {
      what: `re-driven to ${adapter.id}`,
      why: `its client spoke the wire of ${opening.provider}`,
    });
  }
  const own = adapter.id === opening.provider ? (opening.path ?? '') : '';
  const path = asked.path ?? own.replace(/[?#]/g, encodeURIComponent);
  const before = modelOf(view);
  const model = asked.model ?? before;
  const query = [...Object.entries(asked.query), ...modelQuery(adapter, path, model)];
  const url = new URL(`/v1/${account}/${gateway}/${adapter.id}/${path}`.replace(/\/$/, ''), request.url);
  // In the query, since a header holds ASCII alone.
  if (asked.metadata !== undefined) url.searchParams.set('cf-aig-metadata', JSON.stringify(asked.metadata));
  for (const [name, value] of query) url.searchParams.append(name, value);
  return {
    source: { account, gateway, id: session },
    url: url.href,
    headers: upgradeHeaders(request, session, id),
    provider: adapter.id,
    recorded: { path: opening.path ?? '', query: modelQuery(adapter, opening.path ?? '', opening.model) },
    now: { path, query },
    model: before === null || model === null || before === model ? null : { from: before, to: model },
    mode: asked.mode,
    speed: asked.speed,
    waitMs: asked.wait * MS_PER_SECOND,
    maxMs: asked.max_seconds * MS_PER_SECOND,
  };
}

const MS_PER_SECOND = 1000;

function modelOf({ opening, totals }: SessionView): string | null {
  return opening.model ?? totals?.model ?? null;
}

/** Nothing where the provider's clients name the model in a frame. */
function modelQuery(adapter: ProviderAdapter, path: string, model: string | null): Target['query'] {
  if (model === null) return [];
  const query: Target['query'] = [['model', model]];
  return adapter.modelOf({ path, query }) === model ? query : [];
}

/** The caller opens the new session, with its own right to: its token goes along, and is kept nowhere. */
function upgradeHeaders(request: Request, of: string, id: string): Record<string, string> {
  const alias = request.headers.get('cf-aig-byok-alias');
  return {
    upgrade: 'websocket',
    'cf-aig-authorization': `Bearer ${restToken(request.headers) ?? ''}`,
    'user-agent': 'parley-redrive',
    'parley-session': id,
    // Nobody comes back to it.
    'parley-grace': '0',
    'parley-redrive-of': of,
    ...(alias === null ? {} : { 'cf-aig-byok-alias': alias }),
  };
}
