/** Which key a provider is dialled with: the client's own, else the gateway's, else the deployment's. */
import type { Carrier } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import type { SealedKey } from '../storage/gateway-store.ts';
import { hasBinding, storedKey } from './configuration.ts';
import type { Connection } from './connect.ts';
import { type KeyPlace, unseal } from './key-vault.ts';

export type ProviderKey =
  | { readonly source: 'client'; readonly value: string; readonly carrier: Carrier }
  /** `remedy`: what to do when the provider refuses it. */
  | { readonly source: 'stored'; readonly value: string; readonly remedy: string }
  | { readonly source: 'none'; readonly value: null };

const NONE: ProviderKey = { source: 'none', value: null };

/** What a connection uses that names no alias. */
export const DEFAULT_ALIAS = 'default';

/**
 * Throws BrokerError `key_alias_missing` for an alias that was asked for and is not there, and `key_unreadable` for a
 * key that no secret of this deployment opens: another account's must not be billed in its place.
 */
export async function providerKey(
  { env, settings, adapter, ownKey, parameters, account, gateway, key }: Connection,
  isSimulated: boolean,
): Promise<ProviderKey> {
  if (ownKey !== null) return { source: 'client', ...ownKey };
  if (isSimulated) return NONE;
  const alias = parameters.byokAlias;
  if (key !== null) {
    const place = { account, gateway, provider: key.provider, alias: key.alias };
    const { value } = await opened(key, place, settings);
    return { source: 'stored', value, remedy: routeOf(place) };
  }
  if (alias !== null) {
    const place = { account, gateway, provider: adapter.id, alias };
    throw new BrokerError('key_alias_missing', { alias, provider: adapter.id, route: routeOf(place) });
  }
  // A binding of the deployment stands in for its key.
  const secret = hasBinding(env, adapter) ? null : storedKey(env, adapter);
  if (secret === null) return NONE;
  return { source: 'stored', value: secret, remedy: `npx wrangler secret put ${adapter.settings.key}` };
}

async function opened(
  { sealed }: SealedKey,
  place: KeyPlace,
  settings: Connection['settings'],
): Promise<{ value: string }> {
  const key = await unseal(sealed, place, settings);
  if (key !== null) return { value: key.key };
  throw new BrokerError('key_unreadable', {
    alias: place.alias,
    provider: place.provider,
    route: routeOf(place),
    setting:
      settings.PARLEY_ENCRYPTION_KEY === null
        ? 'PARLEY_ADMIN_TOKEN, which it is derived from,'
        : 'PARLEY_ENCRYPTION_KEY',
  });
}

function routeOf({ account, gateway, provider, alias }: KeyPlace): string {
  return `PUT /v1/${account}/${gateway}/keys/${provider}/${alias}`;
}

export function keyMissing({
  adapter,
  account,
  gateway,
}: Pick<Connection, 'adapter' | 'account' | 'gateway'>): BrokerError {
  return new BrokerError('provider_key_missing', {
    provider: adapter.id,
    account,
    gateway,
    setting: adapter.settings.key ?? '',
  });
}
