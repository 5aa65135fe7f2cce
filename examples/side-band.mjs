// A server beside a conversation: it joins as a controller with no audio, gives the session its tools, and answers their calls,
// while a browser or an agents client, which joined as a speaker, speaks.
// PARLEY_TOKEN=… node examples/side-band.mjs [https://127.0.0.1:8788] [session]
// The certificate of `npm start` is its own: NODE_EXTRA_CA_CERTS=.parley/tls/cert.pem
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const base = process.argv[2] ?? 'https://127.0.0.1:8788';
const session = process.argv[3] ?? `side-band-${Date.now()}`;

const TOOLS = {
  get_weather: ({ city }) => ({ city, sky: 'clear', celsius: 21 }),
};

const client = new OpenAI({ apiKey: process.env.PARLEY_TOKEN, baseURL: `${base}/v1/acct/gw/openai` });
const headers = { 'parley-session': session, 'parley-client': 'server', 'parley-role': 'controller' };
const realtime = new OpenAIRealtimeWS({ model: 'sim-support', options: { headers } }, client);

realtime.on('session.created', () => {
  realtime.send({
    type: 'session.update',
    session: {
      type: 'realtime',
      tools: [
        {
          type: 'function',
          name: 'get_weather',
          description: 'The weather in a city.',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      ],
    },
  });
});
realtime.on('session.updated', () => console.log(`ready session=${session}`));
// Calls are complete, and may be answered, once the response that made them is over.
realtime.on('response.done', ({ response }) => {
  const calls = (response.output ?? []).filter(({ type }) => type === 'function_call');
  for (const { name, call_id, arguments: text } of calls) {
    const output = JSON.stringify(TOOLS[name]?.(JSON.parse(text)) ?? { error: `there is no ${name}` });
    console.log(`${name}(${text}) = ${output}`);
    realtime.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id, output },
    });
  }
  if (calls.length > 0) realtime.send({ type: 'response.create' });
});
realtime.on('error', (error) => console.error(error.message));
realtime.socket.on('close', (code) => console.log(`closed ${code}`));
