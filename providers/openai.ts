/**
 * OpenAI Realtime (GA wire), and whatever speaks it. Sources: the `openai` SDK 7.57, captures of api.openai.com of
 * 2026-09-18, and OpenAI's guides, as of 2026-11.
 */
import { asObject, parseJson } from '../protocol/json.ts';
import type {
  ConnectRequest,
  Payload,
  ProviderAdapter,
  Reading,
  Sender,
  UpstreamRequest,
} from './adapter.ts';
import { BETA_HEADER, betaTranslation } from './openai-beta.ts';
import { readClientEvent, readServerEvent } from './openai-read.ts';
import { beginRestore, continueRestore } from './openai-restore.ts';
import { skim } from './openai-skim.ts';
import { FRESH, type OpenAIState } from './openai-state.ts';

const ORGANIZATION = 'openai-organization';
const PROJECT = 'openai-project';

/** Browsers can set no header, so org and project come as subprotocols there. */
const HEADER_SUBPROTOCOLS = [ORGANIZATION, PROJECT];

export function openaiDialect(
  own: Pick<ProviderAdapter, 'id' | 'aliases' | 'settings'>,
): ProviderAdapter<OpenAIState> {
  return {
    ...own,
    stateVersion: 1,
    carriers: [
      { in: 'header', name: 'authorization', schemes: ['Bearer'] },
      { in: 'subprotocol', prefix: 'openai-insecure-api-key.' },
    ],
    forwardHeaders: [ORGANIZATION, PROJECT, 'openai-safety-identifier'],
    signalHeaders: [BETA_HEADER],
    modelOf: ({ query }) => query.find(([name]) => name === 'model')?.[1] ?? null,
    // SDKs append /realtime to their base URL; Cloudflare's gateway URL has no such suffix.
    accepts: (path) =>
      ['', 'realtime', 'v1/realtime'].includes(path) ? { ok: true } : { ok: false, suggestion: 'realtime' },
    errorFrame: ({ code, message, status }) =>
      JSON.stringify({
        type: 'error',
        event_id: 'event_parley',
        error: {
          type: status >= 500 ? 'server_error' : 'invalid_request_error',
          code,
          message,
          param: null,
          event_id: null,
        },
      }),
    begin: () => FRESH,
    dial,
    read,
    skim,
    translation: betaTranslation,
    intercepts: (state) => state.restoring !== null,
    restore: beginRestore,
    owes: (state) => state.asked > 0 || state.open.length > 0,
  };
}

export const openai = openaiDialect({
  id: 'openai',
  aliases: [],
  settings: {
    key: 'OPENAI_API_KEY',
    baseUrl: 'OPENAI_BASE_URL',
    defaultBaseUrl: 'https://api.openai.com/v1',
  },
});

function dial(request: ConnectRequest): UpstreamRequest {
  const headers: Record<string, string> = { ...request.headers };
  for (const name of HEADER_SUBPROTOCOLS) {
    const offered = request.subprotocols.find((each) => each.startsWith(`${name}.`));
    if (offered !== undefined) headers[name] ??= offered.slice(name.length + 1);
  }
  // Never the key as a subprotocol beside it: OpenAI refuses two credentials. Never the beta signal: it closes with 4000.
  if (request.credential !== null) headers['Authorization'] = `Bearer ${request.credential}`;
  const query = new URLSearchParams();
  for (const [name, value] of targetQuery(request.query)) query.append(name, value);
  return {
    url: `${request.baseUrl}/realtime${query.size === 0 ? '' : `?${query.toString()}`}`,
    headers,
    subprotocols: request.subprotocols.filter((each) => each === 'realtime'),
  };
}

/** A transcription session or a call names its own model; a `model` beside them is refused. */
function targetQuery(query: ConnectRequest['query']): ConnectRequest['query'] {
  const hasOther = query.some(
    ([name, value]) => name === 'call_id' || (name === 'intent' && value === 'transcription'),
  );
  return hasOther ? query.filter(([name]) => name !== 'model') : query;
}

function read(state: OpenAIState, from: Sender, payload: Payload): Reading<OpenAIState> {
  const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
  if (event === undefined) return { state, observations: [], route: 'across' };
  if (from.side === 'client') return { ...readClientEvent(state, event), route: 'across' };
  if (state.restoring !== null) {
    const step = continueRestore(state, event);
    if (step.route === 'nowhere') return { ...step, observations: [] };
  }
  const { expiresAtMs, ...reading } = readServerEvent(state, event);
  return {
    ...reading,
    route: 'across',
    ...(expiresAtMs === undefined ? {} : { expires: { atMs: expiresAtMs } }),
  };
}
