/**
 * Deepgram's models on Cloudflare's network. They speak Deepgram's wire; the model is a query parameter, and every other
 * parameter is the model's. By the AI binding of the deployment, as Cloudflare documents it; else by a REST URL, of which
 * Cloudflare documents the HTTP form only: that it takes an upgrade is not verified.
 */
import type { ConnectRequest, UpstreamRequest } from './adapter.ts';
import { deepgramDialect } from './deepgram-dialect.ts';
import type { Wire } from './deepgram-state.ts';

export const workersAi = deepgramDialect({
  id: 'workers-ai',
  aliases: [],
  settings: {
    key: 'WORKERS_AI_API_KEY',
    baseUrl: 'WORKERS_AI_BASE_URL',
    defaultBaseUrl: 'https://api.cloudflare.com/client/v4/accounts/{WORKERS_AI_ACCOUNT_ID}/ai/run',
    binding: 'AI',
  },
  carriers: [{ in: 'header', name: 'authorization', schemes: ['Bearer'] }],
  forwardHeaders: [],
  modelOf,
  accepts: (path) => (path === '' ? { ok: true } : { ok: false, suggestion: '?model=@cf/deepgram/nova-3' }),
  wireOf: (request) => wireOf(modelOf(request) ?? ''),
  dial,
});

function modelOf({ query }: Pick<ConnectRequest, 'query'>): string | null {
  return query.find(([name]) => name === 'model')?.[1] ?? null;
}

function wireOf(model: string): Wire {
  if (model.includes('flux')) return 'flux';
  return model.includes('aura') ? 'speak' : 'listen';
}

function dial(request: ConnectRequest): UpstreamRequest {
  const model = modelOf(request) ?? '';
  const parameters = request.query.filter(([name]) => name !== 'model');
  const query = new URLSearchParams();
  for (const [name, value] of parameters) query.append(name, value);
  return {
    url: `${request.baseUrl}/${modelPath(model)}${query.size === 0 ? '' : `?${query.toString()}`}`,
    headers: request.credential === null ? {} : { Authorization: `Bearer ${request.credential}` },
    subprotocols: [],
    // All values are text, as Cloudflare's example has them.
    binding: [model, Object.fromEntries(parameters), { websocket: true }],
  };
}

/** The name comes from a client, and must not lead to another part of Cloudflare's API. */
function modelPath(model: string): string {
  return model
    .split('/')
    .filter((part) => !/^\.*$/.test(part))
    .map((part) => encodeURIComponent(part).replaceAll('%40', '@'))
    .join('/');
}
