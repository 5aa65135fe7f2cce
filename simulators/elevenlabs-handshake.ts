/** How ElevenLabs answers a request: which product it is for, who may use it, and refusals in its own shape. */
import type { Faults } from './faults.ts';
import { hashText } from './seeded.ts';
import type { Handshake, HandshakeRequest } from './simulator.ts';

export interface Upgrade {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly offered: readonly string[];
}

export type Refused = Extract<Handshake, { kind: 'refuse' }>;

const SIGNATURE_PREFIX = 'cvtkn_';
const SIGNATURE_MS = 15 * 60_000;
const HOST = 'wss://api.elevenlabs.io';
const CONVERSATION = '/v1/convai/conversation';

export function readUpgrade({ url, headers }: HandshakeRequest): Upgrade {
  const { pathname, searchParams } = new URL(url);
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((value) => value.trim());
  return { path: pathname, query: searchParams, headers, offered: offered.filter((value) => value !== '') };
}

/** An HTTP answer in ElevenLabs' error shape. */
export function refusal(status: number, code: string, message: string): Refused {
  return {
    kind: 'refuse',
    status,
    headers: { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '2' } : {}) },
    body: JSON.stringify({ detail: { status: code, message } }),
  };
}

const REFUSALS = [
  ['connect_401', 401, 'invalid_api_key', 'Invalid API key'],
  ['connect_403', 403, 'missing_permissions', 'The API key lacks a permission for this operation.'],
  ['connect_429', 429, 'too_many_concurrent_requests', 'Too many concurrent requests.'],
  ['connect_503', 503, 'system_busy', 'The service is busy. Try again later.'],
] as const;

/** The refusal that the dials ask for, or that the key deserves. A request without a key passes: none is needed here. */
export function refusedConnect({ headers, query }: Upgrade, faults: Readonly<Faults>): Refused | null {
  const found = REFUSALS.find(([name]) => faults[name]);
  if (found !== undefined) return refusal(found[1], found[2], found[3]);
  const keys = [
    headers['xi-api-key'],
    headers['authorization'],
    query.get('authorization'),
    query.get('single_use_token'),
  ];
  return keys.some((key) => key?.includes('bad') === true)
    ? refusal(401, 'invalid_api_key', 'Invalid API key')
    : null;
}

export function chooseSubprotocol(offered: readonly string[]): string | null {
  return offered.includes('convai') ? 'convai' : null;
}

/** `GET …/get-signed-url`; null for any other request. */
export function signedUrlAnswer({ path, query }: Upgrade, now: number): Refused | null {
  if (![`${CONVERSATION}/get-signed-url`, `${CONVERSATION}/get_signed_url`].includes(path)) return null;
  const agentId = query.get('agent_id');
  const headers = { 'content-type': 'application/json' };
  if (agentId === null) {
    const detail = [{ loc: ['query', 'agent_id'], msg: 'Field required', type: 'missing' }];
    return { kind: 'refuse', status: 422, headers, body: JSON.stringify({ detail }) };
  }
  const signed = new URLSearchParams({
    agent_id: agentId,
    conversation_signature: signatureFor(agentId, now + SIGNATURE_MS),
  });
  const body = { signed_url: `${HOST}${CONVERSATION}?${signed.toString()}` };
  return { kind: 'refuse', status: 200, headers, body: JSON.stringify(body) };
}

/** What is wrong with the way to an agent, or null. One whose id says `private` is reached with a signature or a key. */
export function agentProblem({ query, headers, offered }: Upgrade, now: number): string | null {
  const agentId = query.get('agent_id');
  if (agentId === null) return 'agent_id is missing.';
  if (agentId.includes('missing')) return `Could not find an agent with the id ${agentId}.`;
  const signature = query.get('conversation_signature');
  if (signature !== null)
    return isValid(signature, agentId, now) ? null : 'The signature is not valid, or has expired.';
  const hasKey = headers['xi-api-key'] !== undefined || offered.some((each) => each.startsWith('bearer.'));
  return agentId.includes('private') && !hasKey ? 'This agent needs authorization: use a signed URL.' : null;
}

function signatureFor(agentId: string, until: number): string {
  const end = until.toString(36);
  return `${SIGNATURE_PREFIX}${end}_${hashText(`${agentId} ${end}`).toString(36)}`;
}

function isValid(signature: string, agentId: string, now: number): boolean {
  const until = Number.parseInt(signature.slice(SIGNATURE_PREFIX.length).split('_')[0] ?? '', 36);
  return until >= now && signature === signatureFor(agentId, until);
}
