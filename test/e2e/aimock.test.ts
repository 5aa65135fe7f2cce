/**
 * A mock that was not written here (`@copilotkit/aimock`) as the provider, so that our simulators cannot merely agree with
 * our adapters. Its Gemini Live answers in text frames and counts no tokens; Google does neither.
 */
import { LLMock } from '@copilotkit/aimock';
import { Modality } from '@google/genai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { LiveTalk, textOf } from '../support/gemini-live.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';

let mock: LLMock;
let parley: ParleyProcess;

beforeAll(async () => {
  mock = new LLMock({ port: 0 });
  mock.onMessage('hello', { content: 'Hello from a mock that somebody else wrote.' });
  // The first that matches answers, and the question is still there when the tool has answered.
  mock.onToolResult('call_1', { content: 'It is grey in Paris.' });
  mock.onMessage('weather', {
    toolCalls: [{ name: 'get_weather', arguments: '{"city":"Paris"}', id: 'call_1' }],
  });
  await mock.start();
  parley = await startParley({
    env: {
      OPENAI_BASE_URL: `${mock.url}/v1`,
      OPENAI_API_KEY: 'sk-stored',
      GOOGLE_BASE_URL: mock.url,
      GOOGLE_API_KEY: 'AIza-stored',
    },
  });
});
afterAll(async () => {
  await parley.stop();
  await mock.stop();
});

const frameText = ({ text, base64 }: { readonly text?: string; readonly base64?: string }): string =>
  text ?? Buffer.from(base64 ?? '', 'base64').toString();

describe('P2 P3 Gemini Live of another hand', () => {
  it('P2 P3 text, a tool and its answer, by Google’s SDK; frames recorded as they were, usage unknown', async () => {
    const talk = await LiveTalk.open(
      { apiKey: parley.token, httpOptions: { baseUrl: `${parley.http}/v1/acct/gemini/google` } },
      { responseModalities: [Modality.TEXT], tools: [{ functionDeclarations: [{ name: 'get_weather' }] }] },
      'gemini-2.5-flash-live',
    );
    talk.say('hello');
    expect(textOf(await talk.turn())).toBe('Hello from a mock that somebody else wrote.');
    talk.say('weather');
    const called = (await talk.turn()).flatMap(({ toolCall }) => toolCall?.functionCalls ?? []);
    expect(called).toEqual([{ id: 'call_1', name: 'get_weather', args: { city: 'Paris' } }]);
    talk.session.sendToolResponse({
      functionResponses: [{ id: 'call_1', name: 'get_weather', response: { sky: 'grey' } }],
    });
    expect(textOf(await talk.turn())).toBe('It is grey in Paris.');
    talk.session.close();
    const session = await untilEnded(parley, 'acct/gemini');
    expect(session).toMatchObject({
      provider: 'google',
      model: 'gemini-2.5-flash-live',
      simulated: false,
      key_source: 'stored',
      ended_reason: 'client_closed',
      tool_calls: 1,
      errors: 0,
      usage: { response: { reports: 0 } },
    });
    expect(session.turns.map(({ outcome, output }) => [outcome, output])).toEqual([
      ['completed', 'text'],
      ['completed', null],
      ['completed', 'text'],
    ]);
    const frames = await eventsOf(parley, 'acct/gemini', session.id);
    const down = frames.filter(({ direction }) => direction === 'down');
    expect(down.map((frame) => JSON.parse(frameText(frame)) as unknown)).toEqual(
      JSON.parse(JSON.stringify(talk.messages)),
    );
  });
});

describe('P2 P3 OpenAI Realtime of another hand', () => {
  it('P2 P3 P8 a text turn: frames recorded as they were, usage as the mock reports it', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/openai/openai?model=gpt-realtime-2`, {
      headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
    });
    const received: string[] = [];
    const done = new Promise<{ usage: Record<string, number>; status: string }>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer, binary) => {
        expect(binary).toBe(false);
        received.push(data.toString());
        // An event of the Realtime API.
        const event = JSON.parse(data.toString()) as {
          type: string;
          response: { usage: Record<string, number>; status: string };
        };
        if (event.type === 'response.done') resolve(event.response);
        if (event.type !== 'session.created') return;
        const send = (each: object): void => socket.send(JSON.stringify(each));
        send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } });
        const content = [{ type: 'input_text', text: 'hello' }];
        send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
        send({ type: 'response.create' });
      });
    });
    const response = await done;
    expect(response.status).toBe('completed');
    socket.close(1000);
    const session = await untilEnded(parley, 'acct/openai');
    expect(session).toMatchObject({
      provider: 'openai',
      model: 'gpt-realtime-2',
      key_source: 'stored',
      errors: 0,
      turns: [{ outcome: 'completed', output: 'text' }],
      usage: { response: { reports: 1 } },
    });
    const { tokens } = session.usage.response;
    expect(tokens.input_text + tokens.input_audio).toBe(response.usage['input_tokens']);
    expect(tokens.output_text + tokens.output_audio).toBe(response.usage['output_tokens']);
    const frames = await eventsOf(parley, 'acct/openai', session.id);
    expect(frames.filter(({ direction }) => direction === 'down').map(frameText)).toEqual(received);
    expect(received.join('')).toContain('Hello from a mock that somebody else wrote.');
  });
});
