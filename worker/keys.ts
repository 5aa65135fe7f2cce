/** REST over the provider keys that a gateway stores. They come in; they never go out again, but to their provider. */
import { BrokerError } from '../protocol/errors.ts';
import { type KeyShape, ProviderKeyRequest } from '../protocol/key-shapes.ts';
import { providerFor } from '../providers/registry.ts';
import { LIMITS } from '../session/limits.ts';
import type { SealedKey } from '../storage/gateway-store.ts';
import { unknownProvider } from './connect.ts';
import { directoryOf } from './gateway.ts';
import { seal, unseal } from './key-vault.ts';
import { readBody } from './read-request.ts';
import { ok } from './respond.ts';
import type { RouteContext } from './routes.ts';

/** Also seals anew, with the current secret, what the previous one had sealed: a list is what ends a rotation. */
export async function listKeys(context: RouteContext): Promise<Response> {
  const { env, settings, account, gateway } = context;
  const directory = directoryOf(env, account, gateway);
  const shapes: KeyShape[] = [];
  for (const stored of await directory.keys()) {
    const place = { account, gateway, provider: stored.provider, alias: stored.alias };
    const opened = await unseal(stored.sealed, place, settings);
    if (opened?.isCurrent === false)
      await directory.resealKey({ ...stored, sealed: await seal(opened.key, place, settings) });
    shapes.push(shapeOf(stored, opened?.key ?? null));
  }
  return ok(shapes, { count: shapes.length, cursor: null, per_page: LIMITS.gatewayKeys });
}

export async function putKey(context: RouteContext): Promise<Response> {
  const { request, env, settings, account, gateway } = context;
  const { key } = await readBody(request, ProviderKeyRequest);
  const { provider, alias } = placeIn(context);
  const sealed = await seal(key, { account, gateway, provider, alias }, settings);
  const stored = await directoryOf(env, account, gateway).putKey({ provider, alias, sealed });
  if (stored === null)
    throw new BrokerError('invalid_request', {
      problem: `this gateway stores ${LIMITS.gatewayKeys} keys already, the most that it can; delete one first`,
    });
  return ok(shapeOf(stored, key));
}

/** Deleting what is not there is not an error. */
export async function deleteKey(context: RouteContext): Promise<Response> {
  const { env, account, gateway } = context;
  const { provider, alias } = placeIn(context);
  return ok({
    provider,
    alias,
    deleted: await directoryOf(env, account, gateway).removeKey(provider, alias),
  });
}

function placeIn({ env, provider: name, alias }: RouteContext): { provider: string; alias: string } {
  const adapter = providerFor(name, env);
  if (adapter === undefined) throw unknownProvider(name, env);
  if (adapter.settings.key === null)
    throw new BrokerError('invalid_request', { problem: `${adapter.id} is dialled without a key` });
  return { provider: adapter.id, alias };
}

/** Shorter keys have too little besides what would be shown. */
const PREVIEW_FROM = 12;
const PREVIEW_CHARACTERS = 4;

/** @param key null: it cannot be decrypted */
function shapeOf({ provider, alias, createdAt, updatedAt }: SealedKey, key: string | null): KeyShape {
  return {
    provider,
    alias,
    preview: key === null || key.length < PREVIEW_FROM ? null : `…${key.slice(-PREVIEW_CHARACTERS)}`,
    readable: key !== null,
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  };
}
