/** The dials of a simulator: query parameters with which a test or a demo asks for a seed, a pace and misfortunes. */
import type { Seeded } from './seeded.ts';

/** The faults that take no number. */
export interface Faults {
  /** The upgrade is refused with 401 and OpenAI's own error body. */
  connect_401: boolean;
  /** The upgrade is refused with 403. */
  connect_403: boolean;
  /** The upgrade is refused with 429 and `Retry-After`. */
  connect_429: boolean;
  /** The upgrade is refused with 503. */
  connect_503: boolean;
  /** The upgrade is never answered. */
  connect_hang: boolean;
  /** Seconds after opening at which the connection goes without a Close frame. */
  drop_after: number | null;
  /** The socket closes with 1011 when the first response has begun to arrive. */
  close_1011: boolean;
  /** A broken copy of the first `response.created` comes just before the whole one. */
  malformed_json: boolean;
  /** The first delta of each response comes twice, with one event id. */
  duplicate_event: boolean;
  /** Seconds for which the first response pauses after its first delta. */
  stall: number | null;
  /** Seconds more before the first output of each response; 4 unless a number is given. */
  slow_first_audio: number | null;
  /** Each response fails with `rate_limit_exceeded`, and the socket stays open. */
  rate_limited: boolean;
  /** Seconds after opening at which the session expires, in place of an hour. */
  session_expired_after: number | null;
  /** A binary frame follows the first text frame. */
  binary_frame: boolean;
}

export interface Dials {
  /** Null: made from the request and the time. */
  readonly seed: string | null;
  /** Output is sent this many times faster than it plays. */
  readonly speed: number;
  /** Before the first output of a response; `spread` to either side, evenly. */
  readonly latency: { readonly ms: number; readonly spread: number };
  readonly faults: Readonly<Faults>;
}

const NONE: Faults = {
  connect_401: false,
  connect_403: false,
  connect_429: false,
  connect_503: false,
  connect_hang: false,
  drop_after: null,
  close_1011: false,
  malformed_json: false,
  duplicate_event: false,
  stall: null,
  slow_first_audio: null,
  rate_limited: false,
  session_expired_after: null,
  binary_frame: false,
};

/** A number of seconds where the fault must have one. */
const TIMED = new Set(['drop_after', 'stall', 'session_expired_after']);
const OPTIONAL_TIME: Readonly<Record<string, number>> = { slow_first_audio: 4 };
const DEFAULT_SPEED = 5;
const DEFAULT_LATENCY_MS = 200;
const LONGEST_LATENCY_MS = 600_000;

export type DialsReading =
  | { readonly ok: true; readonly dials: Dials }
  | { readonly ok: false; readonly message: string };

/** A misspelt dial is refused: a test that asked for a fault must not pass because none came. */
export function readDials(query: URLSearchParams): DialsReading {
  const speed = Number(query.get('speed')?.replace(/^[x×]/, '') ?? DEFAULT_SPEED);
  if (!(speed >= 1 && speed <= 50)) return { ok: false, message: 'speed must be a number from 1 to 50.' };
  const latency = readLatency(query.get('latency_ms'));
  if (latency === null) return { ok: false, message: 'latency_ms must look like 300, 300±80 or 300-80.' };
  const faults = { ...NONE };
  for (const word of (query.get('faults') ?? '').split(',').map((part) => part.trim())) {
    if (word === '') continue;
    const problem = readFault(word, faults);
    if (problem !== null) return { ok: false, message: problem };
  }
  return { ok: true, dials: { seed: query.get('seed'), speed, latency, faults } };
}

function readLatency(text: string | null): Dials['latency'] | null {
  if (text === null) return { ms: DEFAULT_LATENCY_MS, spread: 0 };
  const match = /^(\d{1,6})(?:(?:±|\+-|\+\/-|-)(\d{1,6}))?$/.exec(text.trim());
  if (match === null) return null;
  return { ms: Math.min(LONGEST_LATENCY_MS, Number(match[1])), spread: Number(match[2] ?? 0) };
}

/** What is wrong with the word, or null when it was set. */
function readFault(word: string, faults: Faults): string | null {
  const [name = '', value] = word.split('=');
  if (!Object.hasOwn(NONE, name)) {
    return `Unknown fault '${name}'. Known: ${Object.keys(NONE).join(', ')}.`;
  }
  const timed = TIMED.has(name) || name in OPTIONAL_TIME;
  if (!timed) {
    if (value !== undefined) return `The fault '${name}' takes no value.`;
    Object.assign(faults, { [name]: true });
    return null;
  }
  const seconds = value === undefined ? OPTIONAL_TIME[name] : Number(value.replace(/s$/, '') || Number.NaN);
  if (seconds === undefined || !(seconds >= 0 && seconds <= 86_400)) {
    return `The fault '${name}' needs a number of seconds, as in ${name}=7.`;
  }
  Object.assign(faults, { [name]: seconds });
  return null;
}

export function drawLatencyMs(dials: Dials, random: Seeded): number {
  const { ms, spread } = dials.latency;
  const slow = (dials.faults.slow_first_audio ?? 0) * 1000;
  return Math.max(0, Math.round(ms + (random.next() * 2 - 1) * spread)) + slow;
}

type Refusal = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const REFUSALS = [
  ['connect_401', 401, 'invalid_api_key', 'Incorrect API key provided.'],
  ['connect_403', 403, 'model_not_found', 'This key has no access to the model.'],
  ['connect_429', 429, 'rate_limit_exceeded', 'Rate limit reached. Please try again in 2 s.'],
  ['connect_503', 503, 'server_error', 'The server is overloaded. Please try again later.'],
] as const;

/** An HTTP answer in OpenAI's error shape. */
export function refusal(status: number, code: string, message: string): Refusal {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  const headers = { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '2' } : {}) };
  return { status, headers, body: JSON.stringify({ error: { message, type, param: null, code } }) };
}

/** The refused upgrade that the dials ask for, if they do. */
export function refusedConnect(faults: Readonly<Faults>): Refusal | null {
  const found = REFUSALS.find(([name]) => faults[name]);
  return found === undefined ? null : refusal(found[1], found[2], found[3]);
}
