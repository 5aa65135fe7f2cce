import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DirectoryObject } from '../../durable-objects/directory-object.ts';
import type { Env } from '../../durable-objects/environment.ts';
import { DAY_MS } from '../../protocol/admission.ts';
import { directoryObjectName, sessionObjectName } from '../../protocol/connect.ts';
import type { SessionShape, TokenShape } from '../../protocol/rest.ts';
import type { WebhookEvent } from '../../protocol/webhooks.ts';
import worker from '../../worker/index.ts';
import { eventually } from '../support/eventually.ts';
import { clearOfMidnight } from '../support/midnight.ts';
import { ADMIN, asAdmin, type Client, errorOf, listen, resultOf } from './parley.ts';

const CENTS_49 = { 'cf-aig-custom-cost': '{"total_cost":0.49}' };
const BY_TOKEN = { 'cf-aig-custom-cost': '{"per_token_in":0.0005,"per_token_out":0.0005}' };
const CENTS_25 = { 'cf-aig-custom-cost': '{"total_cost":0.25}' };

/** What docs/WEBHOOKS.md says of `budget.exceeded`. */
interface Told {
  readonly data: {
    readonly session: { readonly id: string };
    readonly budget: { readonly spent_usd: string };
  };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly error: string;
}

/** A gateway of its own for each test, under settings of its own. */
function gatewayWith(name: string, settings: Readonly<Record<string, string>>) {
  const base = `/v1/acct/${name}`;
  const model = settings['OPENAI_BASE_URL'] === undefined ? 'sim-support' : 'gpt-realtime';
  const own = { ...env, ...settings } as unknown as Env; // the Worker reads settings by name
  const upgrade = (query: string, headers: Readonly<Record<string, string>>) =>
    worker.fetch(
      new Request(`https://parley.example${base}/openai?model=${model}${query}`, {
        headers: { upgrade: 'websocket', 'cf-aig-authorization': `Bearer ${ADMIN}`, ...headers },
      }),
      own,
    );
  return {
    base,
    worker: (path: string, headers: Readonly<Record<string, string>>) =>
      worker.fetch(new Request(`https://parley.example${path}`, { headers }), own),
    directory: env.DIRECTORY.getByName(directoryObjectName('acct', name)),
    sessionObject: (id: string) =>
      env.SESSION.getByName(sessionObjectName({ account: 'acct', gateway: name, id })),
    session: (id: string) => resultOf<SessionShape>(asAdmin(`${base}/sessions/${id}`)),
    metrics: async () => {
      const request = new Request(`https://parley.example${base}/metrics`, {
        headers: { authorization: `Bearer ${ADMIN}` },
      });
      return (await worker.fetch(request, own)).text();
    },
    mint: (body: unknown) =>
      resultOf<TokenShape>(asAdmin(`${base}/tokens`, { method: 'POST', body: JSON.stringify(body) })),
    open: async (query = '', headers: Readonly<Record<string, string>> = {}): Promise<Client> => {
      const response = await upgrade(query, headers);
      if (response.webSocket === null)
        throw new Error(`refused: ${response.status} ${await response.text()}`);
      return { response, ...listen(response.webSocket) };
    },
    refused: async (query = '', headers: Readonly<Record<string, string>> = {}): Promise<Answer> => {
      const response = await upgrade(query, headers);
      if (response.webSocket !== null) throw new Error('it was not refused');
      return {
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        // A refused dial has the provider's own answer.
        error: response.status === 503 ? '' : await errorOf(response),
      };
    },
  };
}

const idOf = ({ response }: Client) => response.headers.get('parley-session-id') ?? '';

async function close({ socket, closed }: Client): Promise<void> {
  socket.close(1000);
  await closed;
}

async function until(client: Client, type: string): Promise<void> {
  for (let frame = ''; !frame.includes(`"type":"${type}"`);) frame = await client.next();
}

async function respond(client: Client): Promise<void> {
  client.socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
  await until(client, 'response.done');
}

/** What is told off the relay's path takes a moment. */
async function untilSo(isSo: () => Promise<boolean>): Promise<void> {
  await eventually('it is so', async () => (await isSo()) || null);
}

