/**
 * ElevenLabs: text-to-speech (with one context, several, or a dialogue), realtime speech-to-text, and agents. Sources: the
 * SDKs `@elevenlabs/elevenlabs-js` 2.73 and `@elevenlabs/client` 1.25, and ElevenLabs' API reference, as of 2026-11.
 */
import { asObject, member, parseJson } from '../protocol/json.ts';
import type {
  Carrier,
  ConnectRequest,
  Payload,
  ProviderAdapter,
  Reading,
  SocketLife,
  UpstreamRequest,
} from './adapter.ts';
import { elevenlabsActs } from './elevenlabs-acts.ts';
import { contextSharing } from './context-sharing.ts';
import {
  type AgentState,
  finishAgent,
  FRESH_AGENT,
  isInitiation,
  pongFor,
  readAgentClient,
  readAgentServer,
} from './elevenlabs-agent.ts';
import { errorFrame } from './elevenlabs-errors.ts';
import { withoutKeys } from './elevenlabs-keys.ts';
import { signedUrl } from './elevenlabs-signed-url.ts';
import { elevenlabsSound } from './elevenlabs-sound.ts';
import {
  beginSpeech,
  finishSpeech,
  readSpeechClient,
  readSpeechServer,
  speechIsOwed,
  type SpeechState,
} from './elevenlabs-speech.ts';
import { restoreSpeech } from './elevenlabs-speech-restore.ts';
import {
  beginTranscription,
  finishTranscription,
  readTranscriptionClient,
  readTranscriptionServer,
  restoreTranscription,
  type TranscriptionState,
} from './elevenlabs-transcription.ts';
import { isSignedUrlPath, modelOf, nativePath, nativeQuery, queryValue, wireOf } from './elevenlabs-wires.ts';
import { greetingOf, withGreeting } from './kept-greeting.ts';

export type ElevenLabsState = SpeechState | TranscriptionState | AgentState;

const KEY_HEADER = 'xi-api-key';
/** What the agents' web client offers, and what is answered to it. */
const AGENT_SUBPROTOCOL = 'convai';
const BEARER_PREFIX = 'bearer.';

/** Credentials that ElevenLabs made for one socket: they say more than a key, so they come first, and go up as they are. */
const SOCKET_CREDENTIALS: readonly Carrier[] = [
  { in: 'query', name: 'conversation_signature' },
  { in: 'query', name: 'token' },
  { in: 'query', name: 'single_use_token' },
];

/** Contexts of a multi-stream socket; requests and answers spell their id differently. */
const speechSharing = contextSharing<ElevenLabsState>({
  up: 'context_id',
  down: /("context_?[iI]d"\s*:\s*")([^"\\]*)"/,
  live: (state) => (state.wire === 'multi' ? state.contexts.map(({ id }) => id) : []),
  // It would end the contexts of all.
  instead: (request, own) =>
    member(request, 'close_socket') === true
      ? own.map((context_id) => JSON.stringify({ context_id, close_context: true }))
      : null,
});

export const elevenlabs: ProviderAdapter<ElevenLabsState> = {
  id: 'elevenlabs',
  aliases: [],
  stateVersion: 4,
  streamedText: [
    { path: 'text', exceptType: '*' },
    { path: 'inputs.*.text' },
    { path: 'words.**.text' },
    { path: '**.chars.*' },
    { path: '**.characters.*' },
    { path: 'text_response_part.text' },
    { path: '**.tentative_agent_response' },
  ],
  settings: {
    key: 'ELEVENLABS_API_KEY',
    baseUrl: 'ELEVENLABS_BASE_URL',
    defaultBaseUrl: 'https://api.elevenlabs.io',
  },
  carriers: [
    ...SOCKET_CREDENTIALS,
    { in: 'header', name: KEY_HEADER },
    { in: 'subprotocol', prefix: `${KEY_HEADER}.` },
    { in: 'query', name: KEY_HEADER },
    { in: 'subprotocol', prefix: BEARER_PREFIX },
    { in: 'query', name: 'authorization' },
    { in: 'header', name: 'authorization', schemes: ['Bearer'] },
  ],
  forwardHeaders: [],
  signalHeaders: [],
  modelOf,
  accepts: (path, query = []) =>
    wireOf({ path, query }) === null
      ? { ok: false, suggestion: path === '' ? '?agent_id=… or ?voice_id=…' : 'v1/convai/conversation' }
      : { ok: true },
  // A text-to-speech socket takes its key in the first message, and a public agent wants none.
  keyless: (target) => wireOf(target) !== 'transcription',
  errorFrame,
  begin,
  acts: (request) => elevenlabsActs(wireOf(request)),
  dial,
  read,
  intercepts: (state) => state.wire === 'transcription' && state.isRestoring,
  restore,
  once: {
    matches: (payload) => {
      const event = textEvent(payload, 'conversation_initiation_client_data');
      return event !== undefined && isInitiation(event);
    },
    // Whoever comes later has got the provider's greeting already.
    answer: null,
  },
  greeting,
  sharing: speechSharing,
  withoutKeys,
  unattended: {
    answer: (payload) => {
      const event = textEvent(payload, 'ping');
      return event === undefined ? null : pongFor(event);
    },
  },
  atEnd,
  rest: { matches: isSignedUrlPath, headers: (key) => ({ [KEY_HEADER]: key }), rewrite: signedUrl },
  owes: (state) => {
    switch (state.wire) {
      case 'agent':
        // An answer that nobody hears is worth no wait, and it brings no usage.
        return false;
      case 'transcription':
        return state.commits > 0;
      default:
        return speechIsOwed(state);
    }
  },
  resumable,
  sound: elevenlabsSound,
};

