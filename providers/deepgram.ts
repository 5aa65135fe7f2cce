/** Deepgram itself: speech to text (v1 and Flux), text to speech (v1 and v2), and the voice agent. */
import type { ConnectRequest, UpstreamRequest } from './adapter.ts';
import { deepgramDialect } from './deepgram-dialect.ts';
import type { Wire } from './deepgram-state.ts';

const DEFAULT_BASE_URL = 'https://api.deepgram.com';
/** The voice agent has a host of its own. */
const AGENT_BASE_URL = 'https://agent.deepgram.com';
const AGENT_PATH = 'v1/agent/converse';
/** In a browser it comes as a subprotocol, followed by its value. */
const SESSION_ID = 'x-deepgram-session-id';

const WIRES = new Map<string, Wire>([
  ['v1/listen', 'listen'],
  ['v2/listen', 'flux'],
  ['v1/speak', 'speak'],
  ['v2/speak', 'speech'],
  [AGENT_PATH, 'agent'],
]);

export const deepgram = deepgramDialect({
  id: 'deepgram',
  aliases: [],
  settings: { key: 'DEEPGRAM_API_KEY', baseUrl: 'DEEPGRAM_BASE_URL', defaultBaseUrl: DEFAULT_BASE_URL },
  carriers: [
    { in: 'header', name: 'authorization', schemes: ['Token', 'Bearer'] },
    { in: 'subprotocol-pair', name: 'token' },
    { in: 'subprotocol-pair', name: 'bearer' },
  ],
  forwardHeaders: [SESSION_ID],
  modelOf: ({ query }) => query.find(([name]) => name === 'model')?.[1] ?? null,
  accepts: (path) => (WIRES.has(path) ? { ok: true } : { ok: false, suggestion: nearest(path) }),
  // Only paths of the table are accepted.
  wireOf: ({ path }) => WIRES.get(path) ?? 'listen',
  dial,
});

function nearest(path: string): string {
  if (path.includes('agent')) return AGENT_PATH;
  return path.includes('speak') ? 'v1/speak' : 'v1/listen';
}

function dial(request: ConnectRequest): UpstreamRequest {
  const isAgent = request.path === AGENT_PATH;
  const headers: Record<string, string> = { ...request.headers };
  const named = request.subprotocols.indexOf(SESSION_ID);
  const sessionId = named === -1 ? undefined : request.subprotocols[named + 1];
  if (sessionId !== undefined) headers[SESSION_ID] ??= sessionId;
  const { credential } = request;
  if (credential !== null)
    headers['Authorization'] = `${isJwt(credential) ? 'Bearer' : 'Token'} ${credential}`;
  const query = new URLSearchParams();
  for (const [name, value] of request.query) {
    // The agent's models are in its settings: there the parameter only asks for the simulator.
    if (!isAgent || name !== 'model') query.append(name, value);
  }
  const baseUrl = isAgent && request.baseUrl === DEFAULT_BASE_URL ? AGENT_BASE_URL : request.baseUrl;
  const url = `${baseUrl}/${request.path}${query.size === 0 ? '' : `?${query.toString()}`}`;
  return { url, headers, subprotocols: [] };
}

/** A temporary token is a JWT, and wants another scheme; API keys are hexadecimal. */
function isJwt(credential: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(credential);
}