describe('P10 PARLEY_MAX_SESSIONS', () => {
  it('P10 of 20 that open at once, exactly 10 get in; each that ends makes room for one', async () => {
    const { open, refused } = gatewayWith('race', { PARLEY_MAX_SESSIONS: '10' });
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => open()));
    const inside = all.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(inside).toHaveLength(10);
    expect(await refused()).toEqual({ status: 429, retryAfter: '5', error: 'too_many_sessions' });
    const [first, ...others] = inside;
    if (first === undefined) throw new Error('nobody got in');
    await close(first);
    await untilSo(async () => (await open().catch(() => null)) !== null);
    expect(await refused()).toMatchObject({ error: 'too_many_sessions' });
    await Promise.all(others.map(close));
  });

  it('P7 who joins a session, or comes back to it, is not counted and not refused', async () => {
    const { open, refused } = gatewayWith('join', {
      PARLEY_MAX_SESSIONS: '1',
      PARLEY_SESSIONS_PER_MINUTE: '1',
    });
    const first = await open('&parley-session=shared');
    await until(first, 'session.created');
    const second = await open('&parley-session=shared');
    await Promise.all([close(first), close(second)]);
    const back = await open('&parley-session=shared&parley-after=1');
    expect(await refused('&parley-session=other')).toMatchObject({ status: 429 });
    await close(back);
  });

  it('P7 however many open one session at once, it takes one place', async () => {
    const { open } = gatewayWith('one', { PARLEY_MAX_SESSIONS: '1' });
    const clients = await Promise.all(Array.from({ length: 8 }, () => open('&parley-session=shared')));
    await Promise.all(clients.map(close));
  });

  it('P10 a dial that fails gives its place back at once; so does a name that was used up', async () => {
    const { base, open, refused } = gatewayWith('failed', { PARLEY_MAX_SESSIONS: '1' });
    for (let n = 0; n < 3; n += 1) {
      await untilSo(async () => (await refused('&faults=connect_503')).status === 503);
    }
    await untilSo(async () => (await open('&parley-session=once').catch(() => null)) !== null);
    await asAdmin(`${base}/sessions/once/end`, { method: 'POST' });
    for (let n = 0; n < 3; n += 1) {
      await untilSo(async () => (await refused('&parley-session=once')).error === 'session_ended');
    }
  });

  it('P10 a session that lost its object gives its place back by the word of its record', async () => {
    const { open, sessionObject, session } = gatewayWith('lost', { PARLEY_MAX_SESSIONS: '1' });
    const lost = await open();
    await until(lost, 'session.created');
    expect((await session(idOf(lost))).status).toBe('live');
    const stub = sessionObject(idOf(lost));
    await expect(runInDurableObject(stub, (_, state) => state.abort('crash'))).rejects.toThrow();
    expect((await session(idOf(lost))).ended_reason).toBe('interrupted');
    await untilSo(async () => {
      const next = await open().catch(() => null);
      if (next !== null) await close(next);
      return next !== null;
    });
  });

  it('P2 a browser hears of it in the provider’s own shape, and by the close code', async () => {
    const { open } = gatewayWith('browser', { PARLEY_MAX_SESSIONS: '1' });
    const first = await open();
    const browser = await open('', { origin: 'https://app.example' });
    expect(JSON.parse(await browser.next())).toMatchObject({
      type: 'error',
      error: { code: 'too_many_sessions', message: expect.stringContaining('1 live sessions') },
    });
    expect((await browser.closed).code).toBe(4429);
    await close(first);
  });
});

describe('P10 a gateway’s own limits', () => {
  it('P10 hold below the deployment’s, and are those that its metrics show', async () => {
    const { base, open, refused, metrics } = gatewayWith('own', {
      PARLEY_MAX_SESSIONS: '7',
      PARLEY_BUDGET_USD_PER_DAY: '0.5',
    });
    expect(await metrics()).toContain('parley_sessions_limit 7\n');
    const answer = await asAdmin(`${base}/settings`, {
      method: 'PATCH',
      body: '{"max_sessions":1,"budget_usd_per_day":0.25}',
    });
    expect(answer.status).toBe(200);
    const text = await metrics();
    expect(text).toContain('parley_sessions_limit 1\n');
    expect(text).toContain('parley_budget_dollars 0.25\n');
    const first = await open();
    expect(await refused()).toMatchObject({ error: 'too_many_sessions' });
    await close(first);
  });
});

