/** A dial that fails, and what is dialled in its place, through what `npm start` runs. */
import { readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, connected, refused } from '../support/client.ts';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { RawUpstream } from '../support/raw-upstream.ts';
import { get, untilEnded, untilLogged } from '../support/rest.ts';
import { secretsByFile } from '../support/secret-search.ts';

let parley: ParleyProcess;
let env: Record<string, string>;
/** OpenAI, as each test has it answer. */
let first: RawUpstream;
/** A provider of the deployment's own. */
let third: EchoUpstream;
const dialled: IncomingMessage[] = [];

beforeAll(async () => {
  first = await RawUpstream.listen();
  third = await wsUpstream((socket, request) => {
    dialled.push(request);
    socket.send('{"type":"session.created","event_id":"e0","session":{}}');
  });
  env = {
    OPENAI_BASE_URL: first.url,
    OPENAI_API_KEY: 'sk-stored-of-the-first',
    AZURE_OPENAI_BASE_URL: 'simulator',
    PARLEY_CUSTOM_PROVIDERS: JSON.stringify({
      third: { base_url: third.url, dialect: 'openai', auth: 'bearer' },
    }),
    PARLEY_PRICES:
      '{"azure-openai/gpt-realtime-mini":{"usd_per_million_tokens":{"input_text":1,"output_text":2}}}',
    CUSTOM_THIRD_API_KEY: 'sk-stored-of-the-third',
  };
  parley = await startParley({ env });
});
afterAll(async () => {
  await parley.stop();
  rmSync(parley.dataDir, { recursive: true, force: true });
  first.close();
  third.close();
});

const FALLBACK = { 'parley-fallback': 'azure-openai/gpt-realtime-mini' };
const REST = () => ({ authorization: `Bearer ${parley.token}` });
const refuse = (status: number, body = '') => ({ kind: 'refuse', status, body }) as const;

