/**
 * What clients' frames do at fal: each is a request of its own, which sets nothing for any other. So whoever may speak may
 * ask, but only by a request that every reader understands alike.
 */
import type { Payload } from './adapter.ts';
import { type Act, readActs, type ReadAct } from './acts.ts';
import { isStrictMap } from './msgpack-keys.ts';

const json: ReadAct = readActs({ object: () => 'speak' });

/** MessagePack comes in binary frames. */
export function falActs(isRealtime: boolean): ReadAct {
  return (payload: Payload): Act => {
    if (!isRealtime || typeof payload === 'string') return json(payload);
    return isStrictMap(payload) ? 'speak' : 'unknown';
  };
}