describe('P10 PARLEY_SESSIONS_PER_MINUTE', () => {
  it('P10 counts starts, whether they are over or not', async () => {
    const { open, refused } = gatewayWith('rate', { PARLEY_SESSIONS_PER_MINUTE: '2' });
    const before = Date.now();
    await close(await open());
    await close(await open());
    const answer = await refused();
    expect(answer).toMatchObject({ status: 429, error: 'rate_limited' });
    expect(Number(answer.retryAfter)).toBeGreaterThanOrEqual(60 - (Date.now() - before) / 1000);
    expect(Number(answer.retryAfter)).toBeLessThanOrEqual(60);
  });
});

describe('P10 budgets', () => {
  beforeEach(clearOfMidnight);

  it('P10 what one session spends, another is refused for, and a third that runs is ended for', async () => {
    const { open, refused, session, directory, metrics } = gatewayWith('spent', {
      PARLEY_BUDGET_USD_PER_DAY: '0.5',
    });
    const [first, second] = [await open('', BY_TOKEN), await open('', CENTS_49)];
    await respond(first);
    await respond(second);
    // Its own 49 cents are less than the limit: it heard of the others.
    expect((await second.closed).code).toBe(4402);
    await respond(first);
    expect((await first.closed).code).toBe(4402);
    await untilSo(async () => (await refused()).error === 'budget_exceeded');
    const { retryAfter } = await refused();
    expect(Number(retryAfter)).toBeCloseTo((DAY_MS - (Date.now() % DAY_MS)) / 1000, -1);
    for (const id of [first, second].map(idOf))
      expect(await session(id)).toMatchObject({ status: 'ended', ended_reason: 'budget_exceeded' });
    const costs = await Promise.all(
      [first, second].map(async (each) => (await session(idOf(each))).cost.nano_usd ?? 0),
    );
    expect(await directory.spentToday()).toBe(costs.reduce((sum, cost) => sum + cost, 0));
    expect(await metrics()).toContain('parley_budget_dollars 0.5\n');
    expect(await metrics()).toMatch(/^parley_budget_spent_dollars 0\.[5-9]/m);
  });

  it('P10 its webhooks hear of it once, however many sessions pass it', async () => {
    const { open, directory } = gatewayWith('hooked', { PARLEY_BUDGET_USD_PER_DAY: '0.5' });
    const announced = vi.spyOn(DirectoryObject.prototype, 'announce');
    const post = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response());
    onTestFinished(() => void vi.restoreAllMocks());
    const [first, second] = [await open('', BY_TOKEN), await open('', CENTS_49)];
    await respond(first);
    await respond(second);
    await respond(first);
    const clients = [first, second];
    for (const { closed } of clients) expect((await closed).code).toBe(4402);
    const told = (): WebhookEvent[] =>
      announced.mock.calls.flatMap(([events]) => events).filter(({ type }) => type === 'budget.exceeded');
    await untilSo(async () => told().length === 2);
    expect(new Set(told().map(({ session }) => session))).toEqual(new Set(clients.map(idOf)));
    // The directory of this test's deployment has no webhook: one that has takes its place.
    await runInDurableObject(directory, async (own, state) => {
      vi.spyOn(own, 'alarm').mockResolvedValue();
      const settings = {
        PARLEY_WEBHOOKS: '[{"url":"https://hooks.example/in","events":["budget.exceeded"]}]',
      };
      const hooked = new DirectoryObject(state, { ...env, ...settings });
      await hooked.announce(told());
      await hooked.alarm();
    });
    const bodies = await Promise.all(
      post.mock.calls.map(([input, init]) => new Request(input, init).json<Told>()),
    );
    expect(bodies).toMatchObject([
      {
        type: 'budget.exceeded',
        data: {
          account: 'acct',
          gateway: 'hooked',
          budget: { name: 'gateway_day', token: null, mode: 'enforce', limit_usd: '0.500000000' },
        },
      },
    ]);
    expect(clients.map(idOf)).toContain(bodies[0]?.data.session.id);
    expect(Number(bodies[0]?.data.budget.spent_usd)).toBeGreaterThanOrEqual(0.5);
  });

  it('P10 a token’s max_cost_usd ends its session, and lets it open no other; everybody else goes on', async () => {
    const { open, refused, mint, session } = gatewayWith('token', { OPENAI_BASE_URL: 'simulator' });
    const { token = '', max_cost_usd } = await mint({ max_cost_usd: 0.0001 });
    expect(max_cost_usd).toBe(0.0001);
    const asToken = { 'cf-aig-authorization': `Bearer ${token}` };
    // Nobody sets the price that his own budget is counted by.
    expect(await refused('', { ...asToken, 'cf-aig-custom-cost': '{"total_cost":0}' })).toMatchObject({
      status: 403,
      error: 'forbidden',
    });
    const client = await open('', asToken);
    await respond(client);
    const { code, reason } = await client.closed;
    expect(code).toBe(4402);
    expect(reason).toMatch(/^budget_exceeded: Token budget \$0\.0001 is spent .* higher max_cost_usd\.$/);
    const { budgets, cost } = await session(idOf(client));
    expect(budgets).toMatchObject([
      { budget: 'token', limit_usd: '0.000100000', spent_usd: cost.usd, verdict: 'ended' },
    ]);
    await untilSo(async () => {
      const answer = await refused('', asToken).catch(() => null);
      return answer?.error === 'budget_exceeded' && answer.retryAfter === null;
    });
    await close(await open());
  });

  it('P10 a token that a provider’s SDK is handed spends as the one that asked for it', async () => {
    const {
      base,
      mint,
      open,
      refused,
      worker: fetch,
    } = gatewayWith('handed', {
      OPENAI_BASE_URL: 'simulator',
      ELEVENLABS_BASE_URL: 'simulator',
      PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN: '0.0001',
    });
    const asToken = { 'cf-aig-authorization': `Bearer ${(await mint({})).token ?? ''}` };
    const answer = await fetch(
      `${base}/elevenlabs/v1/convai/conversation/get-signed-url?agent_id=a`,
      asToken,
    );
    const { signed_url }: { signed_url: string } = await answer.json();
    const client = await open('', asToken);
    await respond(client);
    expect((await client.closed).code).toBe(4402);
    await untilSo(async () => (await refused('', asToken).catch(() => null))?.error === 'budget_exceeded');
    const { pathname, search } = new URL(signed_url);
    const handed = await fetch(pathname + search, { upgrade: 'websocket' });
    expect([handed.status, await errorOf(handed)]).toEqual([429, 'budget_exceeded']);
  });

  it.each([0, -1, 1e-30, '1'])('P10 max_cost_usd %j is refused', async (max_cost_usd) => {
    const { base } = gatewayWith('token', {});
    const answer = await asAdmin(`${base}/tokens`, {
      method: 'POST',
      body: JSON.stringify({ max_cost_usd }),
    });
    expect(answer.status).toBe(400);
  });

  it('P10 a token that may mint others cannot have one', async () => {
    const { base } = gatewayWith('token', {});
    const answer = await asAdmin(`${base}/tokens`, {
      method: 'POST',
      body: JSON.stringify({ scope: ['admin'], max_cost_usd: 1 }),
    });
    expect(answer.status).toBe(400);
  });

  it('P10 off looks at none', async () => {
    const { open, directory } = gatewayWith('off', {
      PARLEY_BUDGET_USD_PER_DAY: '0.1',
      PARLEY_BUDGET_MODE: 'off',
    });
    const client = await open('', CENTS_25);
    await respond(client);
    await respond(client);
    await close(client);
    expect(await directory.spentToday()).toBe(0);
  });
});
