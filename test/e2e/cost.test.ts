/** What a session cost, read back over REST from the server that `npm start` runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionShape, SessionSummaryShape } from '../../protocol/rest.ts';
import type { SessionUsageShape } from '../../protocol/session-views.ts';
import { type Client, connect, connected } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, get, sessionOf, untilEnded } from '../support/rest.ts';
import { secretsByFile } from '../support/secret-search.ts';

interface Usage {
  readonly input_token_details: {
    readonly text_tokens: number;
    readonly audio_tokens: number;
    readonly cached_tokens_details: { readonly text_tokens: number; readonly audio_tokens: number };
  };
  readonly output_token_details: { readonly text_tokens: number; readonly audio_tokens: number };
}

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({
    env: {
      OPENAI_BASE_URL: 'simulator',
      PARLEY_PRICES:
        '{"openai/gpt-realtime-mini":{"usd_per_million_tokens":{"input_text":1,"output_text":2}}}',
    },
  });
});
afterAll(async () => {
  await parley.stop();
});

/** A client that has had one text turn, and the usage that the provider told it. */
async function turn(
  gateway: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
  server = parley,
): Promise<{ client: Client; usage: Usage }> {
  let done: (usage: Usage) => void = () => {};
  const usage = new Promise<Usage>((resolve) => (done = resolve));
  const client = await connected(server, {
    gateway,
    query,
    headers,
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string; response: { usage: Usage } }; // OpenAI's wire
        if (event.type === 'response.done') done(event.response.usage);
      }),
  });
  const content = [{ type: 'input_text', text: 'Say hi' }];
  for (const event of [
    { type: 'conversation.item.create', item: { type: 'message', role: 'user', content } },
    { type: 'response.create', response: { output_modalities: ['text'] } },
  ])
    client.socket.send(JSON.stringify(event));
  return { client, usage: await usage };
}

async function ended(gateway: string, { socket, id, closed }: Client): Promise<SessionShape> {
  socket.close(1000);
  await closed;
  return untilEnded(parley, gateway, id);
}

/** By hand: dollars for a million tokens, in nano-dollars a token. */
function nanoOf({ input_token_details: input, output_token_details: output }: Usage): number {
  const cached = input.cached_tokens_details.text_tokens;
  return (input.text_tokens - cached) * 4_000 + cached * 400 + output.text_tokens * 16_000;
}

const isOnDisk = ({ dataDir }: ParleyProcess, text: string) =>
  secretsByFile(dataDir, [text]).some(([, found]) => found.length > 0);

const listed = (gateway: string, query: string) =>
  get<SessionSummaryShape[]>(parley, `/v1/${gateway}/sessions?${query}`);

