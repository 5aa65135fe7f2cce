/**
 * A simulated Gemini Live service, on the Gemini API and on Vertex AI: binary frames, closes in place of errors, a context
 * that is billed again each turn, handles that carry a session to another socket. What it says is a script.
 */
import { readDials, type Faults } from './faults.ts';
import { GeminiSession } from './gemini-session.ts';
import type { Refusal } from './gemini-wire.ts';
import { hashText } from './seeded.ts';
import type { Handshake, Simulator } from './simulator.ts';

const METHODS =
  /\/(?:ws\/google\.ai\.generativelanguage\.v\w+\.GenerativeService\.BidiGenerateContent(?<constrained>Constrained)?|(?<vertex>ws\/google\.cloud\.aiplatform\.v\w+\.LlmBidiService\/BidiGenerateContent))$/;

const BAD_KEY: Refusal = { code: 1007, reason: 'API key not valid. Please pass a valid API key.' };
/** Without a credential nothing is refused: the broker dials its own simulator with none. */
const NOT_A_TOKEN: Refusal = {
  code: 1008,
  reason: "Method doesn't allow unregistered callers. Please use an ephemeral token.",
};

/** A service of its own: it knows which of its sessions have a connection. */
export function geminiService(): Simulator {
  const connected = new Set<string>();
  return (request, now) => {
    const url = new URL(request.url);
    const reading = readDials(url.searchParams);
    if (!reading.ok) return refuse(400, 'INVALID_ARGUMENT', reading.message);
    const { dials } = reading;
    if (dials.faults.connect_hang) return { kind: 'hang' };
    const refused = refusedConnect(dials.faults);
    if (refused !== null) return refused;
    const method = METHODS.exec(url.pathname);
    if (method === null) return refuse(404, 'NOT_FOUND', 'Method not found.');
    const session = new GeminiSession({
      seed: dials.seed ?? hashText(`${request.url} ${now}`).toString(36),
      dials,
      onVertex: method.groups?.['vertex'] !== undefined,
      refusal: keyRefusal(url, request.headers, method.groups?.['constrained'] !== undefined),
      connected,
    });
    // Google uses no subprotocol.
    return { kind: 'accept', subprotocol: null, session };
  };
}

export const geminiSimulator: Simulator = geminiService();

/** The upgrade succeeds whatever the key is; the socket then closes with the reason. */
function keyRefusal(
  { searchParams }: URL,
  headers: Readonly<Record<string, string>>,
  isConstrained: boolean,
): Refusal | null {
  const key =
    searchParams.get('key') ??
    searchParams.get('access_token') ??
    headers['x-goog-api-key'] ??
    headers['authorization'] ??
    '';
  if (key.includes('bad')) return BAD_KEY;
  return isConstrained && !key.startsWith('auth_tokens/') ? NOT_A_TOKEN : null;
}

const REFUSALS = [
  ['connect_401', 401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.'],
  ['connect_403', 403, 'PERMISSION_DENIED', 'The caller does not have permission.'],
  ['connect_429', 429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted. Please try again in 2 s.'],
  ['connect_503', 503, 'UNAVAILABLE', 'The service is currently unavailable.'],
] as const;

function refusedConnect(faults: Readonly<Faults>): Handshake | null {
  const found = REFUSALS.find(([name]) => faults[name]);
  return found === undefined ? null : refuse(found[1], found[2], found[3]);
}

/** An HTTP answer in Google's error shape. */
function refuse(code: number, status: string, message: string): Handshake {
  const headers = { 'content-type': 'application/json', ...(code === 429 ? { 'retry-after': '2' } : {}) };
  return {
    kind: 'refuse',
    status: code,
    headers,
    body: JSON.stringify({ error: { code, message, status } }),
  };
}
