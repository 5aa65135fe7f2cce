/**
 * fal: any model, by HTTP over WebSocket (ws.fal.run) or by its realtime wire (fal.run). Sources: docs.fal.ai and
 * `@fal-ai/client` 1.10.1, as of 2026-11.
 */
import type { ConnectRequest, ProviderAdapter, UpstreamRequest } from './adapter.ts';
import { falActs } from './fal-acts.ts';
import { endFal, type FalState, readFal, restoreFal } from './fal-read.ts';

const HTTP_BASE_URL = 'https://ws.fal.run';
const REALTIME_BASE_URL = 'https://fal.run';
const REALTIME = '/realtime';

/** An owner and a name at least, and no segment of dots alone: the path becomes part of a URL. */
const MODEL = /^(?!\.+(?:\/|$))[\w.~-]+(?:\/(?!\.+(?:\/|$))[\w.~-]+)+$/;
/** fal's short-lived tokens are JWTs; its keys are an id, a colon and a secret. */
const TOKEN = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

export const fal: ProviderAdapter<FalState> = {
  id: 'fal',
  aliases: [],
  stateVersion: 1,
  streamedText: [{ path: '**.delta' }, { path: '**.partial' }],
  settings: { key: 'FAL_API_KEY', baseUrl: 'FAL_BASE_URL', defaultBaseUrl: HTTP_BASE_URL },
  carriers: [
    { in: 'header', name: 'authorization', schemes: ['Key', 'Bearer'] },
    { in: 'subprotocol', prefix: 'fal-api-key.' },
    { in: 'query', name: 'fal_jwt_token' },
  ],
  forwardHeaders: [],
  signalHeaders: [],
  // The path is the model; a `model` in the query only asks for the simulator.
  modelOf,
  accepts: (path) =>
    MODEL.test(path) && path.replace(/\/realtime$/, '').includes('/')
      ? { ok: true }
      : { ok: false, suggestion: 'fal-ai/fast-lcm-diffusion' },
  errorFrame: ({ code, message }) => JSON.stringify({ type: 'x-fal-error', error: code, reason: message }),
  begin: (request) => ({
    form: isRealtime(request) ? 'realtime' : 'http',
    model: modelOf(request),
    dials: 0,
    counted: 0,
    unanswered: [],
    answer: null,
  }),
  acts: (request) => falActs(isRealtime(request)),
  dial,
  read: (state, from, payload) => ({ ...readFal(state, from, payload), route: 'across' }),
  intercepts: () => false,
  restore: (state) => ({ ...restoreFal(state), complete: true }),
  owes: (state) => state.answer !== null || state.unanswered.length > 0,
  atEnd: endFal,
};

function isRealtime({ path }: Pick<ConnectRequest, 'path'>): boolean {
  return path.endsWith(REALTIME);
}

function modelOf({ path, query }: Pick<ConnectRequest, 'path' | 'query'>): string | null {
  const asked = query.find(([name]) => name === 'model')?.[1];
  return asked ?? (path.endsWith(REALTIME) ? path.slice(0, -REALTIME.length) : path);
}

function dial(request: ConnectRequest): UpstreamRequest {
  // A base URL of the deployment's own stands for both of fal's.
  const isFal = request.baseUrl === HTTP_BASE_URL;
  const base = isFal && isRealtime(request) ? REALTIME_BASE_URL : request.baseUrl;
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const [name, value] of request.query) if (name !== 'model') query.append(name, value);
  // A subprotocol cannot hold the colon of a key, so clients escape it there.
  const credential = request.credential?.replace(/%3a/i, ':') ?? null;
  // The realtime wire takes tokens by query; a key is good for a header on either wire.
  if (credential !== null && TOKEN.test(credential)) query.append('fal_jwt_token', credential);
  else if (credential !== null) headers['Authorization'] = `Key ${credential}`;
  return {
    url: `${base}/${request.path}${query.size === 0 ? '' : `?${query.toString()}`}`,
    headers,
    subprotocols: [],
  };
}
