/** The provider's own path behind a short form of its URL. */
import type { ProviderAdapter, Target } from './adapter.ts';

/** Dialled by nobody: only what an adapter puts behind it is looked at. */
const ANY_BASE = 'https://provider.invalid';

/** Where `target` is dialled, below the provider's base URL; without a slash before it. '' where the whole query would tell. */
export function servedPath(adapter: ProviderAdapter, target: Target): string {
  const request = { ...target, baseUrl: ANY_BASE, headers: {}, subprotocols: [], credential: null };
  const { url } = adapter.dial(request, adapter.begin(request));
  return new URL(url).pathname.replace(/^\/+/, '');
}
