/** `parley-fallback`: what is dialled when the dial of the URL's own fails. Everything about it is known before any dial. */
import type { ConnectRequest, DialPlan } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import type { ProviderAdapter, StandIn } from '../providers/adapter.ts';
import { providerFor, providersOf } from '../providers/registry.ts';
import type { Connection } from './connect.ts';
import { dialPlan } from './dial-plan.ts';
import { askGateway } from './gateway.ts';
import type { Alternative } from './parameters.ts';
import { DEFAULT_ALIAS } from './provider-key.ts';

/**
 * Each alternative as it would be dialled, in order. What the connection may not use, or has no key for, is refused here
 * and not on the day on which it is needed. Throws BrokerError: `invalid_request` for one that could not serve this
 * client, else what a connection to it would be refused with.
 */
export async function fallbackOf(connection: Connection): Promise<readonly DialPlan[]> {
  const { fallback } = connection.parameters;
  const [first] = fallback;
  if (first === undefined) return [];
  const { adapter, target, offer, env } = connection;
  const { standIn } = adapter;
  const asked = standIn?.askedOf({ path: target.path, query: offer.query }) ?? null;
  if (standIn === undefined || asked === null) {
    throw problem(`is not for this request: nothing can stand in for ${adapter.id} at this path`);
  }
  const others: Connection[] = [];
  // Refusals come for the first that is at fault.
  for (const each of fallback) {
    const other = providerFor(each.provider, env);
    if (other?.standIn?.wire !== standIn.wire) throw problem(whoWould(each, adapter, standIn, env));
    others.push(await connectionTo(connection, other, other.standIn.targetOf(each.model, asked)));
  }
  return Promise.all(others.map(dialPlan));
}

/** The same connection, had it asked for this one. The client's own key is its provider's alone. */
async function connectionTo(
  connection: Connection,
  adapter: ProviderAdapter,
  { path, query }: Pick<ConnectRequest, 'path' | 'query'>,
): Promise<Connection> {
  const target = { ...connection.target, provider: adapter.id, path };
  const asked = { ...connection, adapter, target, offer: { ...connection.offer, query } };
  if (adapter.id === connection.adapter.id) return asked;
  const { env, settings, account, gateway, principal, parameters } = connection;
  const wanted = { provider: adapter.id, alias: parameters.byokAlias ?? DEFAULT_ALIAS };
  const { key } = await askGateway(env, settings, { account, gateway }, principal, wanted);
  return { ...asked, ownKey: null, key };
}

function whoWould(
  { provider, model }: Alternative,
  { id }: ProviderAdapter,
  { wire }: StandIn,
  env: Connection['env'],
): string {
  const able = providersOf(env).filter(({ standIn }) => standIn?.wire === wire);
  const names = able.map((each) => each.id).join(', ');
  return `names ${provider}/${model}, which does not speak the wire of ${id}; ${names} do`;
}

function problem(what: string): BrokerError {
  return new BrokerError('invalid_request', { problem: `parley-fallback ${what}` });
}
