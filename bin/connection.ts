/** Where the deployment is, and with which token it is called. */
import { fileURLToPath } from 'node:url';
import { readSettingsFile } from '../scripts/start/settings-file.ts';
import { CallError, UnreachableError, UsageError } from './usage-error.ts';

const DEFAULT_URL = 'http://127.0.0.1:8787';

/** Options that every command takes. */
export const CONNECTION_OPTIONS = {
  url: { type: 'string' },
  token: { type: 'string' },
} as const;

export interface Connection {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string;
}

/** A session, or where it has none, a gateway. */
export interface Address {
  readonly account: string;
  readonly gateway: string;
}

export interface SessionAddress extends Address {
  readonly session: string;
}

/**
 * `--url` and `--token`, else `PARLEY_URL` and `PARLEY_TOKEN`, else what `npm start` serves here, with the admin token that it
 * keeps in `.dev.vars`.
 *
 * @throws UsageError when there is no token, or the URL is none
 */
export function connectionOf(values: {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}): Connection {
  const url = (values.url ?? process.env['PARLEY_URL'] ?? DEFAULT_URL).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(url))
    throw new UsageError(
      `--url (or PARLEY_URL) must be an http or https URL such as ${DEFAULT_URL}, not '${url}'.`,
    );
  const token = values.token ?? process.env['PARLEY_TOKEN'] ?? adminToken();
  if (token === undefined || token === '')
    throw new UsageError(
      'No token. Give --token, set PARLEY_TOKEN, or run npm start once here, which makes one.',
    );
  return { url, token };
}

function adminToken(): string | undefined {
  const file = process.env['PARLEY_DEV_VARS'] ?? fileURLToPath(new URL('../.dev.vars', import.meta.url));
  return process.env['PARLEY_ADMIN_TOKEN'] ?? readSettingsFile(file)['PARLEY_ADMIN_TOKEN'];
}

/** @throws UsageError unless there is one, and nothing else */
export function sessionAddress(given: readonly string[]): SessionAddress {
  const text = only(given);
  const [account, gateway, session, ...more] = text.split('/');
  if (!account || !gateway || !session || more.length > 0)
    throw new UsageError(`Which session? Write account/gateway/session, not '${text}'.`);
  return { account, gateway, session };
}

/** @throws UsageError unless there is one, and nothing else */
export function gatewayAddress(given: readonly string[]): Address {
  const text = only(given);
  const [account, gateway, ...more] = text.split('/');
  if (!account || !gateway || more.length > 0)
    throw new UsageError(`Which gateway? Write account/gateway, not '${text}'.`);
  return { account, gateway };
}

function only([text = '', ...more]: readonly string[]): string {
  if (more.length === 0) return text;
  throw new UsageError(`'${more.join("', '")}': one at a time, and this command takes nothing else.`);
}

/** @throws UsageError when it is no number */
export function numberOf(option: string, text: string): number {
  const number = text.trim() === '' ? NaN : Number(text);
  if (Number.isNaN(number)) throw new UsageError(`--${option} must be a number, not '${text}'.`);
  return number;
}

/** The REST path of a session, or of its gateway. */
export function pathOf(address: Address | SessionAddress, rest: string): string {
  const session = 'session' in address ? `/sessions/${encodeURIComponent(address.session)}` : '';
  return `/v1/${encodeURIComponent(address.account)}/${encodeURIComponent(address.gateway)}${session}${rest}`;
}

/** @throws CallError with what the deployment says, when it refuses; UnreachableError when it does not answer */
export async function call(
  { url, token }: Connection,
  path: string,
  init: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${token}` },
  }).catch((error: unknown) => {
    throw new UnreachableError(
      `${url} does not answer: ${reasonOf(error)}. Is Parley running there? (npm start, or --url)`,
    );
  });
  if (response.ok) return response;
  throw new CallError(await refusalOf(response));
}

/** The `result` of an answer in the envelope. */
export async function resultOf<T>(response: Response): Promise<T> {
  // The shapes are the API's own; who asks knows which one it is.
  return ((await response.json()) as { result: T }).result;
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { readonly message?: string }[] };
    const message = errors?.[0]?.message;
    if (message !== undefined) return `${message} (HTTP ${response.status})`;
  } catch {
    // Not of our making, such as a proxy's page: shown as it is.
  }
  return `HTTP ${response.status}: ${text.slice(0, 300)}`;
}
