/** How one provider's model is dialled for a connection: checked, and with its key. */
import { type DialPlan, SIMULATED_MODEL } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { LIMITS } from '../session/limits.ts';
import { checkAllowed } from './allowed.ts';
import { hasBinding, isSimulated, providerBaseUrl } from './configuration.ts';
import type { Connection } from './connect.ts';
import type { Offer } from './offer.ts';
import { keyMissing, type ProviderKey, providerKey } from './provider-key.ts';

const BYTES_PER_KIB = 1024;

/** Throws BrokerError for what may not, or cannot, be dialled. */
export async function dialPlan(connection: Connection): Promise<DialPlan> {
  const { env, target, adapter, offer } = connection;
  const asked = { path: target.path, query: offer.query };
  const accepted = adapter.accepts(asked.path, asked.query);
  if (!accepted.ok) {
    throw new BrokerError('unknown_provider_path', {
      provider: adapter.id,
      path: target.path,
      suggestion: accepted.suggestion,
    });
  }
  const model = theOneModel(adapter, target.path, offer.query);
  const simulated = isSimulated(env, adapter) || model?.startsWith(SIMULATED_MODEL) === true;
  checkClaims(connection, model);
  checkAllowed(connection, model);
  const within = simulated || hasBinding(env, adapter);
  const key = await providerKey(connection, simulated);
  const needsKey = !within && adapter.settings.key !== null && adapter.keyless?.(asked) !== true;
  if (needsKey && key.value === null) throw keyMissing(connection);
  return {
    provider: adapter.id,
    model,
    request: dialRequest(connection, key, within),
    credentialSource: key.source,
    ...(key.source === 'stored' ? { keyRemedy: key.remedy } : {}),
    simulated,
    ...ownPrices(connection),
  };
}

function dialRequest(
  { request, env, target, adapter, offer, settings }: Connection,
  key: ProviderKey,
  within: boolean,
): DialPlan['request'] {
  const kept = Math.min(settings.PARLEY_RESTORE_AUDIO_KIB * BYTES_PER_KIB, LIMITS.restoredAudioBytes);
  return {
    path: target.path,
    query: offer.query,
    headers: pick(request.headers, adapter.forwardHeaders),
    subprotocols: offer.subprotocols,
    baseUrl: providerBaseUrl(env, adapter, within && key.value === null),
    credential: key.value,
    ...(key.source === 'client' ? { carrier: key.carrier } : {}),
    ...(kept === 0 ? {} : { restoredAudioBytes: kept }),
  };
}

function ownPrices({ prices, adapter }: Connection): Pick<DialPlan, 'prices'> {
  const own = prices.filter(({ provider }) => provider === adapter.id);
  return own.length === 0 ? {} : { prices: own };
}

/** Throws for a query that names it twice: which one a provider takes is its own affair, and a token allows one. */
function theOneModel(adapter: ProviderAdapter, path: string, query: Offer['query']): string | null {
  const model = adapter.modelOf({ path, query });
  // Of a parameter that comes twice, a Map keeps the last.
  if (adapter.modelOf({ path, query: [...new Map(query)] }) !== model)
    throw new BrokerError('invalid_request', { problem: 'the query names two models' });
  return model;
}

/** What the token narrows: provider, model, session. */
export function checkClaims({ principal, adapter, parameters }: Connection, model: string | null): void {
  if (principal.kind === 'admin') return;
  const { providers, models, session } = principal.claims;
  if (providers !== undefined && !providers.includes(adapter.id)) {
    throw new BrokerError('forbidden', { why: `it is for the providers ${providers.join(', ')}` });
  }
  if (models !== undefined && (model === null || !models.includes(model))) {
    throw new BrokerError('forbidden', { why: `it is for the models ${models.join(', ')}` });
  }
  if (session !== undefined && parameters.session !== null && parameters.session !== session) {
    throw new BrokerError('forbidden', { why: 'it is for another session' });
  }
}

export function pick(headers: Headers, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked[name] = value;
  }
  return picked;
}
