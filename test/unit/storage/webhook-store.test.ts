import { describe, expect, it } from 'vitest';
import { WebhookStore } from '../../../storage/webhook-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

const deliveryOf = (key: string) => ({
  id: `msg_${key}`,
  event: 'session.ended' as const,
  key,
  session: key,
  url: 'https://a.example/',
  body: `canary ${key}`,
});
const DONE = { at: 20, httpStatus: 200, error: null, outcome: { is: 'delivered' } } as const;

describe('the store of webhook deliveries', () => {
  it('P9 a body is kept only as long as it may be sent again', () => {
    const database = memoryDatabase();
    const store = new WebhookStore(database);
    store.enqueue(deliveryOf('s1'), 10);
    const [due] = store.due('https://a.example/', 10, 1);
    expect(due?.body).toBe('canary s1');
    store.attempted(due?.number ?? 0, DONE);
    expect(JSON.stringify(database.exec('SELECT * FROM webhook_delivery').toArray())).not.toContain('canary');
  });

  it('pages go from the newest on, and by status', () => {
    const store = new WebhookStore(memoryDatabase());
    for (const key of ['s1', 's2', 's3', 's4']) store.enqueue(deliveryOf(key), 10);
    store.attempted(2, DONE);
    const page = store.list(null, null, 2);
    expect(page.map(({ session }) => session)).toEqual(['s4', 's3']);
    expect(store.list(null, page.at(-1)?.number ?? 0, 2).map(({ session }) => session)).toEqual(['s2', 's1']);
    expect(store.list('delivered', null, 9).map(({ session }) => session)).toEqual(['s2']);
    expect(store.counts('https://a.example/')).toEqual({ pending: 3, delivered: 1, failed: 0 });
  });

  it('P10 only the newest of those that are over are kept', () => {
    const store = new WebhookStore(memoryDatabase());
    for (const key of ['s1', 's2', 's3', 's4']) store.enqueue(deliveryOf(key), 10);
    for (const number of [1, 2, 3]) store.attempted(number, DONE);
    store.forget(0, 2);
    expect(store.list(null, null, 9).map(({ session }) => session)).toEqual(['s4', 's3']);
    expect(store.nextDue(1_000)).toBe(10);
  });

  it('P3 it says when there is something to do: a delivery, else something to forget, else nothing', () => {
    const store = new WebhookStore(memoryDatabase());
    expect(store.nextDue(1_000)).toBeNull();
    store.enqueue(deliveryOf('s1'), 10);
    expect(store.nextDue(1_000)).toBe(10);
    store.attempted(1, DONE);
    expect(store.nextDue(1_000)).toBe(1_011);
    store.forget(11, 100);
    expect(store.nextDue(1_000)).toBeNull();
  });
});
