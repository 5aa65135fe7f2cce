/**
 * Cartesia: text to speech (Sonic) and speech to text (Ink), by finalize and by turns. Sources: `@cartesia/cartesia-js`
 * 4.2.0 and docs.cartesia.ai, as of 2026-11.
 */
import type { Observation } from '../protocol/observations.ts';
import type {
  ConnectRequest,
  Payload,
  ProviderAdapter,
  Reading,
  Sender,
  UpstreamRequest,
} from './adapter.ts';
import { finalizeActs, speechActs, turnActs } from './cartesia-acts.ts';
import { errorFrame } from './cartesia-error.ts';
import { contextSharing } from './context-sharing.ts';
import {
  beginListening,
  endListening,
  type ListeningState,
  owesText,
  readListening,
  restoreListening,
} from './cartesia-listening.ts';
import { cartesiaSound } from './cartesia-sound.ts';
import {
  endSpeech,
  owesSpeech,
  readSpeech,
  restoreSpeech,
  SILENT,
  type SpeechState,
} from './cartesia-speech.ts';
import { greetingOf } from './kept-greeting.ts';

export type CartesiaState = SpeechState | ListeningState;

const SPEECH = 'tts/websocket';
const BY_FINALIZE = 'stt/websocket';
const BY_TURNS = 'stt/turns/websocket';
const PATHS: readonly string[] = [SPEECH, BY_FINALIZE, BY_TURNS];

/** Cloudflare's gateway URL has no path, and means speech. */
function pathOf(request: Pick<ConnectRequest, 'path'>): string {
  return request.path === '' ? SPEECH : request.path;
}

export const cartesia: ProviderAdapter<CartesiaState> = {
  id: 'cartesia',
  aliases: [],
  stateVersion: 3,
  streamedText: [
    { path: 'transcript', exceptType: '*' },
    { path: 'word_timestamps.words.*' },
    { path: 'phoneme_timestamps.phonemes.*' },
    { type: 'transcript', path: 'text' },
    { path: 'words.*.word' },
    { type: 'turn.*', exceptType: 'turn.end', path: 'transcript' },
  ],
  settings: {
    key: 'CARTESIA_API_KEY',
    baseUrl: 'CARTESIA_BASE_URL',
    defaultBaseUrl: 'https://api.cartesia.ai',
  },
  carriers: [
    { in: 'header', name: 'authorization', schemes: ['Bearer'] },
    { in: 'header', name: 'x-api-key' },
    { in: 'query', name: 'api_key' },
    { in: 'query', name: 'access_token' },
  ],
  forwardHeaders: ['cartesia-version', 'x-cartesia-client'],
  signalHeaders: [],
  // Speech names its model in each request; there a `model` in the query only asks for the simulator.
  modelOf: ({ query }) => query.find(([name]) => name === 'model')?.[1] ?? null,
  accepts: (path) =>
    path === '' || PATHS.includes(path)
      ? { ok: true }
      : { ok: false, suggestion: PATHS.find((each) => each.split('/')[0] === path.split('/')[0]) ?? SPEECH },
  errorFrame: ({ code, message, status }) => errorFrame({ status, code, title: 'Gateway error', message }),
  greeting: (state) => (state.endpoint === 'tts' ? [] : greetingOf(state)),
  sharing: contextSharing<CartesiaState>({
    up: 'context_id',
    down: /("context_id"\s*:\s*")([^"\\]*)"/,
    live: (state) => (state.endpoint === 'tts' ? state.contexts.map(({ id }) => id) : []),
  }),
  begin: (request) => {
    switch (pathOf(request)) {
      case BY_FINALIZE:
        return beginListening('stt', request.query);
      case BY_TURNS:
        return beginListening('turns', request.query);
      default:
        return SILENT;
    }
  },
  acts: (request) => {
    switch (pathOf(request)) {
      case BY_FINALIZE:
        return finalizeActs;
      case BY_TURNS:
        return turnActs;
      default:
        return speechActs;
    }
  },
  dial,
  read,
  intercepts: (state) => state.endpoint !== 'tts' && state.awaitsGreeting,
  restore: (state) => ({
    ...(state.endpoint === 'tts' ? restoreSpeech(state) : restoreListening(state)),
    complete: true,
  }),
  owes: (state) => (state.endpoint === 'tts' ? owesSpeech(state) : owesText(state)),
  settled: (state) => state.endpoint === 'tts' || state.turn === null,
  atEnd: (state): readonly Observation[] =>
    state.endpoint === 'tts' ? endSpeech(state) : endListening(state),
  sound: cartesiaSound,
};

/** One header takes keys and access tokens alike, and keeps both out of URLs, which end up in logs. */
function dial(request: ConnectRequest): UpstreamRequest {
  const path = pathOf(request);
  const query = new URLSearchParams();
  for (const [name, value] of request.query) {
    if (name !== 'model' || path !== SPEECH) query.append(name, value);
  }
  const headers: Record<string, string> = { ...request.headers };
  if (request.credential !== null) headers['Authorization'] = `Bearer ${request.credential}`;
  return {
    url: `${request.baseUrl}/${path}${query.size === 0 ? '' : `?${query.toString()}`}`,
    headers,
    subprotocols: [],
  };
}

function read(state: CartesiaState, from: Sender, payload: Payload): Reading<CartesiaState> {
  if (state.endpoint === 'tts') return { ...readSpeech(state, from, payload), route: 'across' };
  return { route: 'across', ...readListening(state, from, payload) };
}
