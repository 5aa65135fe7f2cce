/**
 * Google's Gemini Live (BidiGenerateContent), and the Gemini API, one of the places that speak it. Sources: `@google/genai`
 * 2.32, Google's protos and guides, and what users reported, as of 2026-11.
 */
import type { JsonObject } from '../protocol/json.ts';
import type {
  Carrier,
  ConnectRequest,
  Payload,
  ProviderAdapter,
  Reading,
  Sender,
  UpstreamRequest,
} from './adapter.ts';
import { UNKNOWN_ACTS } from './acts.ts';
import { geminiActs } from './gemini-acts.ts';
import { madeIds } from './gemini-made-ids.ts';
import { endTurnEarly, readClientMessage, readServerMessage } from './gemini-read.ts';
import { beginRestore, continueRestore } from './gemini-restore.ts';
import { geminiSound } from './gemini-sound.ts';
import { FRESH, type GeminiState } from './gemini-state.ts';
import { field, messageOf, serverFrame } from './gemini-wire.ts';

/** What differs between the places that speak this wire. */
export interface GeminiPlace extends Pick<
  ProviderAdapter,
  'id' | 'genAiName' | 'aliases' | 'settings' | 'carriers'
> {
  /** Native paths that are served, and the one that the short form stands for. */
  readonly paths: RegExp;
  readonly defaultPath: string;
  /** Whether a setup may announce a history (`historyConfig`). */
  readonly announcesHistory: boolean;
  readonly dial: (request: ConnectRequest) => UpstreamRequest;
}

export function geminiDialect(place: GeminiPlace): ProviderAdapter<GeminiState> {
  const { paths, defaultPath, announcesHistory, dial, ...own } = place;
  return {
    ...own,
    stateVersion: 1,
    streamedText: [{ path: 'serverContent.**.text' }],
    // The SDK's name and version, and the project that pays for a user's own credentials.
    forwardHeaders: ['x-goog-api-client', 'x-goog-user-project'],
    signalHeaders: [],
    modelOf: simulatedModel,
    accepts: (path) =>
      path === '' || paths.test(path) ? { ok: true } : { ok: false, suggestion: defaultPath },
    // Google has no error message: it closes.
    errorFrame: () => null,
    begin: () => FRESH,
    // Another method of the same host has messages of its own, of which nothing is known.
    acts: ({ path }) => (path.endsWith('BidiGenerateMusic') ? UNKNOWN_ACTS : geminiActs),
    dial,
    read,
    intercepts: (state) => state.restoring !== null,
    restore: (state) => beginRestore(state, announcesHistory),
    once: { matches: isSetup, answer: serverFrame({ setupComplete: {} }) },
    owes: (state) => state.asked || (state.turn !== null && state.calls.length === 0),
    madeIds,
    settled: ({ heard, said, calls }) => heard === '' && said === '' && calls.length === 0,
    // Google refuses a handle while the socket before is open (livekit/agents, as of 2026).
    succession: { closesFirst: true },
    atEnd: endTurnEarly,
    sound: geminiSound,
    resumable,
  };
}

const METHOD = 'ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
/** The only method that takes an ephemeral token, in the only version that has them. */
const CONSTRAINED =
  'ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained';
/** The method that an ephemeral token cannot open. */
const PLAIN = /\.BidiGenerateContent$/;
const TOKEN = 'auth_tokens/';

/** Where Google's clients put an API key or a token. */
export const CARRIERS: readonly Carrier[] = [
  { in: 'header', name: 'x-goog-api-key' },
  { in: 'query', name: 'key' },
  // Cloudflare's name for it.
  { in: 'query', name: 'api_key' },
  { in: 'query', name: 'access_token' },
  { in: 'header', name: 'authorization', schemes: ['Bearer', 'Token'] },
];

export const gemini = geminiDialect({
  id: 'google',
  genAiName: 'gcp.gemini',
  aliases: ['google-ai-studio'],
  settings: {
    key: 'GOOGLE_API_KEY',
    baseUrl: 'GOOGLE_BASE_URL',
    defaultBaseUrl: 'https://generativelanguage.googleapis.com',
  },
  carriers: CARRIERS,
  paths:
    /^ws\/google\.ai\.generativelanguage\.(v1|v1beta|v1alpha|v1main)\.GenerativeService\.(BidiGenerateContent|BidiGenerateContentConstrained|BidiGenerateMusic)$/,
  defaultPath: METHOD,
  announcesHistory: true,
  dial: ({ baseUrl, path, query, headers, credential }) => {
    const target = new URLSearchParams(passedOn(query));
    const isToken = credential?.startsWith(TOKEN) === true;
    // OAuth tokens begin so.
    if (credential !== null)
      target.set(isToken || credential.startsWith('ya29.') ? 'access_token' : 'key', credential);
    const method = path === '' ? METHOD : path;
    // Google's own SDK leaves the slash of a token as it is.
    const search = target.toString().replaceAll('%2F', '/');
    const url = `${baseUrl}/${isToken && PLAIN.test(method) ? CONSTRAINED : method}`;
    return { url: `${url}${search === '' ? '' : `?${search}`}`, headers, subprotocols: [] };
  },
});

/** The model stands in the setup. A `model` in the query is not Google's: it asks for the simulator. */
const MODEL = 'model';

function simulatedModel({ query }: Pick<ConnectRequest, 'query'>): string | null {
  const model = query.find(([name]) => name === MODEL)?.[1];
  // Another name would be a claim that the setup need not keep.
  return model?.startsWith('sim-') === true ? model : null;
}

/** The query for Google: without the model, and without what else is ours. */
export function passedOn(query: ConnectRequest['query'], own: readonly string[] = []): [string, string][] {
  return query.flatMap(([name, value]) =>
    name === MODEL || own.includes(name) ? [] : [[name, value] as [string, string]],
  );
}

function read(state: GeminiState, from: Sender, payload: Payload): Reading<GeminiState> {
  const message = messageOf(payload);
  if (message === undefined) return { state, observations: [], route: 'across' };
  if (from.side === 'client') return { ...readClientMessage(state, message), route: 'across' };
  if (state.restoring !== null) {
    const step = continueRestore(state, message);
    if (step !== null) return { ...step, observations: [], restored: true };
  }
  const { expiresInMs, ...reading } = readServerMessage(state, message);
  const expires = expiresInMs === undefined ? {} : { expires: { inMs: expiresInMs } };
  return { ...reading, ...expires, route: 'across' };
}

/** Looked at before each frame is sent, so most frames must be told without parsing. */
function isSetup(payload: Payload): boolean {
  if (typeof payload === 'string' && !payload.includes('"setup"') && !payload.includes('\\u00')) return false;
  const message: JsonObject | undefined = messageOf(payload);
  return message !== undefined && field(message, 'setup') !== undefined;
}

/** What Google closes with when the session may go on elsewhere; the same codes also say "not again". */
function resumable(code: number, reason: string, { setup }: GeminiState): boolean {
  // A socket begins with a setup, and there is none to begin with.
  if (setup === null) return false;
  switch (code) {
    case 1001:
    case 1006:
    case 1012:
    case 1013:
      return true;
    case 1008:
      return /operation was aborted/i.test(reason);
    case 1011:
      return !/quota|RESOURCE_EXHAUSTED/i.test(reason);
    default:
      return false;
  }
}