describe('P8 the cost of a session over REST', () => {
  it('P8 is the price of what the provider told its client, while it lives and after, in lists too', async () => {
    const { client, usage } = await turn('acct/cost', 'model=gpt-realtime-2025-08-28');
    const nano = nanoOf(usage);
    expect(nano).toBeGreaterThan(0);
    const cost = {
      usd: `0.${String(nano).padStart(9, '0')}`,
      nano_usd: nano,
      currency: 'USD',
      complete: true,
      reports_priced: 1,
      unpriced: [],
      // A rehearsal: the built-in simulator played gpt-realtime, at its price.
      notes: [{ note: 'simulated', reports: 1 }],
    };
    expect(await sessionOf(parley, 'acct/cost', client.id)).toMatchObject({ status: 'live', cost });
    const session = await ended('acct/cost', client);
    expect(session.cost).toMatchObject(cost);
    expect(session.turns[0]?.first_output_at).not.toBeNull();
    expect(session.latency.p95_ms).toBe(session.latency.max_ms);

    const exactly = `min_cost=${session.cost.usd}`;
    expect(await listed('acct/cost', exactly)).toMatchObject([
      { id: client.id, cost: { usd: cost.usd, nano_usd: nano, currency: 'USD', complete: true } },
    ]);
    expect(await listed('acct/cost', 'min_cost=1')).toEqual([]);
    await expect(listed('acct/cost', 'min_cost=much')).rejects.toThrow('min_cost: must be dollars');
  });

  it('P8 every report says whose figure it is, of which turn, and by which row it was priced, or why it has no price', async () => {
    const reportsOf = async (model: string) => {
      const { client } = await turn('acct/reports', `model=${model}`);
      const { turns } = await ended('acct/reports', client);
      const path = `/v1/acct/reports/sessions/${client.id}/usage`;
      const { reports } = await get<SessionUsageShape>(parley, path);
      expect(reports.map(({ key }) => key)).toEqual(turns.map((each) => each.response_id));
      return reports;
    };
    expect(await reportsOf('gpt-realtime-2025-08-28')).toMatchObject([
      {
        source: 'provider',
        price: 'openai/gpt-realtime',
        price_date: '2026-11-05',
        notes: ['simulated'],
        unpriced: null,
      },
    ]);
    expect(await reportsOf('gpt-realtime-9')).toMatchObject([
      { cost_nano_usd: null, price: null, price_date: null, notes: [], unpriced: 'unknown_model' },
    ]);
  });

  it('P8 a model of the simulator’s own costs nothing, and says why', async () => {
    const { client } = await turn('acct/free', 'model=sim-support');
    expect((await ended('acct/free', client)).cost).toMatchObject({
      usd: '0.000000000',
      complete: true,
      notes: [{ note: 'simulated', reports: 1 }],
    });
  });

  it('P8 PARLEY_PRICES comes before the table', async () => {
    const { client, usage } = await turn('acct/own', 'model=gpt-realtime-mini');
    const nano =
      usage.input_token_details.text_tokens * 1_000 + usage.output_token_details.text_tokens * 2_000;
    const { cost } = await ended('acct/own', client);
    expect(cost.nano_usd).toBe(nano);
    expect(cost.notes.map(({ note }) => note)).toEqual(['simulated', 'price_setting']);
  });

  it('P8 a gateway’s own prices come before PARLEY_PRICES, which stands behind them', async () => {
    await fetch(`${parley.http}/v1/acct/priced/settings`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${parley.token}` },
      body: '{"prices":{"openai/gpt-realtime":{"usd_per_million_tokens":{"input_text":5,"cached_text":5,"output_text":6}}}}',
    });
    const costOf = async (model: string, input: number, output: number) => {
      const { client, usage } = await turn('acct/priced', `model=${model}`);
      const nano =
        usage.input_token_details.text_tokens * input + usage.output_token_details.text_tokens * output;
      const { cost } = await ended('acct/priced', client);
      expect(cost.notes.map(({ note }) => note)).toEqual(['simulated', 'price_setting']);
      return [cost.nano_usd, nano];
    };
    const [own, expected] = await costOf('gpt-realtime', 5_000, 6_000);
    expect(own).toBe(expected);
    const [behind, deployment] = await costOf('gpt-realtime-mini', 1_000, 2_000);
    expect(behind).toBe(deployment);
  });

  it('P2 cf-aig-custom-cost comes before both, as header or in the query; a bad one is refused with a sentence', async () => {
    const total = await turn('acct/custom', 'model=gpt-realtime', {
      'cf-aig-custom-cost': '{"total_cost":0.25}',
    });
    expect((await ended('acct/custom', total.client)).cost).toMatchObject({
      usd: '0.250000000',
      complete: true,
    });
    const custom = encodeURIComponent('{"per_token_in":0.000001,"per_token_out":0.000002}');
    const { client, usage } = await turn('acct/custom', `model=gpt-realtime&cf-aig-custom-cost=${custom}`);
    const { input_token_details: input, output_token_details: output } = usage;
    const { cost } = await ended('acct/custom', client);
    expect(cost.nano_usd).toBe(
      (input.text_tokens + input.audio_tokens) * 1_000 + (output.text_tokens + output.audio_tokens) * 2_000,
    );
    expect(cost.notes.map(({ note }) => note)).toContain('custom_cost');
    const refused = await connect(parley, { headers: { 'cf-aig-custom-cost': '{"per_token_in":1}' } });
    expect(refused).toMatchObject({
      status: 400,
      body: expect.stringContaining('cf-aig-custom-cost must be JSON'),
    });
  });

  it.each([
    ['nobody comes back to', 'elevenlabs', 'agent_id=a', 'v1/convai/conversation', 80_000_000],
    ['goes on', 'assemblyai', 'speech_model=universal-3-6-pro&sample_rate=16000', '', 450_000_000 / 60],
  ])(
    'P8 a kill -9 leaves what an open socket cost, also of a session that %s',
    async (what, provider, query, path, nanoAMinute) => {
      const options = {
        dataDir: mkdtempSync(`${tmpdir()}/parley-open-`),
        env: { ELEVENLABS_BASE_URL: 'simulator', ASSEMBLYAI_BASE_URL: 'simulator' },
      };
      const [gateway, name] = ['acct/open', 'call'];
      const call = {
        gateway,
        provider: path === '' ? provider : `${provider}/${path}`,
        query: `${query}&parley-session=${name}&parley-grace=${what === 'goes on' ? 60 : 1}`,
      };
      const first = await startParley(options);
      const { socket } = await connected(first, call);
      // Whatever goes either way shows that the socket was open.
      const sign = provider === 'elevenlabs' ? '{"type":"user_activity"}' : '{"type":"KeepAlive"}';
      const speaking = setInterval(() => socket.send(sign), 100);
      await eventually('some of it is on the disk', () => isOnDisk(first, sign) || null);
      clearInterval(speaking);
      await first.kill();
      const second = await startParley(options);
      const killed = await eventsOf(second, gateway, name);
      // Before anybody came back, too.
      const lost = await sessionOf(second, gateway, name);
      expect([lost.usage.complete, lost.cost.complete]).toEqual([false, false]);
      const againFrom = Date.now();
      if (what === 'goes on') {
        const { socket: again, closed } = await connected(second, call);
        const headers = { authorization: `Bearer ${second.token}` };
        await fetch(`${second.http}/v1/${gateway}/sessions/${name}/end`, { method: 'POST', headers });
        await closed;
        again.close();
      }
      await expect
        .poll(async () => (await sessionOf(second, gateway, name)).status, { timeout: 90_000 })
        .toBe('ended');
      const { usage, cost, live_at: openedAt } = await sessionOf(second, gateway, name);
      const openMs =
        Date.parse(killed.findLast(({ kind }) => kind === 'frame')?.at ?? '') - Date.parse(openedAt ?? '');
      expect(openMs).toBeGreaterThan(0);
      // Whoever comes back has another socket open for a moment.
      const againMs = what === 'goes on' ? Date.now() - againFrom : 0;
      expect(usage.response.seconds).toBeGreaterThanOrEqual(openMs / 1000);
      expect(usage.response.seconds).toBeLessThanOrEqual((openMs + againMs) / 1000);
      expect(Math.abs((cost.nano_usd ?? 0) - (usage.response.seconds / 60) * nanoAMinute)).toBeLessThan(3);
      expect([usage.complete, cost.complete]).toEqual([false, false]);
      await second.stop();
      rmSync(options.dataDir, { recursive: true });
    },
    150_000,
  );

  it('P3 a kill -9 and a restart leave the cost, and say that it may not be all', async () => {
    const options = {
      dataDir: mkdtempSync(`${tmpdir()}/parley-cost-`),
      env: { OPENAI_BASE_URL: 'simulator' },
    };
    const first = await startParley(options);
    const { client, usage } = await turn('acct/killed', 'model=gpt-realtime', {}, first);
    // Reading stores the sums of now.
    await sessionOf(first, 'acct/killed', client.id);
    await first.kill();
    const second = await startParley(options);
    expect((await sessionOf(second, 'acct/killed', client.id)).cost).toMatchObject({
      nano_usd: nanoOf(usage),
      complete: false,
    });
    await second.stop();
    rmSync(options.dataDir, { recursive: true });
  });
});
