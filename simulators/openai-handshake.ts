/** How OpenAI answers an upgrade: always with 101; what is wrong with the request is said in-band, and closes. */
import type { Problem } from './openai-wire.ts';

export interface Upgrade {
  /** '' for what is no URL. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly offered: readonly string[];
}

export interface InBandRefusal {
  readonly problem: Problem;
  readonly closeCode: number;
}

const KEY_PREFIX = 'openai-insecure-api-key.';
/** Offered values that carry a secret are echoed last. */
const SECRET =
  /^(openai-insecure-api-key|cf-aig-authorization|xai-client-secret|x-?api-key|xi-api-key|api[-_]key|bearer)\b/i;

export function readUpgrade(url: string, headers: Readonly<Record<string, string>>): Upgrade {
  const queryAt = url.indexOf('?');
  const query = new URLSearchParams(queryAt === -1 ? '' : url.slice(queryAt).split('#')[0]);
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((value) => value.trim());
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  return { path, query, headers, offered: offered.filter((value) => value !== '') };
}

export function chooseSubprotocol(offered: readonly string[]): string | null {
  if (offered.includes('realtime')) return 'realtime';
  return offered.find((value) => !SECRET.test(value)) ?? offered[0] ?? null;
}

/** A sideband or transcription session names no model. */
export function modelOf({ query }: Upgrade): string | null {
  return query.get('model') || null;
}

const refuse = (closeCode: number, code: string, message: string): InBandRefusal => ({
  problem: { code, message, param: null },
  closeCode,
});

/** The first thing wrong, in the order in which the service looks. */
export function inBandRefusal(upgrade: Upgrade): InBandRefusal | null {
  const { query, headers, offered } = upgrade;
  const beta =
    /\brealtime=v1\b/.test(headers['openai-beta'] ?? '') || offered.includes('openai-beta.realtime-v1');
  if (beta) {
    const message = 'The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.';
    return refuse(4000, 'beta_api_shape_disabled', message);
  }
  const header = headers['authorization']?.replace(/^Bearer\s+/i, '');
  const protocolKey = offered.find((value) => value.startsWith(KEY_PREFIX))?.slice(KEY_PREFIX.length);
  if (header !== undefined && protocolKey !== undefined) {
    // Whether the service closes with 3000 or refuses the upgrade is not known; the sentence is its own.
    const message = 'You must only send one of protocol api key and Authorization header';
    return refuse(3000, 'invalid_authorization', message);
  }
  const key = header ?? protocolKey ?? '';
  if (key.includes('bad')) {
    const message = `Incorrect API key provided: ${key.slice(0, 4)}***. You can find your API key at https://platform.openai.com/account/api-keys.`;
    return refuse(3000, 'invalid_api_key', message);
  }
  return modelRefusal(query);
}

function modelRefusal(query: URLSearchParams): InBandRefusal | null {
  const model = query.get('model') || null;
  if (model === null) {
    if (query.get('intent') === 'transcription' || query.has('call_id')) return null;
    return refuse(4000, 'missing_model', 'You must provide a model parameter.');
  }
  const simulated = model.startsWith('sim-');
  if (!simulated && query.get('intent') === 'transcription') {
    return refuse(
      4000,
      'invalid_model',
      'You must not provide a model parameter for transcription sessions.',
    );
  }
  // Models of other endpoints, which clients do pass by mistake.
  if (model === 'nope' || (!simulated && /transcribe|whisper|^gpt-live/.test(model))) {
    return refuse(4000, 'invalid_model', `Model "${model}" is not supported in realtime mode.`);
  }
  return null;
}
