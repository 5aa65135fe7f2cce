/** Providers of a deployment's own, as `npm start` serves them. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;
let upstream: EchoUpstream;
let dialled: IncomingMessage | undefined;
const STORED = 'stored-canary-key';

beforeAll(async () => {
  upstream = await wsUpstream((socket, request) => {
    dialled = request;
    socket.on('message', (data: Buffer, binary: boolean) => socket.send(data, { binary }));
  });
  parley = await startParley({
    env: {
      PARLEY_CUSTOM_PROVIDERS: JSON.stringify({
        echo: { base_url: upstream.url, auth: 'none' },
        'keyed-echo': { base_url: upstream.url.replace('http', 'ws'), auth: 'header:x-api-key' },
        'local-llm': { base_url: 'http://127.0.0.1:9/v1', dialect: 'openai', auth: 'query:key' },
      }),
      CUSTOM_KEYED_ECHO_API_KEY: STORED,
      CUSTOM_LOCAL_LLM_BASE_URL: 'simulator',
    },
  });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

interface Dialog {
  readonly protocol: string;
  readonly echoed: { readonly data: string; readonly binary: boolean }[];
}

/** Sends frames and takes back as many. */
function echo(
  path: string,
  frames: readonly (string | Buffer)[],
  options: {
    readonly headers?: Record<string, string>;
    readonly protocols?: string[];
  } = {},
): Promise<Dialog> {
  const headers = { 'cf-aig-authorization': parley.token, ...options.headers };
  const socket = new WebSocket(`${parley.ws}/v1/acct/${path}`, options.protocols ?? [], { headers });
  const echoed: { data: string; binary: boolean }[] = [];
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      for (const frame of frames) socket.send(frame);
    });
    socket.on('message', (data: Buffer, binary) => {
      echoed.push({ data: data.toString('latin1'), binary });
      if (echoed.length < frames.length) return;
      socket.close(1000);
      resolve({ protocol: socket.protocol, echoed });
    });
  });
}

describe('P2 an opaque provider', () => {
  it('P1 any frame crosses as it is, on any path, with any query; P3 and is recorded', async () => {
    const frames = ['{"type":"session.update"}', 'not { JSON', Buffer.from([0, 255, 7])];
    const { echoed, protocol } = await echo('opaque/custom-echo/any/path?b=2&a=1&model=sim-x', frames, {
      protocols: ['their.v2', 'cf-aig-metadata.eyJhIjoxfQ'],
    });
    expect(echoed).toEqual([
      { data: frames[0], binary: false },
      { data: frames[1], binary: false },
      { data: '\x00\xff\x07', binary: true },
    ]);
    expect(protocol).toBe('their.v2');
    expect(dialled?.url).toBe('/v1/any/path?b=2&a=1&model=sim-x');
    expect(dialled?.headers).toMatchObject({ 'sec-websocket-protocol': 'their.v2' });
    for (const name of ['authorization', 'cf-aig-authorization'])
      expect(dialled?.headers).not.toHaveProperty(name);
    const session = await untilEnded(parley, 'acct/opaque');
    expect(session).toMatchObject({
      provider: 'custom-echo',
      model: null,
      simulated: false,
      key_source: 'none',
    });
    expect(session.usage.response).toMatchObject({ reports: 0 });
    const log = await eventsOf(parley, 'acct/opaque', session.id);
    expect(
      log.filter(({ direction }) => direction === 'down').map(({ text, base64 }) => text ?? base64),
    ).toEqual([frames[0], frames[1], 'AP8H']);
  });

  it('P9 the stored key goes where the setting says; a client’s own wins; a token is never taken for one', async () => {
    await echo('keyed/custom-keyed-echo', ['x']);
    expect(dialled?.headers).toMatchObject({ 'x-api-key': STORED });
    await echo('keyed/custom-keyed-echo', ['x'], { headers: { 'x-api-key': 'own' } });
    expect(dialled?.headers).toMatchObject({ 'x-api-key': 'own' });
    await echo('keyed/custom-keyed-echo', ['x'], { headers: { 'x-api-key': parley.token } });
    expect(dialled?.headers).toMatchObject({ 'x-api-key': STORED });
  });
});

describe('P2 a provider that speaks a known wire', () => {
  it('P2 is used by that wire’s SDK, read as that wire is, and played by its simulator', async () => {
    const client = new OpenAI({
      apiKey: parley.token,
      baseURL: `${parley.https}/v1/acct/local/custom-local-llm`,
    });
    const options = { ca: readFileSync(parley.certFile) };
    const realtime = new OpenAIRealtimeWS({ model: 'my-llm', options }, client);
    const tokens = await new Promise<number>((resolve, reject) => {
      realtime.on('error', reject);
      realtime.on('session.created', () =>
        realtime.send({ type: 'response.create', response: { output_modalities: ['text'] } }),
      );
      realtime.on('response.done', ({ response }) => {
        realtime.close();
        resolve(response.usage?.total_tokens ?? 0);
      });
    });
    expect(tokens).toBeGreaterThan(0);
    const session = await untilEnded(parley, 'acct/local');
    expect(session).toMatchObject({ provider: 'custom-local-llm', model: 'my-llm', simulated: true });
    const { tokens: sum } = session.usage.response;
    expect(sum.input_text + sum.output_text).toBe(tokens);
  });
});

describe('P2 errors that help', () => {
  const refusal = async (path: string): Promise<string> => {
    const headers = { 'cf-aig-authorization': parley.token, upgrade: 'websocket' };
    const socket = new WebSocket(`${parley.ws}/v1/acct/none/${path}`, { headers });
    return new Promise((resolve, reject) => {
      socket.on('open', () => reject(new Error('it was not refused')));
      socket.on('error', () => undefined); // the refusal is what is looked at
      socket.on('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve(`${response.statusCode} ${body}`));
      });
    });
  };

  it('P2 an unknown provider is answered with those that there are', async () => {
    const answer = await refusal('custom-ecko');
    expect(answer).toMatch(/^404 /);
    expect(answer).toContain("Did you mean 'custom-echo'?");
    expect(answer).toContain('custom-keyed-echo, custom-local-llm');
  });

  it('P2 Azure OpenAI without an address names the setting', async () => {
    expect(await refusal('azure-openai?model=m&api-key=k')).toMatch(
      /^503 .*AZURE_OPENAI_BASE_URL is not set/,
    );
  });

  it('P9 npm start lists them, and shows no key', () => {
    const output = parley.output();
    expect(output).toContain('custom-echo ✓   custom-keyed-echo ✓   custom-local-llm ✓ simulated');
    expect(output).toContain('azure-openai – no AZURE_OPENAI_API_KEY, no AZURE_OPENAI_BASE_URL');
    expect(output).not.toContain(STORED);
  });
});
