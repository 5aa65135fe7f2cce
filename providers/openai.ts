/**
 * OpenAI Realtime (GA wire), and whatever speaks it. Sources: the `openai` SDK 7.57, captures of api.openai.com of
 * 2026-09-18, and OpenAI's guides, as of 2026-11.
 */
import type { JsonObject } from '../protocol/json.ts';
import type {
  ConnectRequest,
  Payload,
  ProviderAdapter,
  Reading,
  Sender,
  UpstreamRequest,
} from './adapter.ts';
import { neighbourActs, openaiActs } from './openai-acts.ts';
import { madeIds } from './openai-made-ids.ts';
import { BETA_HEADER, betaTranslation } from './openai-beta.ts';
import {
  beginNeighbour,
  endNeighbour,
  neighbourOf,
  neighbourFarewell,
  neighbourOwes,
  neighbourQuery,
  type NeighbourState,
  readNeighbour,
  readStray,
} from './openai-neighbours.ts';
import { eventOf, expiryOf, readClientEvent, readServerEvent, unfinished } from './openai-read.ts';
import { beginRestore, continueRestore } from './openai-restore.ts';
import { openaiGreeting, openaiSharing } from './openai-sharing.ts';
import { skim } from './openai-skim.ts';
import { listen, silence } from './openai-kept-sound.ts';
import { openaiSounds } from './openai-neighbours-sound.ts';
import { openaiSound } from './openai-sound.ts';
import { FRESH, type OpenAIState } from './openai-state.ts';

/** After the longest session (1001), and when the provider or the connection failed. */
const RESUMABLE_CODES: ReadonlySet<number> = new Set([1001, 1006, 1011, 1012, 1013]);

const ORGANIZATION = 'openai-organization';
const PROJECT = 'openai-project';

/** Browsers can set no header, so org and project come as subprotocols there. */
const HEADER_SUBPROTOCOLS = [ORGANIZATION, PROJECT];

export function openaiDialect(
  own: Pick<ProviderAdapter, 'id' | 'genAiName' | 'aliases' | 'settings'>,
): ProviderAdapter<OpenAIState> {
  return {
    ...own,
    stateVersion: 4,
    streamedText: [
      { type: '*.delta', exceptType: '*audio.delta', path: 'delta' },
      { type: 'conversation.item.input_audio_transcription.segment', path: 'text' },
      { type: 'response.event', path: 'event.delta' },
      { path: '**.logprobs' },
    ],
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
    standIn: { wire: 'openai-realtime', askedOf, targetOf },
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
    acts: () => openaiActs,
    begin: ({ restoredAudioBytes }) =>
      restoredAudioBytes === undefined ? FRESH : { ...FRESH, sound: silence(restoredAudioBytes) },
    dial,
    read,
    skim,
    translation: betaTranslation,
    intercepts: (state) => state.restoring !== null,
    restore: beginRestore,
    greeting: openaiGreeting,
    sharing: openaiSharing((state: OpenAIState) => state),
    owes: (state) => state.asked > 0 || state.open.length > 0,
    settled: (state) => !state.hearing,
    madeIds,
    // Without the session that the provider opened with there is no conversation to go on with.
    resumable: (code, _reason, state) => RESUMABLE_CODES.has(code) && state.session !== null,
    atEnd: (state) => unfinished(state.open),
    sound: openaiSound,
  };
}

/** OpenAI's realtime wire alone: conversations and transcription sessions. */
export const openaiRealtime = openaiDialect({
  id: 'openai',
  aliases: [],
  settings: {
    key: 'OPENAI_API_KEY',
    baseUrl: 'OPENAI_BASE_URL',
    defaultBaseUrl: 'https://api.openai.com/v1',
  },
});

