/** How Deepgram answers an upgrade: it refuses with HTTP what it can, and says why in the body and in `dg-error`. */
import type { Faults } from './faults.ts';
import { rawEncoding, type RawFormat } from './raw-audio.ts';
import type { Handshake } from './simulator.ts';

export interface Upgrade {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly offered: readonly string[];
  readonly key: string;
}

type Refusal = Extract<Handshake, { kind: 'refuse' }>;

export function readUpgrade(url: string, headers: Readonly<Record<string, string>>): Upgrade {
  const { pathname, searchParams } = new URL(url);
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((value) => value.trim());
  const schemeAt = offered.findIndex((value) => value === 'token' || value === 'bearer');
  const key = headers['authorization']?.replace(/^(Token|Bearer)\s+/i, '');
  return {
    path: decodeURIComponent(pathname),
    query: searchParams,
    offered: offered.filter((value) => value !== ''),
    key: key ?? (schemeAt === -1 ? '' : (offered[schemeAt + 1] ?? '')),
  };
}

/** Which of the offered values the service answers with is not known; the key itself it will hardly be. */
export function chooseSubprotocol({ offered }: Upgrade): string | null {
  return offered.find((value) => value === 'token' || value === 'bearer') ?? null;
}

export function refuse(status: number, code: string, message: string, requestId: string): Refusal {
  return {
    kind: 'refuse',
    status,
    headers: {
      'content-type': 'application/json',
      'dg-error': message,
      'dg-request-id': requestId,
      ...(status === 429 ? { 'retry-after': '2' } : {}),
    },
    body: JSON.stringify({ err_code: code, err_msg: message, request_id: requestId }),
  };
}

const FAULTS = [
  ['connect_401', 401, 'INVALID_AUTH', 'Invalid credentials.'],
  ['connect_403', 403, 'INSUFFICIENT_PERMISSIONS', 'Project does not have access to the requested model.'],
  ['connect_429', 429, 'TOO_MANY_REQUESTS', 'Too many requests. Please try again later.'],
  ['connect_503', 503, 'SERVICE_UNAVAILABLE', 'The service is not available. Please try again later.'],
] as const;

/** The refusal that the dials or a bad key ask for, if they do. */
export function refusedConnect(faults: Readonly<Faults>, key: string, requestId: string): Refusal | null {
  const found = FAULTS.find(([name]) => faults[name]);
  if (found !== undefined) return refuse(found[1], found[2], found[3], requestId);
  return key.includes('bad') ? refuse(401, 'INVALID_AUTH', 'Invalid credentials.', requestId) : null;
}

export type FormatReading =
  | { readonly ok: true; readonly format: RawFormat | null }
  | { readonly ok: false; readonly message: string };

const COMPRESSED = ['flac', 'amr-nb', 'amr-wb', 'opus', 'ogg-opus', 'speex', 'g729'];

/** The audio that goes up. Without an encoding it is a container, whose header tells. */
export function readInputFormat(query: URLSearchParams): FormatReading {
  const name = query.get('encoding');
  const encoding = rawEncoding(name);
  if (encoding === null) {
    return name === null || COMPRESSED.includes(name)
      ? { ok: true, format: null }
      : { ok: false, message: `Unsupported encoding: ${name}.` };
  }
  const rate = Number(query.get('sample_rate'));
  if (!Number.isInteger(rate) || rate < 8_000 || rate > 192_000) {
    return { ok: false, message: 'sample_rate is required for raw audio, from 8000 to 192000.' };
  }
  const channels = Number(query.get('channels') ?? 1);
  if (!Number.isInteger(channels) || channels < 1 || channels > 32) {
    return { ok: false, message: 'channels must be a whole number from 1 to 32.' };
  }
  return { ok: true, format: { encoding, rate, channels } };
}

const LINEAR_RATES = [8_000, 16_000, 24_000, 32_000, 48_000];
const G711_RATES = [8_000, 16_000];

/** The audio that comes down. */
export function readOutputFormat(query: URLSearchParams, moreRates: readonly number[] = []): FormatReading {
  const name = query.get('encoding') ?? 'linear16';
  const encoding = rawEncoding(name);
  if (encoding === null || encoding === 'linear32') {
    return { ok: false, message: `Unsupported streaming encoding: ${name}. Use linear16, mulaw or alaw.` };
  }
  const rates = encoding === 'linear16' ? [...LINEAR_RATES, ...moreRates] : G711_RATES;
  const rate = Number(query.get('sample_rate') ?? (encoding === 'linear16' ? 24_000 : 8_000));
  return rates.includes(rate)
    ? { ok: true, format: { encoding, rate, channels: 1 } }
    : { ok: false, message: `Unsupported sample_rate for ${encoding}. Use one of ${rates.join(', ')}.` };
}
