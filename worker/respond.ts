/** Answers over HTTP: the Cloudflare v4 envelope, or problem+json for those who ask for it. */
import { BrokerError, publicError, type PublicError } from '../protocol/errors.ts';
import { logLine } from '../durable-objects/log-line.ts';

const NO_STORE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export interface PageInfo {
  readonly count: number;
  readonly cursor: string | null;
  readonly per_page: number;
}

export function ok(result: unknown, info?: PageInfo): Response {
  return new Response(envelope(result, info), {
    headers: { 'content-type': 'application/json', ...NO_STORE },
  });
}

/** A result in Cloudflare's v4 envelope, as JSON. */
export function envelope(result: unknown, info?: PageInfo): string {
  const whole = { success: true, errors: [], messages: [], result };
  return JSON.stringify(info === undefined ? whole : { ...whole, result_info: info });
}

/** Bare JSON, for shapes that are not ours (OpenAI's) and for probes. */
export function json(body: unknown, status = 200): Response {
  return Response.json(body, { status, headers: NO_STORE });
}

/** `error` as the caller's `Accept` wants it. */
export function failure(
  error: PublicError,
  request: Request,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const all = { ...NO_STORE, ...errorHeaders(error), ...headers };
  if (request.headers.get('accept')?.includes('application/problem+json') === true) {
    const problem = {
      // A relative reference, as RFC 9457 allows: every deployment serves the page with what it answers.
      type: `/docs#${error.code}`,
      title: error.code,
      status: error.status,
      detail: error.message,
      code: error.number,
    };
    return new Response(JSON.stringify(problem), {
      status: error.status,
      headers: { ...all, 'content-type': 'application/problem+json' },
    });
  }
  const body = {
    success: false,
    errors: [{ code: numberFor(error, request), name: error.code, message: error.message }],
    messages: [],
    result: null,
  };
  return Response.json(body, { status: error.status, headers: all });
}

const UNAUTHORIZED = 401;

/** Whether a credential is missing, or not good: the one that comes with the request, or the provider's. */
export function isUnauthorized({ status }: PublicError): boolean {
  return status === UNAUTHORIZED;
}

/** On the paths of Cloudflare's API a bad credential has the number that its AI Gateway gives it. */
const CLOUDFLARE_PATHS = '/client/v4/';
const CLOUDFLARE_AUTH_NUMBER = 2009;

function numberFor(error: PublicError, request: Request): number {
  const isTheirs = new URL(request.url).pathname.startsWith(CLOUDFLARE_PATHS);
  return isTheirs && isUnauthorized(error) ? CLOUDFLARE_AUTH_NUMBER : error.number;
}

function errorHeaders(error: PublicError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (isUnauthorized(error)) headers['www-authenticate'] = 'Bearer realm="parley"';
  if (error.code === 'upgrade_required') headers['upgrade'] = 'websocket';
  if (error.code === 'restarting' || error.code === 'storage_unavailable') headers['retry-after'] = '1';
  return headers;
}

/** Whatever was thrown, as a public error; what was not expected is logged, and told nobody. */
export function publicFailure(thrown: unknown): {
  error: PublicError;
  headers: Readonly<Record<string, string>>;
} {
  if (thrown instanceof BrokerError) {
    if (thrown.detail !== '') logLine('warn', thrown.public.code, { detail: thrown.detail });
    return { error: thrown.public, headers: thrown.headers };
  }
  const request = crypto.randomUUID();
  const detail = thrown instanceof Error ? `${thrown.message}\n${thrown.stack ?? ''}` : String(thrown);
  logLine('error', 'internal', { request, detail });
  return { error: publicError('internal', { request }), headers: {} };
}
