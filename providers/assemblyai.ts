/**
 * AssemblyAI Universal-Streaming v3: speech to text with turns, billed by the time for which the socket is open. Sources:
 * `assemblyai` 4.41.5 and AssemblyAI's API specification of March 2026.
 */
import { asCount, asObject, asText, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';
import type { Observation, UsageObservation } from '../protocol/observations.ts';
import { byType, only, readActs } from './acts.ts';
import type {
  ConnectRequest,
  Payload,
  ProviderAdapter,
  Reading,
  Sender,
  UpstreamRequest,
} from './adapter.ts';
import { type Greeted, greetingOf, withGreeting } from './kept-greeting.ts';

import { assemblyaiSound } from './assemblyai-sound.ts';
/** An update or the end is for everybody on the socket. */
const ACTS = readActs({
  object: byType(
    new Map([
      ['ForceEndpoint', only(['type'], 'speak')],
      ['KeepAlive', only(['type'], 'attend')],
      ['UpdateConfiguration', () => 'configure' as const],
      ['Terminate', () => 'configure' as const],
    ]),
  ),
  binary: 'speak',
});

const PATH = 'v3/ws';
const TERMINATE = '{"type":"Terminate"}';
const DEFAULT_RATE = 16_000;
/** A temporary token goes by query; an API key has no dots and is no longer than this. */
const KEY = /^[0-9a-zA-Z_-]{1,64}$/;

export type AssemblyState = Greeted & {
  readonly model: string | null;
  /** With it, a turn's last transcript is the formatted one, which comes second. */
  readonly formatTurns: boolean;
  readonly bytesPerMs: number | null;
  readonly socket: number;
  readonly turn: number | null;
  /** Its last transcript is still to come. */
  readonly isTurnOpen: boolean;
  readonly closing: boolean;
  readonly billed: boolean;
};

export const assemblyai: ProviderAdapter<AssemblyState> = {
  id: 'assemblyai',
  aliases: [],
  stateVersion: 2,
  streamedText: [{ path: '**.transcript' }, { path: '**.utterance' }, { path: '**.words.*.text' }],
  settings: {
    key: 'ASSEMBLYAI_API_KEY',
    baseUrl: 'ASSEMBLYAI_BASE_URL',
    defaultBaseUrl: 'https://streaming.assemblyai.com',
  },
  carriers: [
    { in: 'header', name: 'authorization', schemes: ['Bearer'] },
    { in: 'query', name: 'token' },
  ],
  forwardHeaders: [],
  signalHeaders: [],
  modelOf: ({ query }) => valueOf(query, 'model') ?? valueOf(query, 'speech_model') ?? null,
  accepts: (path) => (path === '' || path === PATH ? { ok: true } : { ok: false, suggestion: PATH }),
  errorFrame: ({ close, message }) => JSON.stringify({ type: 'Error', error_code: close, error: message }),
  greeting: greetingOf,
  begin,
  acts: () => ACTS,
  dial,
  read,
  skim: (state, from, payload) => (typeof payload === 'string' ? null : audioOf(state, from, payload)),
  intercepts: () => false,
  restore: (state) => ({
    state: {
      ...state,
      socket: state.socket + 1,
      turn: null,
      isTurnOpen: false,
      closing: false,
      billed: false,
    },
    send: { upstream: [], clients: [] },
    complete: true,
  }),
  owes: (state) => state.closing,
  settled: (state) => !state.isTurnOpen,
  // A session that is not told of its end goes on being billed.
  farewell: (state) => (state.closing || state.billed ? null : TERMINATE),
  atEnd: (state, { openMs }) =>
    state.billed
      ? []
      : [usage(state, 'measured', openMs / 1000, { session_duration_seconds: openMs / 1000 })],
  sound: assemblyaiSound,
  // 3005 is the service's catch-all for its own failures; the other 3000s would come again.
  resumable: (code) => [1001, 1006, 1011, 1012, 1013, 3005].includes(code),
};

function valueOf(query: ConnectRequest['query'], name: string): string | undefined {
  return query.find(([each]) => each === name)?.[1];
}

function begin(request: ConnectRequest): AssemblyState {
  const { query } = request;
  return {
    model: assemblyai.modelOf(request),
    formatTurns: valueOf(query, 'format_turns') === 'true',
    bytesPerMs: bytesPerMs(
      valueOf(query, 'encoding') ?? 'pcm_s16le',
      Number(valueOf(query, 'sample_rate') ?? DEFAULT_RATE),
    ),
    socket: 0,
    turn: null,
    isTurnOpen: false,
    closing: false,
    billed: false,
  };
}

/** Null for compressed encodings, whose bytes do not tell how long they sound. */
function bytesPerMs(encoding: string, sampleRate: number): number | null {
  if (!Number.isInteger(sampleRate) || sampleRate < 1) return null;
  switch (encoding) {
    case 'pcm_s16le':
      return (sampleRate * 2) / 1000;
    case 'pcm_mulaw':
      return sampleRate / 1000;
    default:
      return null;
  }
}

function dial(request: ConnectRequest): UpstreamRequest {
  const query = new URLSearchParams();
  for (const [name, value] of request.query) {
    // AssemblyAI's parameter is `speech_model`; `model` only asks for the simulator.
    if (name !== 'model') query.append(name, value);
  }
  const { credential } = request;
  const isKey = credential !== null && KEY.test(credential);
  if (credential !== null && !isKey) query.append('token', credential);
  return {
    url: `${request.baseUrl}/${PATH}${query.size === 0 ? '' : `?${query.toString()}`}`,
    // The bare key: a scheme before it is refused.
    headers: isKey ? { Authorization: credential } : {},
    subprotocols: [],
  };
}

function read(state: AssemblyState, from: Sender, payload: Payload): Reading<AssemblyState> {
  if (typeof payload !== 'string')
    return { state, observations: audioOf(state, from, payload), route: 'across' };
  const message = asObject(parseJson(payload));
  if (message === undefined) return { state, observations: [], route: 'across' };
  if (from.side === 'upstream')
    return { ...readServer(withGreeting(state, message, payload, ['Begin']), message), route: 'across' };
  const closes = message['type'] === 'Terminate' && !state.closing;
  return { state: closes ? { ...state, closing: true } : state, observations: [], route: 'across' };
}

function audioOf(state: AssemblyState, { side }: Sender, { byteLength: bytes }: ArrayBuffer) {
  if (side === 'upstream' || bytes === 0) return [];
  const ms = state.bytesPerMs === null ? null : bytes / state.bytesPerMs;
  return [{ kind: 'audio', speaker: 'user', bytes, ms } as const];
}

type Read = Pick<Reading<AssemblyState>, 'state' | 'observations' | 'expires'>;

function readServer(state: AssemblyState, message: JsonObject): Read {
  switch (message['type']) {
    case 'Begin': {
      const at = asCount(message['expires_at']);
      return { state, observations: [], ...(at === undefined ? {} : { expires: { atMs: at * 1000 } }) };
    }
    case 'Turn':
      return readTurn(state, message);
    case 'Termination': {
      const seconds = asCount(message['session_duration_seconds']);
      if (seconds === undefined) return { state, observations: [] };
      return {
        state: { ...state, closing: false, billed: true },
        observations: [usage(state, 'provider', seconds, message)],
      };
    }
    case 'Error': {
      const code = message['error_code'];
      const shown = typeof code === 'number' ? String(code) : (asText(code) ?? 'error');
      return {
        state,
        observations: [{ kind: 'error', code: shown, message: asText(message['error']) ?? '' }],
      };
    }
    default:
      return { state, observations: [] };
  }
}

/** Transcripts grow within a turn; what counts is the last one, which with `format_turns` is the formatted one. */
function readTurn(state: AssemblyState, message: JsonObject): Read {
  const order = asCount(message['turn_order']);
  if (order === undefined) return { state, observations: [] };
  const responseId = `turn_${state.socket}_${order}`;
  const text = asText(message['transcript']) ?? '';
  const isFinal =
    message['end_of_turn'] === true && (!state.formatTurns || message['turn_is_formatted'] === true);
  const observations: Observation[] = [];
  if (state.turn !== order) observations.push({ kind: 'response.started', responseId });
  if (text !== '') observations.push({ kind: 'response.output', responseId, of: 'text' });
  if (isFinal && text !== '')
    observations.push({ kind: 'transcript', speaker: 'user', itemId: responseId, text });
  if (isFinal) observations.push({ kind: 'response.ended', responseId, outcome: 'completed' });
  const isSame = state.turn === order && state.isTurnOpen === !isFinal;
  return { state: isSame ? state : { ...state, turn: order, isTurnOpen: !isFinal }, observations };
}

function usage(
  { model, socket }: AssemblyState,
  source: UsageObservation['source'],
  seconds: number,
  raw: JsonValue,
): UsageObservation {
  return {
    kind: 'usage',
    dedupeKey: `session_${socket}`,
    purpose: 'response',
    model,
    usage: { unit: 'seconds', seconds },
    source,
    raw,
  };
}
