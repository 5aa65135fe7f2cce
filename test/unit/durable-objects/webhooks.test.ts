import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { Post, Posted } from '../../../durable-objects/post.ts';
import { Webhooks } from '../../../durable-objects/webhooks.ts';
import type { WebhookEndpoint, WebhookEvent } from '../../../protocol/webhooks.ts';
import { LIMITS, type Limits } from '../../../session/limits.ts';
import { WebhookStore } from '../../../storage/webhook-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

const SECRET = `whsec_${btoa('s'.repeat(32))}`;
const A: WebhookEndpoint = { url: 'https://a.example/', events: ['session.started', 'session.ended'] };
const B: WebhookEndpoint = { url: 'https://b.example/', events: ['session.ended'] };
const OK: Posted = { status: 200, problem: null };
const DOWN: Posted = { status: 503, problem: 'answered 503' };

const eventOf = (key: string, type: WebhookEvent['type'] = 'session.ended'): WebhookEvent => ({
  type,
  key,
  session: key,
  at: 1_000,
  data: { session: { id: key } },
});

interface Sent {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function setUp(answer: Post = async () => OK, limits: Partial<Limits> = {}) {
  const clock = { now: Date.now() };
  const sent: Sent[] = [];
  const dropped: number[] = [];
  let endpoints: readonly WebhookEndpoint[] = [A, B];
  let ids = 0;
  const store = new WebhookStore(memoryDatabase());
  const webhooks = new Webhooks({
    store,
    gateway: () => ({ account: 'acct', gateway: 'gw' }),
    endpoints: () => endpoints,
    secrets: async () => [SECRET],
    post: async (url, headers, body) => {
      sent.push({ url, headers, body });
      return answer(url, headers, body);
    },
    now: () => clock.now,
    chance: () => 1,
    newId: () => `${(ids += 1)}`,
    limits: { ...LIMITS, ...limits },
    dropped: (deliveries) => dropped.push(deliveries),
  });
  return {
    store,
    webhooks,
    clock,
    sent,
    dropped,
    setEndpoints: (now: readonly WebhookEndpoint[]) => (endpoints = now),
    statuses: () => store.list(null, null, 100).map(({ status }) => status),
  };
}

describe('P3 webhooks: at least once', () => {
  it('P3 each endpoint gets what it asked for, signed, with account and gateway', async () => {
    const { webhooks, sent, statuses } = setUp();
    expect(webhooks.announce([eventOf('s1', 'session.started'), eventOf('s1')])).toBe(true);
    expect(sent).toEqual([]);
    await webhooks.deliver();
    expect(sent.map(({ url, body }) => `${url} ${/session\.\w+/.exec(body)?.[0]}`).toSorted()).toEqual([
      `${A.url} session.ended`,
      `${A.url} session.started`,
      `${B.url} session.ended`,
    ]);
    // Two to one endpoint go at the same time, in either order.
    const first = sent.find(({ body }) => body.includes('session.started'));
    expect(new Webhook(SECRET).verify(first?.body ?? '', first?.headers ?? {})).toEqual({
      type: 'session.started',
      timestamp: '1970-01-01T00:00:01.000Z',
      data: { account: 'acct', gateway: 'gw', session: { id: 's1' } },
    });
    expect(statuses()).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('P3 an event that is told twice is delivered once, delivered already or not', async () => {
    const { webhooks, sent } = setUp();
    webhooks.announce([eventOf('s1')]);
    expect(webhooks.announce([eventOf('s1')])).toBe(false);
    await webhooks.deliver();
    expect(webhooks.announce([eventOf('s1')])).toBe(false);
    await webhooks.deliver();
    expect(sent).toHaveLength(2);
  });

  it('P3 what failed is tried again later and longer each time, with the same id and body', async () => {
    const answers = [DOWN, { status: null, problem: 'not reached' }, OK];
    const { webhooks, store, clock, sent, setEndpoints } = setUp(async () => answers.shift() ?? OK);
    setEndpoints([A]);
    webhooks.announce([eventOf('s1')]);
    const start = clock.now;
    expect(await webhooks.deliver()).toBe(start + 2_000);
    expect(store.list(null, null, 1)).toMatchObject([
      { status: 'pending', attempts: 1, lastStatus: 503, lastError: 'answered 503', nextAt: start + 2_000 },
    ]);
    clock.now = start + 1_999;
    await webhooks.deliver();
    expect(sent).toHaveLength(1);
    clock.now = start + 2_000;
    expect(await webhooks.deliver()).toBe(start + 6_000);
    clock.now = start + 6_000;
    await webhooks.deliver();
    expect(store.list(null, null, 1)).toMatchObject([
      { status: 'delivered', attempts: 3, lastStatus: 200, lastError: null, nextAt: null },
    ]);
    expect(new Set(sent.map(({ headers, body }) => headers['webhook-id'] + body)).size).toBe(1);
    // Each attempt is signed at its own time, or receivers would take it for a replay.
    expect(new Set(sent.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
  });

  it('P10 attempts end, at the limit and not before', async () => {
    const { webhooks, store, clock, setEndpoints } = setUp(async () => DOWN);
    setEndpoints([A]);
    webhooks.announce([eventOf('s1')]);
    for (let n = 1; n < LIMITS.deliveryAttempts; n += 1) clock.now = (await webhooks.deliver()) ?? 0;
    expect(store.list(null, null, 1)).toMatchObject([
      { status: 'pending', attempts: LIMITS.deliveryAttempts - 1 },
    ]);
    await webhooks.deliver();
    expect(store.list(null, null, 1)).toMatchObject([
      { status: 'failed', attempts: LIMITS.deliveryAttempts, nextAt: null },
    ]);
  });

  it('a receiver that is gone (410), or not in the settings any more, is not asked again', async () => {
    const { webhooks, statuses, sent, setEndpoints } = setUp(async () => ({
      status: 410,
      problem: 'answered 410',
    }));
    setEndpoints([A]);
    webhooks.announce([eventOf('s1')]);
    await webhooks.deliver();
    webhooks.announce([eventOf('s2')]);
    setEndpoints([]);
    await webhooks.deliver();
    expect([statuses(), sent.length]).toEqual([['failed', 'failed'], 1]);
  });
});

describe('P10 webhooks: bounded', () => {
  it('P10 one endpoint that never answers holds up no other, and is asked only so much at a time', async () => {
    const hang = Promise.withResolvers<Posted>();
    const { webhooks, sent, setEndpoints } = setUp((url) =>
      url === A.url ? hang.promise : Promise.resolve(OK),
    );
    setEndpoints([A, B]);
    for (let n = 0; n < 20; n += 1) webhooks.announce([eventOf(`s${n}`)]);
    const run = webhooks.deliver();
    while (sent.filter(({ url }) => url === B.url).length < 20)
      await Promise.resolve().then(() => new Promise(setImmediate));
    expect(sent.filter(({ url }) => url === A.url)).toHaveLength(LIMITS.webhooksAtOnce);
    hang.resolve(DOWN);
    await run;
  });

  it('P10 a run ends in time, and says that there is more to do', async () => {
    const { webhooks, clock, sent, setEndpoints } = setUp(async () => {
      clock.now += LIMITS.deliveryMs;
      return OK;
    });
    setEndpoints([A]);
    for (let n = 0; n < 40; n += 1) webhooks.announce([eventOf(`s${n}`)]);
    const again = await webhooks.deliver();
    expect(sent).toHaveLength(LIMITS.webhooksAtOnce);
    expect(again).toBeLessThanOrEqual(clock.now);
  });

  it('P10 of those that wait, the oldest are given up past the limit, and counted', async () => {
    const { webhooks, statuses, dropped, setEndpoints } = setUp(async () => OK, {
      webhooksWaiting: 3,
    });
    setEndpoints([A]);
    for (const key of ['s1', 's2', 's3']) webhooks.announce([eventOf(key)]);
    expect(dropped).toEqual([]);
    webhooks.announce([eventOf('s4')]);
    expect(dropped).toEqual([1]);
    expect(statuses()).toEqual(['pending', 'pending', 'pending', 'failed']);
  });

  it('P10 what is over is forgotten after a week, and what waits is not', async () => {
    const { webhooks, store, clock, setEndpoints } = setUp(async (_url, _headers, body) =>
      body.includes('s1') ? OK : DOWN,
    );
    setEndpoints([A]);
    webhooks.announce([eventOf('s1')]);
    webhooks.announce([eventOf('s2')]);
    await webhooks.deliver();
    clock.now += LIMITS.webhooksKeptMs;
    await webhooks.deliver();
    expect(store.list(null, null, 10)).toHaveLength(2);
    clock.now += 1;
    await webhooks.deliver();
    expect(store.list(null, null, 10)).toMatchObject([{ session: 's2', status: 'pending' }]);
  });
});