/** All of OpenAI's WebSockets. */
export const openai: ProviderAdapter<OpenAIState | NeighbourState> = {
  ...openaiRealtime,
  accepts: (path) => (neighbourOf(upstreamPath(path)) === null ? openaiRealtime.accepts(path) : { ok: true }),
  modelOf: (request) => {
    const neighbour = neighbourOf(upstreamPath(request.path));
    return neighbour === null || neighbour === 'translation' ? openaiRealtime.modelOf(request) : null;
  },
  begin: (request) => {
    const neighbour = neighbourOf(upstreamPath(request.path));
    return neighbour === null ? openaiRealtime.begin(request) : beginNeighbour(neighbour, request.path);
  },
  acts: ({ path }) => {
    const neighbour = neighbourOf(upstreamPath(path));
    return neighbour === null ? openaiActs : neighbourActs(neighbour);
  },
  read: (state, from, payload) => {
    if (!isNeighbour(state)) return read(state, from, payload);
    const event = eventOf(payload);
    return event === undefined ? readStray(state, from) : readNeighbour(state, from, event);
  },
  skim: (state, from, payload) => (isNeighbour(state) ? null : skim(state, from, payload)),
  translation: (signals, dialled) =>
    neighbourOf(upstreamPath(dialled.path)) === null ? betaTranslation(signals) : null,
  intercepts: (state) => !isNeighbour(state) && openaiRealtime.intercepts(state),
  restore: (state) =>
    isNeighbour(state) ? { state, send: { upstream: [], clients: [] }, complete: true } : beginRestore(state),
  greeting: (state, history) => (isNeighbour(state) ? [] : openaiGreeting(state, history)),
  sharing: openaiSharing((state: OpenAIState | NeighbourState) => (isNeighbour(state) ? null : state)),
  // A neighbour keeps what was said on the socket itself, so there it ends with its socket.
  resumable: (code, reason, state) =>
    !isNeighbour(state) && openaiRealtime.resumable?.(code, reason, state) === true,
  owes: (state) => (isNeighbour(state) ? neighbourOwes(state) : openaiRealtime.owes(state)),
  farewell: (state) => (isNeighbour(state) ? neighbourFarewell(state) : null),
  settled: (state) => isNeighbour(state) || !state.hearing,
  atEnd: (state, life) => (isNeighbour(state) ? endNeighbour(state, life) : unfinished(state.open)),
  sound: openaiSounds,
};

function isNeighbour(state: OpenAIState | NeighbourState): state is NeighbourState {
  return 'neighbour' in state;
}

/** The path below the base URL, which ends in `/v1` as the SDK's does. */
function upstreamPath(path: string): string {
  return path.replace(/^v1\//, '') || 'realtime';
}

function dial(request: ConnectRequest): UpstreamRequest {
  const headers: Record<string, string> = { ...request.headers };
  for (const name of HEADER_SUBPROTOCOLS) {
    const offered = request.subprotocols.find((each) => each.startsWith(`${name}.`));
    if (offered !== undefined) headers[name] ??= offered.slice(name.length + 1);
  }
  // Never the key as a subprotocol beside it: OpenAI refuses two credentials. Never the beta signal: it closes with 4000.
  if (request.credential !== null) headers['Authorization'] = `Bearer ${request.credential}`;
  const path = upstreamPath(request.path);
  const query = new URLSearchParams();
  for (const [name, value] of targetQuery(path, request.query)) query.append(name, value);
  return {
    url: `${request.baseUrl}/${path}${query.size === 0 ? '' : `?${query.toString()}`}`,
    headers,
    subprotocols: request.subprotocols.filter((each) => each === 'realtime'),
  };
}

/** A transcription session or a call names its own model; a `model` beside them is refused. */
function targetQuery(path: string, query: ConnectRequest['query']): ConnectRequest['query'] {
  const neighbour = neighbourOf(path);
  if (neighbour !== null) return neighbourQuery(neighbour, query);
  const hasOther = query.some(
    ([name, value]) => name === 'call_id' || (name === 'intent' && value === 'transcription'),
  );
  return hasOther ? query.filter(([name]) => name !== 'model') : query;
}

/** A call is held where it was made; a transcription session names its model in a frame. */
function askedOf({ path, query }: Pick<ConnectRequest, 'path' | 'query'>): ConnectRequest['query'] | null {
  const isConversation =
    upstreamPath(path) === 'realtime' && !query.some(([name]) => name === 'call_id' || name === 'intent');
  return isConversation ? query.filter(([name]) => name !== 'model') : null;
}

function targetOf(model: string, asked: ConnectRequest['query']): Pick<ConnectRequest, 'path' | 'query'> {
  return { path: 'realtime', query: [['model', model], ...asked] };
}

function read(state: OpenAIState, from: Sender, payload: Payload): Reading<OpenAIState> {
  const event = eventOf(payload);
  return event === undefined ? { state, observations: [], route: 'across' } : readEvent(state, from, event);
}

/** Reads one event of the realtime wire. */
export function readEvent(state: OpenAIState, from: Sender, event: JsonObject): Reading<OpenAIState> {
  if (from.side === 'client') {
    const reading = readClientEvent(state, event);
    return { ...reading, state: listen(reading.state, from, event), route: 'across' };
  }
  if (state.restoring !== null) {
    const step = continueRestore(state, event);
    if (step.route === 'nowhere') {
      const atMs = expiryOf(event);
      return { ...step, observations: [], ...(atMs === null ? {} : { expires: { atMs } }) };
    }
  }
  const { expiresAtMs, ...reading } = readServerEvent(state, event);
  return {
    ...reading,
    state: listen(reading.state, from, event),
    route: 'across',
    ...(expiresAtMs === undefined ? {} : { expires: { atMs: expiresAtMs } }),
  };
}
