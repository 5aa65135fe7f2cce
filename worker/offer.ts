/** Everything a client put into its upgrade, taken apart once: credentials, Parley's own parameters, and the rest. */
import { BrokerError } from '../protocol/errors.ts';
import type { Carrier, SubprotocolOffer } from '../protocol/connect.ts';
import { CONTROL_SUBPROTOCOL } from '../protocol/control.ts';

/** The gateway credential's own place, as header and as subprotocol prefix. */
const GATEWAY = 'cf-aig-authorization';

/** Parley's own parameters: a header, a query parameter of the same name, or a subprotocol `<name>.<base64url>`. */
const PARAMETERS = [
  'parley-session',
  'parley-role',
  'parley-after',
  'parley-epoch',
  'parley-client',
  'parley-history',
  'parley-grace',
  'parley-idle',
  'parley-control',
  'parley-fallback',
  'parley-floor',
  'parley-on-controller-leave',
  'parley-replay',
  'parley-redrive-of',
  'cf-aig-metadata',
  'cf-aig-collect-log',
  'cf-aig-collect-log-payload',
  'cf-aig-event-id',
  'cf-aig-custom-cost',
  'cf-aig-byok-alias',
  'cf-aig-request-timeout',
  'cf-aig-max-attempts',
  'cf-aig-retry-delay',
  'cf-aig-backoff',
  'traceparent',
  'cf-aig-otel-trace-id',
  'cf-aig-otel-parent-span-id',
] as const;
export type Parameter = (typeof PARAMETERS)[number];

export interface OfferedKey {
  readonly value: string;
  readonly carrier: Carrier;
}

export interface Offer {
  /** From the gateway's own place, or null. */
  readonly gatewayToken: string | null;
  /** What was found where the provider's key goes; in the adapter's order. */
  readonly providerKeys: readonly OfferedKey[];
  readonly parameters: ReadonlyMap<Parameter, string>;
  /** The query without credentials and parameters, in its order. */
  readonly query: readonly (readonly [string, string])[];
  /** Offered subprotocols without credentials and parameters. */
  readonly subprotocols: readonly string[];
  /** Offered `parley.v1`. */
  readonly control: boolean;
  readonly answer: SubprotocolOffer;
  /** True when a refused upgrade could not be read: browsers see a bare 1006 instead. */
  readonly browser: boolean;
}

/**
 * Takes an upgrade request apart.
 *
 * @param carriers where this provider's clients put its key
 * Throws BrokerError `invalid_request` for a parameter or credential given twice with different values.
 */
export function readOffer(request: Request, carriers: readonly Carrier[]): Offer {
  const url = new URL(request.url);
  const offered = offeredSubprotocols(request.headers);
  const parameters = new Map<Parameter, string>();
  for (const name of PARAMETERS) {
    const value = request.headers.get(name);
    if (value !== null) parameters.set(name, value);
  }
  const keys: (string | null)[] = carriers.map((carrier) => headerKey(request.headers, carrier));
  const query = readQuery(url.searchParams, carriers, keys, parameters);
  const rest = readSubprotocols(offered, carriers, keys, parameters);
  const gatewayHeader = request.headers.get(GATEWAY);
  const gatewayOffered = offered.find((value) => value.startsWith(`${GATEWAY}.`)) ?? null;
  const openValues = rest.filter((value) => value !== CONTROL_SUBPROTOCOL);
  return {
    gatewayToken:
      gatewayHeader === null
        ? (gatewayOffered?.slice(GATEWAY.length + 1) ?? null)
        : withoutScheme(gatewayHeader, ['Bearer']),
    providerKeys: carriers.flatMap((carrier, index) => {
      const value = keys[index] ?? null;
      return value === null ? [] : [{ value, carrier }];
    }),
    parameters,
    query,
    subprotocols: openValues,
    control: rest.length > openValues.length,
    answer: {
      // Last: a provider's SDK looks for its own.
      open: rest.length > openValues.length ? [...openValues, CONTROL_SUBPROTOCOL] : openValues,
      lastResort: rest.length === 0 ? (gatewayOffered ?? offered[0] ?? null) : null,
    },
    browser: request.headers.has('origin') || (gatewayHeader === null && rest.length < offered.length),
  };
}

/** The bearer token of a REST request, from either of its places. */
export function restToken(headers: Headers): string | null {
  const value = headers.get(GATEWAY) ?? headers.get('authorization');
  return value === null ? null : withoutScheme(value, ['Bearer']);
}

function offeredSubprotocols(headers: Headers): readonly string[] {
  return (headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

function headerKey(headers: Headers, carrier: Carrier): string | null {
  if (carrier.in !== 'header') return null;
  const value = headers.get(carrier.name);
  return value === null ? null : withoutScheme(value, carrier.schemes ?? []);
}

/** A token may stand bare, as in Cloudflare's realtime examples, or behind its scheme. */
function withoutScheme(value: string, schemes: readonly string[]): string {
  const trimmed = value.trim();
  const scheme = schemes.find((each) => trimmed.toLowerCase().startsWith(`${each.toLowerCase()} `));
  return scheme === undefined ? trimmed : trimmed.slice(scheme.length + 1).trim();
}

function readQuery(
  parameters: URLSearchParams,
  carriers: readonly Carrier[],
  keys: (string | null)[],
  found: Map<Parameter, string>,
): readonly (readonly [string, string])[] {
  const rest: [string, string][] = [];
  const seen = new Set<string>();
  for (const [name, value] of parameters) {
    const carrier = carriers.findIndex((each) => each.in === 'query' && each.name === name);
    const own = PARAMETERS.find((each) => each === name);
    if (carrier === -1 && own === undefined) {
      // Unknown cf-aig-* parameters are the gateway's too: they never reach a provider.
      if (!name.startsWith('cf-aig-') && !name.startsWith('parley-')) rest.push([name, value]);
      continue;
    }
    if (seen.has(name)) throw new BrokerError('invalid_request', { problem: `the query has ${name} twice` });
    seen.add(name);
    if (carrier !== -1) keys[carrier] ??= value;
    else if (own !== undefined && !found.has(own)) found.set(own, value);
  }
  return rest;
}

function readSubprotocols(
  offered: readonly string[],
  carriers: readonly Carrier[],
  keys: (string | null)[],
  found: Map<Parameter, string>,
): readonly string[] {
  return offered.filter((value, index) => {
    if (value.startsWith(`${GATEWAY}.`)) return false;
    const before = offered[index - 1];
    const pair = carriers.findIndex((each) => each.in === 'subprotocol-pair' && each.name === before);
    if (pair !== -1) {
      keys[pair] ??= value;
      return false;
    }
    const carrier = carriers.findIndex((each) => each.in === 'subprotocol' && value.startsWith(each.prefix));
    const matched = carriers[carrier];
    if (matched?.in === 'subprotocol') {
      keys[carrier] ??= value.slice(matched.prefix.length);
      return false;
    }
    const own = PARAMETERS.find((name) => value.startsWith(`${name}.`));
    if (own === undefined) return true;
    if (!found.has(own)) found.set(own, fromBase64Url(own, value.slice(own.length + 1)));
    return false;
  });
}

function fromBase64Url(name: string, value: string): string {
  try {
    const bytes = Uint8Array.from(atob(value.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
      c.charCodeAt(0),
    );
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new BrokerError('invalid_request', {
      problem: `the subprotocol ${name}.… must carry base64url of UTF-8 text`,
    });
  }
}