function begin(request: ConnectRequest): ElevenLabsState {
  const isForOneSocket = SOCKET_CREDENTIALS.some((each) => isSameCarrier(each, request.carrier));
  const about = {
    model: modelOf(request),
    hasKey: request.credential !== null,
    canRedial: !isForOneSocket,
  };
  const wire = wireOf(request) ?? 'agent';
  switch (wire) {
    case 'agent':
      return FRESH_AGENT;
    case 'transcription':
      return beginTranscription({ ...about, format: queryValue(request.query, 'audio_format') });
    default:
      return beginSpeech(wire, { ...about, format: queryValue(request.query, 'output_format') });
  }
}

function isSameCarrier(one: Carrier, other: Carrier | undefined): boolean {
  return one.in === 'query' && other?.in === 'query' && one.name === other.name;
}

/** A key goes as a header, wherever it came from; what is no key goes up in the place in which it came. */
function dial(request: ConnectRequest): UpstreamRequest {
  const { credential, carrier } = request;
  const headers: Record<string, string> = { ...request.headers };
  const query = new URLSearchParams(
    nativeQuery(request).map(([name, value]): [string, string] => [name, value]),
  );
  const subprotocols: string[] = request.subprotocols.filter((each) => each === AGENT_SUBPROTOCOL);
  if (credential !== null) {
    if (carrier?.in === 'query' && carrier.name !== KEY_HEADER) query.append(carrier.name, credential);
    else if (carrier?.in === 'subprotocol' && carrier.prefix === BEARER_PREFIX)
      subprotocols.push(`${BEARER_PREFIX}${credential}`);
    else if (carrier?.in === 'header' && carrier.name === 'authorization')
      headers['authorization'] = `Bearer ${credential}`;
    else headers[KEY_HEADER] = credential;
  }
  return {
    url: `${request.baseUrl}/${nativePath(request) ?? ''}${query.size === 0 ? '' : `?${query.toString()}`}`,
    headers,
    subprotocols,
  };
}

function read(
  state: ElevenLabsState,
  from: { readonly side: 'upstream' | 'client' },
  payload: Payload,
): Reading<ElevenLabsState> {
  const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
  if (event === undefined || typeof payload !== 'string') return { state, observations: [], route: 'across' };
  const isUp = from.side === 'client';
  switch (state.wire) {
    case 'agent': {
      const reading = isUp ? readAgentClient(state, event) : readAgentServer(state, event, payload);
      return { ...reading, route: 'across' };
    }
    case 'transcription': {
      const reading = isUp
        ? readTranscriptionClient(state, event)
        : readTranscriptionServer(
            withGreeting(state, event, payload, ['session_started'], 'message_type'),
            event,
          );
      return { route: 'across', ...reading };
    }
    default: {
      const reading = isUp ? readSpeechClient(state, event) : readSpeechServer(state, event);
      return { ...reading, route: 'across' };
    }
  }
}

function restore(state: ElevenLabsState) {
  const nothing = { upstream: [], clients: [] };
  switch (state.wire) {
    case 'agent':
      return { state, send: nothing, complete: true };
    case 'transcription': {
      const next = restoreTranscription(state);
      return { state: next, send: nothing, complete: !next.isRestoring };
    }
    default:
      return { ...restoreSpeech(state), complete: true };
  }
}

function greeting(state: ElevenLabsState): readonly string[] {
  switch (state.wire) {
    case 'agent':
      return state.metadata === null ? [] : [state.metadata];
    case 'transcription':
      return greetingOf(state);
    default:
      return [];
  }
}

function atEnd(state: ElevenLabsState, life: SocketLife) {
  switch (state.wire) {
    case 'agent':
      return finishAgent(state, life);
    case 'transcription':
      return finishTranscription(state);
    default:
      return finishSpeech(state);
  }
}

const TRANSIENT = [1001, 1006, 1011, 1012, 1013];
/** A text-to-speech socket that got no text for a while: nothing is lost with it. */
const INACTIVITY = /timeout|not received a new text input/i;

/** A conversation with an agent is over with its socket. */
function resumable(code: number, reason: string, state: ElevenLabsState): boolean {
  if (state.wire === 'agent' || !state.canRedial) return false;
  return TRANSIENT.includes(code) || (code === 1008 && INACTIVITY.test(reason));
}

/** The event in a text frame that holds `word` somewhere, so that most frames need not be parsed. */
function textEvent(payload: Payload, word: string) {
  return typeof payload === 'string' && payload.includes(word) ? asObject(parseJson(payload)) : undefined;
}
