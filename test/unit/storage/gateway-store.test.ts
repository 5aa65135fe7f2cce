import { describe, expect, it } from 'vitest';
import { GatewayStore } from '../../../storage/gateway-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);
const KEY = { provider: 'openai', alias: 'default' };

describe('P9 a gateway’s keys', () => {
  it('P9 one that was sealed anew keeps its times; one that was replaced or deleted meanwhile is left alone', () => {
    const store = new GatewayStore(memoryDatabase());
    const first = store.putKey({ ...KEY, sealed: bytes(1) }, 10, 100);
    if (first === null) throw new Error('there was room');
    store.resealKey({ ...first, sealed: bytes(2) });
    expect(store.key('openai', 'default')).toEqual({ ...first, sealed: bytes(2) });
    store.putKey({ ...KEY, sealed: bytes(3) }, 20, 100);
    store.resealKey({ ...first, sealed: bytes(4) });
    expect(store.keys()).toEqual([{ ...KEY, sealed: bytes(3), createdAt: 10, updatedAt: 20 }]);
    store.removeKey('openai', 'default');
    store.resealKey({ ...first, updatedAt: 20, sealed: bytes(5) });
    expect(store.keys()).toEqual([]);
  });
});

describe('P10 a gateway’s settings', () => {
  it('P10 what is not named stays, null is taken out, and what is too long changes nothing', () => {
    const store = new GatewayStore(memoryDatabase());
    expect(store.settings()).toBe('{}');
    expect(store.change({ log: 'none', max_clients: 3 }, 100)).toBe(true);
    expect(store.change({ log: null, grace_seconds: 5 }, 100)).toBe(true);
    const json = '{"max_clients":3,"grace_seconds":5}';
    expect(store.settings()).toBe(json);
    expect(store.change({ max_clients: 30 }, json.length)).toBe(false);
    expect(store.change({ max_clients: 4 }, json.length)).toBe(true);
    expect(JSON.parse(store.settings())).toEqual({ max_clients: 4, grace_seconds: 5 });
  });
});
