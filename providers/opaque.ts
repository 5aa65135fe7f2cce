/** A provider of which nothing is known: frames are relayed and recorded, and nothing is read. Any path is its own. */
import { OPAQUE_DIALECT } from '../protocol/custom-providers.ts';
import { UNKNOWN_ACTS } from './acts.ts';
import type { ConnectRequest, ProviderAdapter, UpstreamRequest } from './adapter.ts';

/** It has no settings of its own: only custom providers speak it, each with its own. */
export const opaque: ProviderAdapter<null> = {
  id: OPAQUE_DIALECT,
  aliases: [],
  stateVersion: 1,
  streamedText: [
    // Nothing says which of its texts go on: what is usually called so is taken for it.
    { path: '**.delta' },
    { path: '**.text' },
    { path: '**.transcript' },
    { path: '**.word' },
    { path: '**.token' },
    { path: '**.partial' },
    { path: '**.chars.*' },
    { path: '**.characters.*' },
  ],
  settings: { key: null, baseUrl: '', defaultBaseUrl: null },
  // The one place that any client can fill, where a gateway token may stand for the stored key.
  carriers: [{ in: 'header', name: 'authorization', schemes: ['Bearer'] }],
  forwardHeaders: [],
  signalHeaders: [],
  // A `model` in the query is the provider's own business: it names no model that a token or a price could be for.
  modelOf: () => null,
  accepts: () => ({ ok: true }),
  errorFrame: () => null,
  begin: () => null,
  acts: () => UNKNOWN_ACTS,
  dial,
  read: (state) => ({ state, observations: [], route: 'across' }),
  skim: () => [],
  intercepts: () => false,
  restore: (state) => ({ state, send: { upstream: [], clients: [] }, complete: true }),
  // What a new socket would lack is not known, so none takes the place of one that closed.
  resumable: () => false,
  owes: () => false,
};

function dial({ baseUrl, path, query, subprotocols }: ConnectRequest): UpstreamRequest {
  // A space as %20: a form's `+` is a plus to whoever does not decode forms.
  const pairs = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return {
    url: `${baseUrl}${path === '' ? '' : `/${path}`}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`,
    headers: {},
    subprotocols,
  };
}
