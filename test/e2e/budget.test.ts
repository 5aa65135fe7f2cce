/** Limits and budgets of the server that `npm start` runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../protocol/admission.ts';
import { type Client, connect, connected, refused } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { clearOfMidnight } from '../support/midnight.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { sessionOf, sessionsOf, untilEnded } from '../support/rest.ts';

beforeEach(clearOfMidnight);

/** A tenth of a cent a token, in nano-dollars. */
const NANO_A_TOKEN = 1_000_000;
const PRICED = { 'cf-aig-custom-cost': '{"per_token_in":0.001,"per_token_out":0.001}' };
const LIMIT_NANO = 300_000_000;

interface Talk extends Client {
  /** One text turn: what it cost in nano-dollars. */
  turn(): Promise<number>;
  readonly frames: string[];
}

async function talk(parley: ParleyProcess, gateway: string, query = ''): Promise<Talk> {
  const frames: string[] = [];
  let done: (nano: number) => void = () => {};
  const client = await connected(parley, {
    gateway,
    query: `model=gpt-realtime&speed=50&latency_ms=0${query}`,
    headers: PRICED,
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        frames.push(data.toString());
        const event = JSON.parse(data.toString()) as {
          type: string;
          response: { usage: { input_tokens: number; output_tokens: number } };
        }; // OpenAI's wire
        if (event.type !== 'response.done') return;
        const { input_tokens, output_tokens } = event.response.usage;
        done((input_tokens + output_tokens) * NANO_A_TOKEN);
      }),
  });
  const turn = (): Promise<number> => {
    const cost = new Promise<number>((resolve) => (done = resolve));
    const content = [{ type: 'input_text', text: 'Say hi' }];
    for (const event of [
      { type: 'conversation.item.create', item: { type: 'message', role: 'user', content } },
      { type: 'response.create', response: { output_modalities: ['text'] } },
    ])
      client.socket.send(JSON.stringify(event));
    return cost;
  };
  return { ...client, frames, turn };
}

describe('P10 PARLEY_BUDGET_USD_PER_DAY', () => {
  let parley: ParleyProcess;
  beforeAll(async () => {
    parley = await startParley({
      env: { OPENAI_BASE_URL: 'simulator', PARLEY_BUDGET_USD_PER_DAY: '0.30' },
    });
  });
  afterAll(async () => {
    await parley.stop();
  });

  it('P10 the response that crosses it is completed and the last; nobody connects until midnight', async () => {
    const client = await talk(parley, 'acct/enforced');
    const costs: number[] = [];
    const isOver = client.closed.then(() => true);
    // The next response is asked for in the very moment in which the one before is done.
    for (let over = false; !over && costs.length < 50;) {
      const next = client.turn();
      over = await Promise.race([isOver, next.then((cost) => costs.push(cost) === 0)]);
    }
    const { code, reason } = await client.closed;
    expect(code).toBe(4402);
    expect(reason).toMatch(
      /^budget_exceeded: Daily budget \$0\.30 is spent \(\$0\.[0-9]+\)\. Resets 00:00Z; raise PARLEY_BUDGET_USD_PER_DAY, or budget_/,
    );
    const all = costs.reduce((sum, cost) => sum + cost, 0);
    expect(costs.length).toBeGreaterThan(1);
    expect(all - (costs.at(-1) ?? 0)).toBeLessThan(LIMIT_NANO);
    expect(all).toBeGreaterThanOrEqual(LIMIT_NANO);
    expect(client.frames.at(-1)).toMatch(/"type":"(response\.done|rate_limits\.updated)"/);

    const session = await untilEnded(parley, 'acct/enforced', client.id);
    expect(session).toMatchObject({
      ended_reason: 'budget_exceeded',
      closed_by: 'parley',
      close_code: 4402,
      cost: { nano_usd: all, complete: true },
      budgets: [{ budget: 'gateway_day', limit_usd: '0.300000000', verdict: 'ended' }],
    });
    expect(session.turns).toHaveLength(costs.length);
    expect((await sessionsOf(parley, 'acct/enforced'))[0]?.ended_reason).toBe('budget_exceeded');

    const answer = await refused(parley, { gateway: 'acct/enforced' });
    expect(answer.status).toBe(429);
    expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ name: 'budget_exceeded', code: 1308 }] });
    const untilMidnight = (DAY_MS - (Date.now() % DAY_MS)) / 1000;
    expect(Math.abs(Number(answer.headers['retry-after']) - untilMidnight)).toBeLessThan(10);
    // Another gateway has a budget of its own.
    const other = await talk(parley, 'acct/other');
    expect(await other.turn()).toBeGreaterThan(0);
    other.socket.close();
  });
});

describe('P10 PARLEY_BUDGET_MODE=warn', () => {
  it('P10 goes on past the limit, says so once in the log and in the session, and lets others in', async () => {
    const parley = await startParley({
      env: {
        OPENAI_BASE_URL: 'simulator',
        PARLEY_BUDGET_USD_PER_DAY: '0.05',
        PARLEY_BUDGET_MODE: 'warn',
      },
    });
    const client = await talk(parley, 'acct/warned');
    for (let n = 0; n < 3; n += 1) await client.turn();
    const next = await talk(parley, 'acct/warned');
    await next.turn();
    for (const { id, socket } of [client, next]) {
      expect(await sessionOf(parley, 'acct/warned', id)).toMatchObject({
        status: 'live',
        budgets: [{ budget: 'gateway_day', limit_usd: '0.050000000', verdict: 'warned' }],
      });
      socket.close(1000);
    }
    expect(parley.output().match(/budget: Daily budget \$0\.05 is spent/g)).toHaveLength(2);
    await parley.stop();
  });
});

describe('P3 a kill -9', () => {
  it('P3 leaves what was spent, and blocks nobody: the place is free once the session is known to be lost', async () => {
    const options = {
      dataDir: mkdtempSync(`${tmpdir()}/parley-budget-`),
      env: { OPENAI_BASE_URL: 'simulator', PARLEY_MAX_SESSIONS: '1', PARLEY_BUDGET_USD_PER_DAY: '1000' },
    };
    const spent = async (server: ParleyProcess): Promise<number> => {
      const headers = { authorization: `Bearer ${server.token}` };
      const text = await (await fetch(`${server.http}/v1/acct/killed/metrics`, { headers })).text();
      return Number(/^parley_budget_spent_dollars (.*)$/m.exec(text)?.[1]);
    };
    const first = await startParley(options);
    const client = await talk(first, 'acct/killed');
    const nano = await client.turn();
    // Reading stores the sums of now.
    await sessionOf(first, 'acct/killed', client.id);
    expect(await connect(first, { gateway: 'acct/killed' })).toMatchObject({ status: 429 });
    await first.kill();
    const second = await startParley(options);
    expect((await sessionOf(second, 'acct/killed', client.id)).ended_reason).toBe('interrupted');
    const next = await untilAdmitted(second, 'acct/killed');
    expect(await spent(second)).toBe(nano / 1_000_000_000);
    next.socket.close();
    await second.stop();
    rmSync(options.dataDir, { recursive: true });
  });
});

/** The directory hears of a lost session in the moment after its record does. */
function untilAdmitted(parley: ParleyProcess, gateway: string): Promise<Client> {
  return eventually('somebody is admitted', async () => {
    const client = await connect(parley, { gateway });
    return 'status' in client ? null : client;
  });
}
