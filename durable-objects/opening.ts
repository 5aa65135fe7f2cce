/** Opens a session's upstream: who is dialled by what, and what a failed one means to the client. */
import { type ConnectPlan, SIMULATED_HEADER } from '../protocol/connect.ts';
import { type ErrorCode, publicError } from '../protocol/errors.ts';
import type { JsonValue } from '../protocol/json.ts';
import { KEY_REJECTED } from '../protocol/provider-status.ts';
import { passRefusal, refuse } from '../protocol/refusal.ts';
import type { ProviderAdapter, UpstreamRequest } from '../providers/adapter.ts';
import { closeOf } from '../session/causes.ts';
import { LIMITS } from '../session/limits.ts';
import type { DialFailure } from '../session/wire.ts';
import type { Env } from './environment.ts';
import { type Dialled, dial, type Refused, type UpstreamSocket } from './upstream-socket.ts';

/** A dial that did not open, as the record has it and as each client hears it. */
export interface FailedDial extends DialFailure {
  /** A new response for each client that waited. */
  response(): Response;
}

export type DialOutcome =
  | { readonly kind: 'open'; readonly socket: UpstreamSocket; readonly subprotocol: string | null }
  | { readonly kind: 'failed'; readonly failure: FailedDial };

/** The platform's own fetch, or the built-in simulator's. */
export type Fetcher = (request: Request) => Promise<Response>;

/** The one that a session's provider is dialled by. */
export function fetcherOf(
  ctx: DurableObjectState,
  { simulated }: Pick<ConnectPlan, 'simulated'>,
  adapter: ProviderAdapter,
): Fetcher {
  if (!simulated) return (request) => fetch(request);
  // The compiler does not know this Worker's own exports; worker/index.ts exports the simulator under this name.
  const { SimulatorEntrypoint } = ctx.exports as unknown as {
    readonly SimulatorEntrypoint: { fetch: Fetcher };
  };
  return (request) => {
    request.headers.set(SIMULATED_HEADER, adapter.dialect ?? adapter.id);
    return SimulatorEntrypoint.fetch(request);
  };
}

export interface Dialling {
  readonly adapter: ProviderAdapter;
  readonly plan: ConnectPlan;
  readonly state: JsonValue;
  /** See `DialTerms`. */
  readonly cancels: boolean;
}

/**
 * By `fetcher`, or by the deployment's binding for this provider: that one stands in for a key, so a request with a key
 * does not take it. Never rejects: an adapter that fails must not leave a session behind that neither opens nor ends.
 */
export async function dialUpstream(
  { adapter, plan, state, cancels }: Dialling,
  fetcher: Fetcher,
  env: Env,
  report: (problem: string) => void,
): Promise<DialOutcome> {
  const dialled = await dialOnce({ adapter, plan, state, cancels }, fetcher, env);
  if (dialled.kind === 'open') return dialled;
  if (dialled.kind === 'unreachable') report(`dial: ${dialled.detail}`);
  return { kind: 'failed', failure: failedDial(dialled, plan, adapter) };
}

async function dialOnce(
  { adapter, plan, state, cancels }: Dialling,
  fetcher: Fetcher,
  env: Readonly<Record<string, unknown>>,
): Promise<Dialled> {
  let target: UpstreamRequest;
  try {
    target = adapter.dial(plan.request, state);
  } catch (error) {
    return { kind: 'unreachable', detail: `the adapter does not know where to: ${String(error)}` };
  }
  const binding = plan.simulated || plan.request.credential !== null ? null : bindingOf(env, adapter);
  const open: Fetcher =
    binding === null || target.binding === undefined ? fetcher : () => binding.run(...(target.binding ?? []));
  const { dialTimeoutMs: timeoutMs } = plan;
  const { refusalBodyBytes: maxBodyBytes } = LIMITS;
  return dial(target, open, {
    timeoutMs,
    maxBodyBytes,
    refusalHeaders: adapter.refusalHeaders ?? [],
    cancels,
  });
}

function bindingOf(
  env: Readonly<Record<string, unknown>>,
  { settings }: ProviderAdapter,
): { run(...values: readonly JsonValue[]): Promise<Response> } | null {
  const binding = settings.binding === undefined ? undefined : env[settings.binding];
  if (typeof binding !== 'object' || binding === null || !('run' in binding)) return null;
  // Its arguments are the adapter's business; one that is no such binding rejects, as a failed dial does.
  return binding as { run(...values: readonly JsonValue[]): Promise<Response> };
}

/** What a dial that did not open means. The stored key never leaves: it is cut out of whatever the provider answered. */
function failedDial(
  dialled: Exclude<Dialled, { kind: 'open' }>,
  plan: ConnectPlan,
  adapter: ProviderAdapter,
): FailedDial {
  switch (dialled.kind) {
    case 'refused':
      return plan.credentialSource === 'stored' && KEY_REJECTED.includes(dialled.status)
        ? own(
            'provider_key_rejected',
            { provider: adapter.id, status: String(dialled.status), remedy: plan.keyRemedy ?? '' },
            { status: dialled.status },
            false,
          )
        : passedOn(dialled, plan, adapter);
    case 'unreachable':
      return own(
        'upstream_unreachable',
        { provider: adapter.id, host: hostOf(plan.request.baseUrl), setting: adapter.settings.baseUrl },
        {},
        true,
      );
    case 'timeout':
      return own(
        'upstream_timeout',
        { provider: adapter.id, seconds: String(plan.dialTimeoutMs / 1000) },
        {},
        true,
      );
  }
}

function own(
  reason: ErrorCode,
  values: Readonly<Record<string, string>>,
  detail: Readonly<Record<string, JsonValue>>,
  transient: boolean,
): FailedDial {
  const error = publicError(reason, values);
  return { reason, detail, frame: closeOf(error), transient, response: () => refuse(error) };
}

/** Statuses that another attempt may not get: the request came too early, too often, or took too long. */
const TRANSIENT: readonly number[] = [408, 425, 429];
const SERVER_FAULT = 500;

function passedOn(refused: Refused, plan: ConnectPlan, adapter: ProviderAdapter): FailedDial {
  const error = publicError('provider_refused', { provider: adapter.id, status: String(refused.status) });
  const body = scrubbed(refused.body, plan.request.credential);
  const headers = Object.fromEntries(
    Object.entries(refused.headers).map(([name, value]) => [
      name,
      withoutSecret(value, plan.request.credential),
    ]),
  );
  return {
    reason: 'provider_refused',
    detail: { status: refused.status },
    frame: closeOf(error),
    transient: TRANSIENT.includes(refused.status) || refused.status >= SERVER_FAULT,
    response: () => passRefusal(error, refused.status, headers, body),
  };
}

/** Providers quote keys in their refusals ("Incorrect API key provided: …"). */
export function scrubbed(body: Uint8Array, secret: string | null): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(body);
  const clean = withoutSecret(text, secret);
  // Untouched bytes stay untouched: decoding and encoding again would change a body that is not UTF-8.
  return clean === text ? new Uint8Array(body) : new Uint8Array(new TextEncoder().encode(clean));
}

/** `text` of the provider, which may quote the key that it was dialled with. */
export function withoutSecret(text: string, secret: string | null): string {
  return secret === null || secret === '' ? text : text.replaceAll(secret, '[redacted]');
}

function hostOf(baseUrl: string): string {
  return URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl;
}
