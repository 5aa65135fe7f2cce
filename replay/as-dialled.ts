import type { ConnectRequest } from '../protocol/connect.ts';

/** A request for adapters that only read: nothing is dialled with it. */
export function asDialled({ path, query }: Pick<ConnectRequest, 'path' | 'query'>): ConnectRequest {
  return {
    path,
    query,
    headers: {},
    subprotocols: [],
    baseUrl: 'https://replay.parley.internal',
    credential: null,
  };
}