describe('P5 a dial that fails goes to the next', () => {
  it.each([
    ['503', refuse(503), { code: 'provider_refused', status: 503 }],
    ['429', refuse(429), { code: 'provider_refused', status: 429 }],
    ['a stored key that is refused', refuse(401, 'no'), { code: 'provider_key_rejected', status: 401 }],
    ['a connection that is dropped', { kind: 'drop' }, { code: 'upstream_unreachable', status: null }],
    ['no answer', { kind: 'hang' }, { code: 'upstream_timeout', status: null }],
  ] as const)(
    'P2 P5 after %s, OpenAI’s SDK takes its turn with another provider',
    async (name, answer, failed) => {
      first.answer = answer;
      const gateway = `sdk-${name.replaceAll(' ', '-')}`;
      const client = new OpenAI({
        apiKey: parley.token,
        baseURL: `${parley.https}/v1/acct/${gateway}/openai`,
      });
      const headers = { ...FALLBACK, 'cf-aig-request-timeout': '500' };
      const ca = readFileSync(parley.certFile);
      const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { ca, headers } }, client);
      const named = new Promise<string>((resolve, reject) => {
        realtime.socket.on('upgrade', ({ headers: got }) =>
          resolve([got['parley-provider'], got['parley-model'], got['cf-aig-step']].join(' ')),
        );
        realtime.on('error', reject);
      });
      const done = new Promise<number>((resolve, reject) => {
        realtime.on('error', reject);
        realtime.on('session.created', () =>
          realtime.send({ type: 'response.create', response: { output_modalities: ['text'] } }),
        );
        realtime.on('response.done', ({ response }) => resolve(response.usage?.total_tokens ?? 0));
      });
      expect(await named).toBe('azure-openai gpt-realtime-mini 1');
      const tokens = await done;
      realtime.close();
      const session = await untilEnded(parley, `acct/${gateway}`);
      expect(session).toMatchObject({
        provider: 'azure-openai',
        model: 'gpt-realtime-mini',
        simulated: true,
        key_source: 'none',
        ended_reason: 'client_closed',
        failed_dials: [{ provider: 'openai', model: 'gpt-realtime', attempt: 1, ...failed }],
      });
      const { tokens: sum } = session.usage.response;
      expect(sum.input_text + sum.input_audio + sum.output_text + sum.output_audio).toBe(tokens);
      expect(session.cost).toMatchObject({ reports_priced: 1, unpriced: [] });
      const [listed] = await get<{ provider: string; model: string }[]>(
        parley,
        `/v1/acct/${gateway}/sessions`,
      );
      expect(listed).toMatchObject({ provider: 'azure-openai', model: 'gpt-realtime-mini' });
    },
  );

  it('P5 after as many attempts as were asked for, in order, and each is on record', async () => {
    first.answer = refuse(503);
    const client = await connected(parley, {
      gateway: 'acct/order',
      headers: {
        'parley-fallback': 'openai/gpt-realtime-mini, custom-third/llm, azure-openai/never',
        'cf-aig-max-attempts': '2',
        'cf-aig-retry-delay': '1',
      },
    });
    expect([client.headers['parley-provider'], client.headers['cf-aig-step']]).toEqual(['custom-third', '2']);
    client.socket.close(1000);
    const session = await untilEnded(parley, 'acct/order', client.id);
    expect(session.failed_dials.map(({ model, attempt }) => `${model} ${attempt}`)).toEqual([
      'gpt-realtime 1',
      'gpt-realtime 2',
      'gpt-realtime-mini 1',
      'gpt-realtime-mini 2',
    ]);
    expect(session).toMatchObject({ provider: 'custom-third', model: 'llm' });
  });

  it('P5 a refusal that says that the client is wrong stays what it is', async () => {
    for (const [status, headers] of [
      [400, {}],
      [404, {}],
      // The client's own key.
      [401, { authorization: 'Bearer sk-clients-own-key' }],
    ] as const) {
      first.answer = refuse(status, 'the first says no');
      const answer = await refused(parley, { headers: { ...FALLBACK, ...headers } });
      expect([answer.status, answer.body]).toEqual([status, 'the first says no']);
    }
  });

  it('P5 where none opens, the client hears what the last one said', async () => {
    first.answer = refuse(503, 'later');
    first.firstAnswers.push(refuse(503, 'the first'), refuse(429, 'the second'));
    const answer = await refused(parley, {
      gateway: 'acct/none',
      headers: { 'parley-fallback': 'openai/gpt-realtime-mini' },
    });
    expect([answer.status, answer.body]).toEqual([429, 'the second']);
    const session = await untilEnded(parley, 'acct/none');
    expect(session).toMatchObject({ ended_reason: 'provider_refused', model: 'gpt-realtime-mini' });
    expect(session.failed_dials.map(({ model, status }) => [model, status])).toEqual([
      ['gpt-realtime', 503],
      ['gpt-realtime-mini', 429],
    ]);
  });

  it('P9 each is dialled with its own key: the client’s goes to its provider alone', async () => {
    first.answer = refuse(503);
    const client = await connected(parley, {
      headers: { 'parley-fallback': 'custom-third/llm', authorization: 'Bearer sk-clients-own-key' },
    });
    client.socket.close(1000);
    await client.closed;
    const request = dialled.at(-1);
    expect(request?.url).toBe('/v1/realtime?model=llm');
    expect(request?.headers.authorization).toBe('Bearer sk-stored-of-the-third');
    expect(JSON.stringify(request?.headers)).not.toMatch(/clients-own|parley-fallback/);
  });
});

