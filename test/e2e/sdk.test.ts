/** Official SDKs from npm, pointed at Parley and nothing else changed. */
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { sessionsOf, untilEnded } from '../support/rest.ts';
import { runNode } from '../support/run-node.ts';

let parley: ParleyProcess;
const MODEL = 'sim-support';

beforeAll(async () => {
  parley = await startParley();
});
afterAll(async () => {
  await parley.stop();
});

/** One text turn with the official client; resolves with the answer's text and its usage. */
async function turn(realtime: OpenAIRealtimeWS): Promise<{ text: string; tokens: number }> {
  return new Promise((resolve, reject) => {
    let text = '';
    realtime.on('error', reject);
    realtime.on('session.created', () => {
      realtime.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } });
      const content = [{ type: 'input_text' as const, text: 'Say hi' }];
      realtime.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
      realtime.send({ type: 'response.create' });
    });
    realtime.on('response.output_text.delta', ({ delta }) => (text += delta));
    realtime.on('response.done', ({ response }) => {
      resolve({ text, tokens: response.usage?.total_tokens ?? 0 });
      realtime.close({ code: 1000, reason: 'done' });
    });
  });
}

describe('P2 the openai SDK', () => {
  const connect = (client: OpenAI): OpenAIRealtimeWS =>
    new OpenAIRealtimeWS({ model: MODEL, options: { ca: readFileSync(parley.certFile) } }, client);

  it('P2 works with the gateway’s token as a second header', async () => {
    const client = new OpenAI({
      apiKey: 'sk-clients-own',
      baseURL: `${parley.https}/v1/acct/second-header/openai`,
      defaultHeaders: { 'cf-aig-authorization': `Bearer ${parley.token}` },
    });
    const { text, tokens } = await turn(connect(client));
    expect(text.length).toBeGreaterThan(0);
    const session = await untilEnded(parley, 'acct/second-header');
    expect(session).toMatchObject({ ended_reason: 'client_closed', close_code: 1000, key_source: 'client' });
    const { tokens: sum } = session.usage.response;
    expect(sum.input_text + sum.input_audio + sum.output_text + sum.output_audio).toBe(tokens);
  });

  it('P2 works with the gateway’s token as the API key alone', async () => {
    const client = new OpenAI({ apiKey: parley.token, baseURL: `${parley.https}/v1/acct/only-key/openai` });
    expect((await turn(connect(client))).tokens).toBeGreaterThan(0);
    expect(await untilEnded(parley, 'acct/only-key')).toMatchObject({ key_source: 'none', status: 'ended' });
  });

  it('P2 works with nothing but a base URL and a key: account and gateway come from the token', async () => {
    const minted = await fetch(`${parley.http}/v1/acct/from-token/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${parley.token}` },
      body: JSON.stringify({ scope: ['connect'], models: [MODEL] }),
    });
    const { result } = (await minted.json()) as { result: { token: string } };
    const client = new OpenAI({ apiKey: result.token, baseURL: `${parley.https}/v1` });
    expect((await turn(connect(client))).tokens).toBeGreaterThan(0);
    expect(await untilEnded(parley, 'acct/from-token')).toMatchObject({ model: MODEL, status: 'ended' });
  });

  it('P2 its WHATWG class works too, in a process that trusts the certificate', async () => {
    const script = `
      import OpenAI from 'openai';
      import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
      const client = new OpenAI({ apiKey: ${JSON.stringify(parley.token)}, baseURL: '${parley.https}/v1/acct/whatwg/openai', dangerouslyAllowBrowser: true });
      const realtime = new OpenAIRealtimeWebSocket({ model: '${MODEL}', dangerouslyAllowBrowser: true }, client);
      realtime.on('error', (error) => { console.log('error', error); process.exit(1); });
      realtime.on('session.created', () => {
        realtime.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] } });
        realtime.send({ type: 'response.create', response: { output_modalities: ['text'] } });
      });
      realtime.on('response.done', ({ response }) => {
        console.log('protocol', realtime.socket.protocol, 'status', response.status);
        realtime.close();
        setTimeout(() => process.exit(0), 200);
      });`;
    const output = await runNode(script, { NODE_EXTRA_CA_CERTS: parley.certFile });
    expect(output).toContain('protocol realtime status completed');
    expect(await untilEnded(parley, 'acct/whatwg')).toMatchObject({ status: 'ended' });
  });
});

describe('P2 the agents SDK', () => {
  it('P2 takes a whole spoken turn', async () => {
    const agent = new RealtimeAgent({ name: 'helper', instructions: 'Be brief.' });
    const session = new RealtimeSession(agent, { transport: 'websocket', model: MODEL });
    let audio = 0;
    session.on('audio', ({ data }) => (audio += data.byteLength));
    const done = new Promise<void>((resolve, reject) => {
      session.transport.on('turn_done', () => resolve());
      session.on('error', ({ error }) => reject(new Error(JSON.stringify(error))));
    });
    await session.connect({ apiKey: parley.token, url: `${parley.ws}/v1/acct/agents/openai?model=${MODEL}` });
    session.sendMessage('What is the weather like?');
    await done;
    expect(audio).toBeGreaterThan(10_000);
    session.close();
    const record = await untilEnded(parley, 'acct/agents');
    expect(record.turns[0]).toMatchObject({ outcome: 'completed', output: 'audio' });
    expect(record.usage.response.tokens.output_audio).toBeGreaterThan(0);
    expect(record.audio.out_ms).toBeGreaterThan(100);
  });
});

describe('P2 a plain client', () => {
  it('P2 the example of Cloudflare AI Gateway’s documentation works, the retired beta header included', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/seed/openai?model=${MODEL}`, {
      headers: {
        Authorization: 'Bearer sk-clients-own',
        'OpenAI-Beta': 'realtime=v1',
        'cf-aig-authorization': parley.token,
      },
    });
    const types: string[] = [];
    const done = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string };
        types.push(event.type);
        if (event.type === 'response.done') resolve();
      });
    });
    socket.on('open', () =>
      socket.send(
        JSON.stringify({
          type: 'response.create',
          response: { modalities: ['text'], instructions: 'Tell me a joke' },
        }),
      ),
    );
    await done;
    socket.close(1000);
    expect(types).toContain('response.text.delta');
    expect(types).toContain('conversation.item.created');
    expect(types.filter((type) => type.includes('output_text') || type === 'error')).toEqual([]);
    const [session] = await sessionsOf(parley, 'acct/seed');
    expect(session?.provider).toBe('openai');
  });
});
