/** A provider of the deployment's own, which speaks the wire of a known one, or one of which nothing is known. */
import {
  CUSTOM_PREFIX,
  type CustomAuth,
  type CustomProvider,
  customSettings,
} from '../protocol/custom-providers.ts';
import type { Carrier, ProviderAdapter, UpstreamRequest } from './adapter.ts';

/**
 * The dialect's adapter under another name, with its own settings and its key in its own place. The dialect's places for
 * a key go on being read, so that its SDKs connect unchanged.
 */
export function customAdapter(custom: CustomProvider, dialect: ProviderAdapter): ProviderAdapter {
  const { slug, auth, baseUrl } = custom;
  // REST calls carry the key in the dialect's own place, which need not be this provider's.
  const { rest: _rest, ...wire } = dialect;
  const own = customSettings(slug);
  return {
    ...wire,
    id: `${CUSTOM_PREFIX}${slug}`,
    aliases: [],
    settings: { key: auth.in === 'none' ? null : own.key, baseUrl: own.baseUrl, defaultBaseUrl: baseUrl },
    carriers: [...carriersOf(auth), ...dialect.carriers],
    dialect: dialect.id,
    // Without a credential the dialect puts none, and this provider's goes where its setting says.
    dial: (request, state) =>
      withCredential(dialect.dial({ ...request, credential: null }, state), auth, request.credential),
  };
}

function carriersOf(auth: CustomAuth): readonly Carrier[] {
  switch (auth.in) {
    case 'bearer':
      return [{ in: 'header', name: 'authorization', schemes: ['Bearer'] }];
    case 'header':
      return [{ in: 'header', name: auth.name, schemes: ['Bearer'] }];
    case 'query':
      return [{ in: 'query', name: auth.name }];
    case 'none':
      return [];
  }
}

function withCredential(
  target: UpstreamRequest,
  auth: CustomAuth,
  credential: string | null,
): UpstreamRequest {
  if (credential === null) return target;
  switch (auth.in) {
    case 'bearer':
      return { ...target, headers: { ...target.headers, Authorization: `Bearer ${credential}` } };
    case 'header':
      return { ...target, headers: { ...target.headers, [auth.name]: credential } };
    case 'query': {
      const pair = `${auth.name}=${encodeURIComponent(credential)}`;
      return { ...target, url: `${target.url}${target.url.includes('?') ? '&' : '?'}${pair}` };
    }
    case 'none':
      return target;
  }
}