describe('P5 a session that another provider serves', () => {
  const query = 'model=gpt-realtime&parley-session=kept';

  it('P5 is found as what it is; who comes back as it came is let in, and its upstream is dialled where it was', async () => {
    first.answer = refuse(503);
    const headers = { 'parley-fallback': 'azure-openai/sim-b' };
    const client = await connected(parley, { gateway: 'acct/kept', query, headers });
    client.socket.close(1000);
    await client.closed;
    // OpenAI is well again, and still not asked.
    first.answer = { kind: 'accept' };
    const back = await connected(parley, { gateway: 'acct/kept', query: `${query}&parley-after=1`, headers });
    expect([back.headers['parley-provider'], back.headers['cf-aig-step']]).toEqual(['azure-openai', '1']);
    const other = await connect(parley, { gateway: 'acct/kept', query });
    expect(other).toMatchObject({ status: 409 });
    await fetch(`${parley.http}/v1/acct/kept/sessions/kept/end`, { method: 'POST', headers: REST() });
    await back.closed;
    expect(await untilEnded(parley, 'acct/kept', 'kept')).toMatchObject({
      provider: 'azure-openai',
      model: 'sim-b',
    });
    const listed = await get<{ provider: string }[]>(parley, '/v1/acct/kept/sessions?provider=azure-openai');
    expect(listed).toHaveLength(1);
  });

  it('P5 rests, and wakes with the provider that serves', async () => {
    first.answer = refuse(503);
    const events: { type: string }[] = [];
    let look: () => void = () => undefined;
    const client = await connected(parley, {
      gateway: 'acct/rest',
      query: 'model=gpt-realtime&parley-session=resting&parley-idle=1',
      headers: { 'parley-fallback': 'azure-openai/sim-b', 'parley-control': '1' },
      ready: (socket) =>
        socket.on('message', (data: Buffer) => {
          events.push(JSON.parse(data.toString()) as { type: string });
          look();
        }),
    });
    const until = (isIt: (event: { type: string; phase?: string }) => boolean) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (events.some(isIt)) resolve();
        };
        look();
      });
    await until(({ type, phase }) => type === 'parley.session.phase' && phase === 'resting');
    first.answer = { kind: 'accept' };
    client.socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
    await until(({ type }) => type === 'response.done');
    client.socket.close(1000);
    await client.closed;
    await fetch(`${parley.http}/v1/acct/rest/sessions/resting/end`, { method: 'POST', headers: REST() });
    const session = await untilEnded(parley, 'acct/rest', 'resting');
    expect(session).toMatchObject({ provider: 'azure-openai', turns: [{ outcome: 'completed' }] });
  });
});

describe('P5 P9 a session that another provider serves, over kill -9', () => {
  it('P5 P9 goes on with that provider and its own key, of which none was on disk', async () => {
    first.answer = refuse(503);
    const frame = '{"type":"conversation.item.retrieve","item_id":"no-such-item"}';
    const back = async (query: string) => {
      const frames: string[] = [];
      let look: () => void = () => undefined;
      const client = await connected(parley, {
        gateway: 'acct/disk',
        query: `model=gpt-realtime&parley-session=disk${query}`,
        headers: { 'parley-fallback': 'azure-openai/sim-b,custom-third/llm' },
        ready: (socket) =>
          socket.on('message', (data: Buffer) => {
            frames.push(data.toString());
            look();
          }),
      });
      client.socket.send(frame);
      await new Promise<void>((resolve) => {
        look = () => {
          if (frames.some((each) => each.includes('"error"'))) resolve();
        };
        look();
      });
      return { client, frames };
    };
    const before = await back('');
    await untilLogged(parley, 'acct/disk', 'disk', before.frames.at(-1) ?? '');
    // A checkpoint is beside the log from its first batch on: what comes back after a crash goes on from it.
    const { dataDir } = parley;
    await parley.kill();
    const files = secretsByFile(dataDir, ['sk-stored-of-the', 'graceMs']);
    const found = files.filter(([name]) => name.includes('.sqlite')).flatMap(([, secrets]) => secrets);
    expect([...new Set(found)]).toEqual(['graceMs']);
    parley = await startParley({ env, dataDir });
    first.answer = { kind: 'accept' };
    const { client } = await back(`&parley-after=${before.frames.length}`);
    expect([client.headers['parley-provider'], client.headers['cf-aig-step']]).toEqual(['azure-openai', '1']);
    client.socket.close(1000);
    await client.closed;
  });
});
