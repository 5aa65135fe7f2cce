import { describe, expect, it } from 'vitest';
import { PlannedSessionStore } from '../../../storage/planned-session-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

describe('P7 sessions that were created, and wait', () => {
  it('P7 the same is the same, another is refused, and the time of either counts', () => {
    const store = new PlannedSessionStore(memoryDatabase());
    expect(store.put('a', '{"x":1}', 100, 0, 2)).toBe('created');
    expect(store.put('a', '{"x":1}', 50, 0, 2)).toBe('same');
    expect(store.put('a', '{"x":2}', 500, 0, 2)).toBe('taken');
    expect([store.get('a', 99), store.get('a', 100)]).toEqual(['{"x":1}', null]);
    expect(store.put('a', '{"x":2}', 500, 100, 2)).toBe('created');
  });

  it('P10 there are as many as the limit and not one more, until one is over or removed', () => {
    const store = new PlannedSessionStore(memoryDatabase());
    expect(store.put('a', '{}', 10, 0, 2)).toBe('created');
    expect(store.put('b', '{}', 20, 0, 2)).toBe('created');
    expect(store.put('c', '{}', 20, 9, 2)).toBe('full');
    expect(store.put('b', '{}', 20, 9, 2)).toBe('same');
    expect(store.put('c', '{}', 20, 10, 2)).toBe('created');
    expect([store.remove('b'), store.remove('b')]).toEqual([true, false]);
    expect(store.put('d', '{}', 20, 10, 2)).toBe('created');
  });
});
