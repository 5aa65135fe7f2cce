/** Providers that speak OpenAI's wire, and OpenAI's other WebSockets, through what `npm start` runs. */
import type { IncomingMessage } from 'node:http';
import { readFileSync } from 'node:fs';
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWS as BetaRealtimeWS } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeTranslationWS } from 'openai/realtime/translations/ws';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { LiveWS } from 'openai/resources/live/ws';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket as ServerSocket } from 'ws';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;
let upstream: EchoUpstream;
/** How the upstream of OpenAI answers, and what it was dialled with. */
let answer: (socket: ServerSocket, event: { readonly type: string }) => void = () => undefined;
let greet: (socket: ServerSocket) => void = () => undefined;
let dialled: IncomingMessage | undefined;

beforeAll(async () => {
  upstream = await wsUpstream((socket, request) => {
    dialled = request;
    greet(socket);
    socket.on('message', (data: Buffer) => answer(socket, JSON.parse(data.toString()) as { type: string }));
  });
  parley = await startParley({
    env: {
      AZURE_OPENAI_BASE_URL: new URL(upstream.url).origin,
      AZURE_OPENAI_API_KEY: 'azure-stored',
      XAI_BASE_URL: upstream.url,
      OPENAI_BASE_URL: upstream.url,
      OPENAI_API_KEY: 'sk-stored',
    },
  });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

const ca = () => readFileSync(parley.certFile);
const sayHi = () => ({
  type: 'conversation.item.create' as const,
  item: {
    type: 'message' as const,
    role: 'user' as const,
    content: [{ type: 'input_text' as const, text: 'Say hi' }],
  },
});

/** One text turn; resolves with what it cost. */
function turn(realtime: OpenAIRealtimeWS): Promise<number> {
  return new Promise((resolve, reject) => {
    realtime.on('error', reject);
    realtime.on('session.created', () => {
      realtime.send(sayHi());
      realtime.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    });
    realtime.on('response.done', ({ response }) => {
      realtime.close();
      resolve(response.usage?.total_tokens ?? 0);
    });
  });
}

describe('P2 Azure OpenAI', () => {
  const azure = (gateway: string) =>
    new AzureOpenAI({
      apiKey: parley.token,
      endpoint: `${parley.https}/v1/acct/${gateway}/azure-openai`,
      apiVersion: '2025-04-01-preview',
      deployment: 'sim-deployment',
    });

  it('P2 its SDK class takes a turn on the GA path, with nothing changed but the endpoint and the key', async () => {
    const tokens = await turn(await OpenAIRealtimeWS.azure(azure('azure-ga'), { options: { ca: ca() } }));
    expect(tokens).toBeGreaterThan(0);
    const session = await untilEnded(parley, 'acct/azure-ga');
    expect(session).toMatchObject({ provider: 'azure-openai', model: 'sim-deployment', simulated: true });
    expect(session.turns[0]).toMatchObject({ outcome: 'completed', output: 'text' });
    const { tokens: sum } = session.usage.response;
    expect(sum.input_text + sum.input_audio + sum.output_text + sum.output_audio).toBe(tokens);
  });

  it('P2 its beta class takes a turn on the preview path, in the beta’s own events', async () => {
    const realtime = await BetaRealtimeWS.azure(azure('azure-preview'), { options: { ca: ca() } });
    const text = await new Promise<string>((resolve, reject) => {
      realtime.on('error', reject);
      realtime.on('session.created', ({ session }) => {
        if (session.modalities === undefined) reject(new Error('not the beta’s session'));
        realtime.send(sayHi());
        realtime.send({ type: 'response.create', response: { modalities: ['text'] } });
      });
      let said = '';
      realtime.on('response.text.delta', ({ delta }) => (said += delta));
      realtime.on('response.done', () => {
        realtime.close();
        resolve(said);
      });
    });
    expect(text.length).toBeGreaterThan(0);
    const session = await untilEnded(parley, 'acct/azure-preview');
    expect(session).toMatchObject({ provider: 'azure-openai', model: 'sim-deployment' });
    expect(session.turns[0]).toMatchObject({ outcome: 'completed', output: 'text' });
    expect(session.usage.response.tokens.output_text).toBeGreaterThan(0);
  });

  it('P2 a browser’s query takes the place of the header', async () => {
    const socket = new WebSocket(
      `${parley.ws}/v1/acct/azure-query/azure-openai/openai/v1/realtime?model=sim-x&api-key=${parley.token}`,
    );
    const first = await new Promise((resolve, reject) => {
      socket.addEventListener('message', ({ data }) => resolve(data));
      socket.addEventListener('error', reject);
    });
    socket.close();
    expect(first).toContain('"session.created"');
    expect(await untilEnded(parley, 'acct/azure-query')).toMatchObject({ key_source: 'none' });
  });
});

describe('P2 xAI', () => {
  it('P2 a browser’s client works with the token in the place of its client secret, alone', async () => {
    const offered = `xai-client-secret.${parley.token}`;
    const socket = new WebSocket(`${parley.ws}/v1/acct/xai/xai/realtime?model=sim-grok&seed=1`, [offered]);
    const types: string[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('error', reject);
      socket.addEventListener('message', ({ data }) => {
        const { type } = JSON.parse(String(data)) as { type: string };
        types.push(type);
        if (type === 'session.created') {
          socket.send(JSON.stringify(sayHi()));
          socket.send(
            JSON.stringify({ type: 'response.create', response: { modalities: ['text', 'audio'] } }),
          );
        }
        if (type === 'response.done') resolve();
      });
    });
    expect(socket.protocol).toBe(offered);
    socket.close(1000);
    expect(types[0]).toBe('conversation.created');
    const session = await untilEnded(parley, 'acct/xai');
    expect(session).toMatchObject({ provider: 'xai', model: 'sim-grok' });
    // It tells no usage: one item was created, and its audio is what sounded.
    expect(session.usage.response).toMatchObject({ items: 1, tokens: { output_audio: 0 } });
    expect(session.usage.response.seconds).toBeCloseTo((session.audio.out_ms ?? 0) / 1000, 2);
    expect(session.usage.response.seconds).toBeGreaterThan(0.1);
  });

  it('P2 OpenAI’s SDK works by base URL, under its other name too', async () => {
    const client = new OpenAI({ apiKey: parley.token, baseURL: `${parley.https}/v1/acct/grok/grok` });
    const realtime = new OpenAIRealtimeWS({ model: 'sim-grok', options: { ca: ca() } }, client);
    await turn(realtime);
    expect(await untilEnded(parley, 'acct/grok')).toMatchObject({ provider: 'xai', status: 'ended' });
  });
});

describe('P9 what the real providers are dialled with', () => {
  const dialOf = async (path: string, protocols: readonly string[] = []): Promise<IncomingMessage> => {
    greet = (socket) => socket.send('{"type":"session.created","event_id":"e0","session":{}}');
    const socket = new WebSocket(`${parley.ws}/v1/acct/dials/${path}`, [...protocols]);
    await new Promise((resolve, reject) => {
      socket.addEventListener('message', resolve);
      socket.addEventListener('error', reject);
    });
    greet = () => undefined;
    socket.close();
    if (dialled === undefined) throw new Error('nothing was dialled');
    return dialled;
  };

  it('P9 Azure: the stored key in its header, and no token, on both paths', async () => {
    const ga = await dialOf(`azure-openai?model=dep&api-key=${parley.token}`);
    expect(ga.url).toBe('/openai/v1/realtime?model=dep');
    expect(ga.headers).toMatchObject({ 'api-key': 'azure-stored' });
    const query = 'api-version=2025-04-01-preview&deployment=dep';
    const preview = await dialOf(`azure-openai/openai/realtime?${query}&api-key=own-key`, [
      `cf-aig-authorization.${parley.token}`,
    ]);
    expect(preview.url).toBe(`/openai/realtime?${query}`);
    expect(preview.headers).toMatchObject({ 'api-key': 'own-key' });
    for (const { headers } of [ga, preview]) {
      expect(headers).not.toHaveProperty('authorization');
      expect(JSON.stringify(headers)).not.toContain(parley.token);
    }
  });

  it('P9 xAI: a client’s own secret in the header, and nothing offered', async () => {
    const offered = ['xai-client-secret.own-secret', `cf-aig-authorization.${parley.token}`];
    const { url, headers } = await dialOf('xai/realtime?model=grok-voice-latest', offered);
    expect(url).toBe('/v1/realtime?model=grok-voice-latest');
    expect(headers).toMatchObject({ authorization: 'Bearer own-secret' });
    expect(headers).not.toHaveProperty('sec-websocket-protocol');
    expect(JSON.stringify(headers)).not.toContain(parley.token);
  });
});

describe('P2 OpenAI’s other WebSockets, by its SDK', () => {
  const client = (gateway: string) =>
    new OpenAI({
      apiKey: 'sk-clients-own',
      baseURL: `${parley.http}/v1/acct/${gateway}/openai`,
      defaultHeaders: { 'cf-aig-authorization': `Bearer ${parley.token}` },
    });
  const headers = () => ({ 'cf-aig-authorization': `Bearer ${parley.token}` });

  it('P2 Responses: the frames as they are, the usage of each response', async () => {
    answer = (socket, { type }) => {
      if (type !== 'response.create') return;
      const response = {
        id: 'resp_1',
        object: 'response',
        model: 'gpt-5.6',
        status: 'in_progress',
        output: [],
      };
      const usage = { input_tokens: 50, output_tokens: 12, total_tokens: 62 };
      socket.send(JSON.stringify({ type: 'response.created', response }));
      socket.send(
        JSON.stringify({ type: 'response.completed', response: { ...response, status: 'completed', usage } }),
      );
    };
    const responses = new ResponsesWS(client('responses'), { headers: headers() });
    await new Promise((resolve, reject) => {
      responses.on('error', reject);
      responses.on('response.completed', resolve);
      responses.send({ type: 'response.create', model: 'gpt-5.6', input: 'Say hi' });
    });
    responses.close();
    expect(dialled?.url).toBe('/v1/responses');
    expect(dialled?.headers).toMatchObject({ authorization: 'Bearer sk-clients-own' });
    const session = await untilEnded(parley, 'acct/responses');
    expect(session.usage.response).toMatchObject({ reports: 1, tokens: { input_text: 50, output_text: 12 } });
    const [sent] = await eventsOf(parley, 'acct/responses', session.id);
    expect(JSON.parse(sent?.text ?? '')).toEqual({
      type: 'response.create',
      model: 'gpt-5.6',
      input: 'Say hi',
    });
  });

  it('P2 GPT-Live: the last usage comes after the client asked for the end', async () => {
    answer = (socket, { type }) => {
      if (type === 'session.start')
        socket.send('{"type":"session.usage.updated","event_id":"e1","usage":{"seconds":2.5}}');
      if (type !== 'session.close') return;
      socket.send(
        '{"type":"session.closed","event_id":"e2","reason":"close_requested","usage":{"seconds":4}}',
      );
      socket.close(1000);
    };
    const live = new LiveWS(client('live'), { headers: headers() });
    await new Promise<void>((resolve, reject) => {
      live.on('error', reject);
      live.on('session.usage.updated', () => live.send({ type: 'session.close' }));
      live.on('session.closed', () => resolve());
      live.send({ type: 'session.start', session: { model: 'gpt-live-1' } });
    });
    expect(dialled?.url).toBe('/v1/live/sessions');
    const session = await untilEnded(parley, 'acct/live');
    expect(session.usage.response).toMatchObject({ reports: 2, seconds: 4 });
  });

  it('P2 translations: the model in the URL, audio in both directions', async () => {
    greet = (socket) => socket.send('{"type":"session.created","event_id":"e0","session":{}}');
    answer = (socket, { type }) => {
      if (type !== 'session.input_audio_buffer.append') return;
      const delta = Buffer.alloc(4800).toString('base64');
      socket.send(
        JSON.stringify({ type: 'session.output_audio.delta', event_id: 'e1', delta, sample_rate: 24_000 }),
      );
    };
    const own = client('translations').withOptions({
      baseURL: `${parley.https}/v1/acct/translations/openai`,
    });
    const translation = await OpenAIRealtimeTranslationWS.create(own, {
      model: 'gpt-realtime-translate',
      options: { ca: ca() },
    });
    await new Promise<void>((resolve, reject) => {
      translation.on('error', reject);
      translation.on('event', ({ type }) => {
        if (type === 'session.output_audio.delta') resolve();
        if (type !== 'session.created') return;
        const audio = Buffer.alloc(9600).toString('base64');
        translation.send({ type: 'session.input_audio_buffer.append', audio });
      });
    });
    greet = () => undefined;
    translation.socket.close();
    expect(dialled?.url).toBe('/v1/realtime/translations?model=gpt-realtime-translate');
    const session = await untilEnded(parley, 'acct/translations');
    expect(session.audio).toEqual({ in_ms: 200, out_ms: 100 });
    expect(session.usage.response).toMatchObject({ reports: 1, seconds: 0.2 });
  });

  it('P2 a transcription session goes up without the model that an SDK adds', async () => {
    greet = (socket) =>
      socket.send('{"type":"session.created","event_id":"e0","session":{"type":"transcription"}}');
    const socket = new WebSocket(
      `${parley.ws}/v1/acct/transcribe/openai/realtime?intent=transcription&model=gpt-4o-transcribe`,
      ['realtime', `openai-insecure-api-key.${parley.token}`],
    );
    await new Promise((resolve, reject) => {
      socket.addEventListener('message', resolve);
      socket.addEventListener('error', reject);
    });
    greet = () => undefined;
    socket.close();
    expect(dialled?.url).toBe('/v1/realtime?intent=transcription');
    expect(dialled?.headers).toMatchObject({ authorization: 'Bearer sk-stored' });
    expect(await untilEnded(parley, 'acct/transcribe')).toMatchObject({ key_source: 'stored' });
  });
});
