/**
 * Every error that Parley itself answers with: one table decides HTTP status, close code and the sentence that the
 * outside reads. Detail that may hold internals goes to the log line, never into an answer.
 *
 * A sentence says what happened, whose side it is on, which setting decides it, and the next step. `{name}` is filled
 * from the error's `values`.
 */
import { AUDIO_ERRORS } from './audio-errors.ts';

import { SHARING_ERRORS } from './sharing-errors.ts';
import { REPLAY_ERRORS } from './replay-errors.ts';

export interface ErrorRow {
  readonly status: number;
  readonly close: number;
  /** Cloudflare v4 envelopes carry a number (>= 1000): stable, never reused. */
  readonly number: number;
  readonly message: string;
}

const TABLE = {
  ...AUDIO_ERRORS,
  ...SHARING_ERRORS,
  not_configured: {
    status: 503,
    close: 4503,
    number: 1001,
    message:
      'This deployment has no admin token, so it serves nothing. Set one: npx wrangler secret put PARLEY_ADMIN_TOKEN (npm start makes one by itself).',
  },
  bad_setting: {
    status: 503,
    close: 4503,
    number: 1002,
    message: 'This deployment has a setting that cannot be used. {problem}',
  },
  missing_auth: {
    status: 401,
    close: 4401,
    number: 1101,
    message:
      'No gateway credential. Send `cf-aig-authorization: Bearer <token>`; in a browser offer the subprotocol `cf-aig-authorization.<token>`; REST also takes `Authorization: Bearer <token>`.',
  },
  bad_token: {
    status: 401,
    close: 4401,
    number: 1102,
    message:
      'The gateway token is not valid here ({why}). Use the admin token, or mint a client token: POST /v1/{account}/{gateway}/tokens.',
  },
  forbidden: {
    status: 403,
    close: 4403,
    number: 1103,
    message:
      'The gateway token is good, but does not allow this: {why}. Mint one that does: POST /v1/{account}/{gateway}/tokens.',
  },
  origin_not_allowed: {
    status: 403,
    close: 4403,
    number: 1104,
    message:
      'Origin {origin} may not connect. Add it to PARLEY_ALLOWED_ORIGINS (exact origins, separated by commas), or to allowed_origins of the gateway.',
  },
  not_allowed_here: {
    status: 403,
    close: 4403,
    number: 1106,
    message:
      'This gateway does not allow {what}; it allows {allowed}. That is decided by {name} of its settings (PATCH /v1/{account}/{gateway}/settings), within {setting}.',
  },
  invalid_request: {
    status: 400,
    close: 4400,
    number: 1201,
    message: 'The request cannot be used: {problem}.',
  },
  not_found: {
    status: 404,
    close: 4404,
    number: 1202,
    message: 'Nothing is served at this path. See /openapi.json for what is.',
  },
  unknown_provider: {
    status: 404,
    close: 4404,
    number: 1203,
    message: "No provider '{provider}'. Did you mean '{nearest}'? Known: {known}.",
  },
  unknown_provider_path: {
    status: 404,
    close: 4404,
    number: 1204,
    message: "Provider {provider} has no WebSocket at '{path}'. Try '{suggestion}'.",
  },
  session_not_found: {
    status: 404,
    close: 4404,
    number: 1205,
    message: 'No session of this id in this gateway. It may have been deleted, or have passed its retention.',
  },
  method_not_allowed: {
    status: 405,
    close: 4405,
    number: 1206,
    message: 'This path does not take that method. Allowed: {allow}.',
  },
  not_acceptable: {
    status: 406,
    close: 4406,
    number: 1207,
    message: 'This resource exists as: {available}.',
  },
  session_ended: {
    status: 409,
    close: 4409,
    number: 1208,
    message:
      'This session has ended ({reason}) and cannot be joined. Connect without parley-session, or with a new id.',
  },
  session_other_provider: {
    status: 409,
    close: 4409,
    number: 1209,
    message:
      'This session is connected to {provider}. Join it at its own URL, name it in parley-fallback as at first, or use another parley-session.',
  },
  resume_ahead: {
    status: 409,
    close: 4409,
    number: 1211,
    message:
      'parley-after says that {after} frames of this session were received, but it has sent {received}: the count is of another session. Connect without parley-after.',
  },
  resume_passed: {
    status: 409,
    close: 4409,
    number: 1212,
    message:
      'Frame {next} of this session is kept neither in memory nor whole in the log, the first that is is {first}. Read what is missing by GET …/events?direction=down, then connect without parley-after.',
  },
  resume_translated: {
    status: 409,
    close: 4409,
    number: 1213,
    message:
      'A client of a retired dialect cannot resume: it does not receive the frames that parley-after counts. Connect without parley-after.',
  },
  session_exists: {
    status: 409,
    close: 4409,
    number: 1216,
    message:
      'There is a session {session} already, and it is not the same. Take another id, or none to get a new one.',
  },
  too_many_planned: {
    status: 429,
    close: 4429,
    number: 1309,
    message:
      '{limit} created sessions of this gateway wait for their first client. Wait for them to be used or to expire, or DELETE some.',
  },
  upgrade_required: {
    status: 426,
    close: 4426,
    number: 1210,
    message: 'This path is a WebSocket. Try: npx wscat -c "{url}" -H "cf-aig-authorization: Bearer <token>"',
  },
  too_many_clients: {
    status: 429,
    close: 4429,
    number: 1301,
    message:
      'This session already has {limit} clients. The limit is PARLEY_MAX_CLIENTS, or max_clients of the gateway.',
  },
  pending_overflow: {
    status: 503,
    close: 4503,
    number: 1302,
    message:
      'More than {limit} of client frames arrived before the provider was reachable. Wait for the first provider frame before sending.',
  },
  slow_consumer: {
    status: 503,
    close: 4413,
    number: 1303,
    message:
      'This client fell {bytes} bytes behind and was cut. Read faster; a client that only listens shows that it lives by sending {"type":"parley.ping"}.',
  },
  superseded: {
    status: 409,
    close: 4409,
    number: 1214,
    message: 'This client has connected again, under the same parley-client, and goes on there.',
  },
  frame_too_big: {
    status: 413,
    close: 4413,
    number: 1304,
    message:
      'The {side} sent a frame over 32 MiB, the most that one WebSocket message may hold here. Send smaller frames.',
  },
  session_too_long: {
    status: 403,
    close: 4408,
    number: 1305,
    message:
      'The session reached its longest duration ({seconds} s). The limit is PARLEY_MAX_SESSION_SECONDS, max_session_seconds of the gateway, or the token’s max_seconds.',
  },
  too_many_sessions: {
    status: 429,
    close: 4429,
    number: 1306,
    message:
      'This gateway has {limit} live sessions, the most that PARLEY_MAX_SESSIONS, or max_sessions of the gateway, allows. Wait for one to end, or raise it.',
  },
  rate_limited: {
    status: 429,
    close: 4429,
    number: 1307,
    message:
      '{limit} sessions began here within a minute, the most that PARLEY_SESSIONS_PER_MINUTE, or sessions_per_minute of the gateway, allows. Try again in {seconds} s.',
  },
  budget_exceeded: {
    status: 429,
    close: 4402,
    number: 1308,
    message: '{budget} {limit} is spent ({spent}). {next}.',
  },
  provider_key_missing: {
    status: 401,
    close: 4401,
    number: 1401,
    message:
      'No key for provider {provider}. Send your own where its protocol puts it, store one (PUT /v1/{account}/{gateway}/keys/{provider}/default), or set the secret {setting}.',
  },
  provider_key_rejected: {
    status: 502,
    close: 4401,
    number: 1402,
    message: '{provider} refused the stored key (HTTP {status}). Set a new one: {remedy}.',
  },
  provider_refused: {
    status: 502,
    close: 4502,
    number: 1403,
    message:
      '{provider} refused the connection (HTTP {status}). The refusal is the provider’s own; its answer is passed on where the client can read it.',
  },
  upstream_unreachable: {
    status: 502,
    close: 4502,
    number: 1404,
    message:
      'Could not reach {provider} at {host}. Check {setting} and the network of this deployment, then try again.',
  },
  upstream_timeout: {
    status: 504,
    close: 4504,
    number: 1405,
    message:
      '{provider} did not answer within {seconds} s. Try again; the wait is set by cf-aig-request-timeout.',
  },
  upstream_lost: {
    status: 502,
    close: 1011,
    number: 1406,
    message: 'The connection to {provider} was lost.',
  },
  restore_failed: {
    status: 502,
    close: 4502,
    number: 1409,
    message:
      'The conversation could not be brought onto a new connection to {provider}: it did not answer as it should. Open a new session; the record of this one is complete up to here.',
  },
  upstream_silent: {
    status: 504,
    close: 4504,
    number: 1407,
    message:
      '{provider} owed an answer and sent nothing for {seconds} s. The connection is taken to be dead; connect again.',
  },
  upstream_blocked: {
    status: 504,
    close: 4504,
    number: 1408,
    message:
      '{provider} has read nothing for {seconds} s, so nothing more could be sent to it. Connect again; send less than it can take.',
  },
  key_alias_missing: {
    status: 401,
    close: 4401,
    number: 1410,
    message:
      "This gateway has no key '{alias}' for provider {provider}, which cf-aig-byok-alias asks for. Store it: {route}. GET …/keys lists those that there are.",
  },
  key_unreadable: {
    status: 503,
    close: 4503,
    number: 1411,
    message:
      "The stored key '{alias}' for provider {provider} cannot be decrypted: {setting} has changed since. Set its former value as PARLEY_ENCRYPTION_KEY_PREVIOUS, or store the key again: {route}.",
  },
  ended_by_request: { status: 409, close: 4410, number: 1501, message: 'The session was ended over REST.' },
  deleted: { status: 410, close: 4410, number: 1502, message: 'The session was deleted.' },
  restarting: {
    status: 503,
    close: 1012,
    number: 1503,
    message: 'Parley is restarting. Connect again in a moment.',
  },
  interrupted: {
    status: 503,
    close: 1012,
    number: 1504,
    message: 'The session was interrupted by a restart. Connect again.',
  },
  storage_unavailable: {
    status: 503,
    close: 4507,
    number: 1505,
    message:
      'The storage of this deployment does not answer. With npm start, check space and rights in PARLEY_DATA_DIR.',
  },
  ...REPLAY_ERRORS,
  internal: {
    status: 500,
    close: 1011,
    number: 1506,
    message: 'Parley made a mistake. It is logged under request {request}.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof TABLE;

/** What may be shown outside. */
export interface PublicError {
  readonly code: ErrorCode;
  readonly status: number;
  readonly close: number;
  readonly number: number;
  readonly message: string;
}

/** Fills the sentence of `code`; values are cut to 300 characters and stripped of control characters. */
export function publicError(code: ErrorCode, values: Readonly<Record<string, string>> = {}): PublicError {
  const row: ErrorRow = TABLE[code];
  const message = row.message.replace(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? plain(values[name] ?? '') : whole,
  );
  return { code, status: row.status, close: row.close, number: row.number, message };
}

/** Every code, for the docs and for the test that each row can be filled. */
export const ERROR_CODES = Object.keys(TABLE) as ErrorCode[]; // Object.keys is typed string[]; the table has no other keys.

const VALUE_MAX_CHARACTERS = 300;

function plain(value: string): string {
  return value.slice(0, VALUE_MAX_CHARACTERS).replace(/[\u0000-\u001f\u007f]/g, ' ');
}

/**
 * An expected failure on its way to whoever asked. `detail` is for the log line alone. It crosses a Durable Object's RPC
 * as its `message`, which is why the message is the JSON of the public part.
 */
export class BrokerError extends Error {
  readonly public: PublicError;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;

  /** @param code or the error itself, where another object has made it already */
  constructor(
    code: ErrorCode | PublicError,
    values: Readonly<Record<string, string>> = {},
    detail = '',
    headers: Readonly<Record<string, string>> = {},
  ) {
    const error = typeof code === 'string' ? publicError(code, values) : code;
    super(error.message);
    this.name = 'BrokerError';
    this.public = error;
    this.detail = detail;
    this.headers = headers;
  }
}
