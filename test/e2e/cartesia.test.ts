/** Cartesia's official SDK and the gateway's documented example, pointed at Parley with nothing else changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { encodeSpeech } from '../../simulators/cartesia-audio.ts';
import { speak, voiceNamed } from '../../simulators/speech.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { RawUpstream } from '../support/raw-upstream.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';
import { runNode } from '../support/run-node.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({ env: { CARTESIA_BASE_URL: 'simulator', CARTESIA_API_KEY: 'sk_car_stored' } });
});
afterAll(async () => {
  await parley.stop();
});

/** The SDK's CommonJS build finds `ws`; its ESM build takes the global WebSocket, which has no headers. */
const commonJs = (gateway: string, script: string): string => `
  import { createRequire } from 'node:module';
  const { Cartesia } = createRequire(import.meta.url)('@cartesia/cartesia-js');
  ${client(gateway)}
  ${script}`;
const esm = (gateway: string, script: string): string => `
  import Cartesia from '@cartesia/cartesia-js';
  ${client(gateway)}
  ${script}`;
const client = (gateway: string): string => `
  const cartesia = new Cartesia({ apiKey: '${parley.token}', baseURL: '${parley.https}/v1/acct/${gateway}/cartesia' });`;

const TWO_CONTEXTS = `
  const ws = await cartesia.tts.websocket();
  const about = { model_id: 'sonic-3.5', voice: { mode: 'id', id: 'v1' }, output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24000 }, add_timestamps: true };
  const speak = async (contextId, texts) => {
    const context = ws.context({ ...about, contextId });
    for (const transcript of texts) await context.push({ transcript });
    await context.flush();
    await context.no_more_inputs();
    let bytes = 0;
    const types = new Set();
    for await (const event of context.receive()) {
      types.add(event.type);
      if (event.type === 'chunk') bytes += event.audio.length;
    }
    return { bytes, types: [...types] };
  };
  const [one, two] = await Promise.all([speak('one', ['Hello ', 'wörld 👋.']), speak('two', ['The second.'])]);
  const cancelled = ws.context({ ...about, contextId: 'three' });
  await cancelled.push({ transcript: 'Never mind.' });
  await cancelled.cancel();
  console.log(JSON.stringify({ one, two }));
  ws.close();`;

interface Spoken {
  readonly bytes: number;
  readonly types: readonly string[];
}

describe('P2 the Cartesia SDK', () => {
  it('P2 P8 speaks in several contexts on one socket, with ws and the key in a header', async () => {
    const output = await runNode(commonJs('sdk-speech', TWO_CONTEXTS), {
      NODE_EXTRA_CA_CERTS: parley.certFile,
    });
    // What the script above prints.
    const { one, two } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as { one: Spoken; two: Spoken };
    expect(one.types).toEqual(['chunk', 'timestamps', 'flush_done', 'done']);
    expect(two.bytes).toBeGreaterThan(10_000);
    const session = await untilEnded(parley, 'acct/sdk-speech');
    expect(session).toMatchObject({
      provider: 'cartesia',
      simulated: true,
      ended_reason: 'client_closed',
      close_code: 1000,
      usage: { response: { characters: 14 + 11 + 11, reports: 3 } },
    });
    expect(session.audio.out_ms).toBe(Math.round((one.bytes + two.bytes) / 48));
    const turns = new Map(session.turns.map((turn) => [turn.response_id, turn]));
    expect(turns.get('one')).toMatchObject({ outcome: 'completed', output: 'audio' });
    expect(turns.get('two')).toMatchObject({ outcome: 'completed', output: 'audio' });
    expect(turns.get('three')).toMatchObject({ outcome: 'interrupted', output: null });
    expect(turns.get('one')?.first_output_ms).toBeGreaterThan(0);
  });

  it('P2 speaks with a key of the client’s own, and the token as a header beside it', async () => {
    const script = `
      const { Cartesia } = createRequire(import.meta.url)('@cartesia/cartesia-js');
      const cartesia = new Cartesia({ apiKey: 'sk_car_own', baseURL: '${parley.https}/v1/acct/own-key/cartesia' });
      const ws = await cartesia.tts.websocket({ headers: { 'cf-aig-authorization': 'Bearer ${parley.token}' } });
      const output_format = { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8000 };
      for await (const { type } of ws.generate({ model_id: 'sonic-3', voice: { id: 'v' }, transcript: 'Hi.', output_format })) console.log(type);
      ws.close();`;
    const output = await runNode(`import { createRequire } from 'node:module';${script}`, {
      NODE_EXTRA_CA_CERTS: parley.certFile,
    });
    expect(output.trim().split('\n')).toEqual(['chunk', 'done']);
    expect(await untilEnded(parley, 'acct/own-key')).toMatchObject({
      key_source: 'client',
      usage: { response: { characters: 3 } },
    });
  });

  it('P2 P9 speaks from a build without headers too: the key in the query is in no record', async () => {
    const output = await runNode(esm('sdk-esm', TWO_CONTEXTS), { NODE_EXTRA_CA_CERTS: parley.certFile });
    expect(output).toContain('"types":["chunk","timestamps","flush_done","done"]');
    const session = await untilEnded(parley, 'acct/sdk-esm');
    expect(session.usage.response.characters).toBe(36);
    const frames = await eventsOf(parley, 'acct/sdk-esm', session.id);
    expect(JSON.stringify([session, frames])).not.toContain(parley.token);
  });

  it.each([
    ['by finalize', 'manualFinalize', `ws.send('finalize');`, 'flush_done', `ws.send('close');`],
    [
      'by turns',
      'autoFinalize',
      `for (let i = 0; i < 12; i++) ws.sendRaw(new Uint8Array(3200));`,
      'turn.end',
      `ws.send({ type: 'close' });`,
    ],
  ])('P2 P8 listens %s', async (name, resource, ask, answer, close) => {
    const gateway = `sdk-${resource}`;
    const samples = [...speak('Hello, I am calling about an order.', voiceNamed('caller', 1))];
    const audio = encodeSpeech(Int16Array.from(samples.flatMap((word) => [...word.samples])), {
      encoding: 'pcm_s16le',
      sampleRate: 16_000,
    });
    const output = await runNode(
      commonJs(
        gateway,
        `const audio = Buffer.from('${Buffer.from(audio).toString('base64')}', 'base64');
         const ws = cartesia.stt.${resource}.websocket({ model: 'ink-2', encoding: 'pcm_s16le', sample_rate: 16000 });
         const types = new Set();
         ws.on('error', (error) => { console.log('error', error); process.exit(1); });
         ws.on('event', (event) => {
           types.add(event.type);
           if (event.type === '${answer}') { console.log(JSON.stringify([...types])); ${close} }
         });
         for (let at = 0; at < audio.length; at += 3200) ws.sendRaw(audio.subarray(at, at + 3200));
         ${ask}`,
      ),
      { NODE_EXTRA_CA_CERTS: parley.certFile },
    );
    expect(output).toContain(name === 'by turns' ? '"turn.start","turn.update","turn.end"' : '"transcript"');
    const session = await untilEnded(parley, `acct/${gateway}`);
    const silence = name === 'by turns' ? 12 * 3200 : 0;
    const seconds = (audio.length + silence) / 32_000;
    expect(session).toMatchObject({ model: 'ink-2', ended_reason: 'upstream_closed', close_code: 1000 });
    expect(session.usage.response.seconds).toBeCloseTo(seconds, 6);
    expect(session.audio.in_ms).toBe(Math.round(seconds * 1000));
    expect(session.turns).toMatchObject([{ outcome: 'completed', output: 'text' }]);
  });
});

describe('P9 what reaches Cartesia', () => {
  it('P9 P2 one header with the key, the version and the client’s tag; nothing of the gateway, no key in the URL', async () => {
    const upstream = await RawUpstream.listen();
    const own = await startParley({ env: { CARTESIA_BASE_URL: upstream.url.replace('/v1', '') } });
    const socket = new WebSocket(
      `${own.ws}/v1/acct/wire/cartesia?cartesia_version=2024-06-10&api_key=sk_car_own&model=ignored&cf-aig-x=1`,
      [`cf-aig-authorization.${own.token}`],
      { headers: { 'x-cartesia-client': 'cartesia-js/4.2.0', cookie: 'a=b', 'parley-role': 'controller' } },
    );
    socket.on('error', () => undefined);
    const { path, headers } = await upstream.next();
    expect(path).toBe('/tts/websocket?cartesia_version=2024-06-10');
    const names = Object.keys(headers).filter(
      (name) => !/^(host|connection|upgrade|sec-websocket-.*)$/.test(name),
    );
    expect(Object.fromEntries(names.map((name) => [name, headers[name]]))).toEqual({
      authorization: 'Bearer sk_car_own',
      'x-cartesia-client': 'cartesia-js/4.2.0',
    });
    expect(headers['sec-websocket-protocol']).toBeUndefined();
    socket.terminate();
    await own.stop();
    upstream.close();
  });
});

describe('P2 a plain client', () => {
  it('P2 the example of Cloudflare AI Gateway’s documentation works: key in the query, token by subprotocol', async () => {
    const socket = new WebSocket(
      `${parley.ws}/v1/acct/documented/cartesia?cartesia_version=2024-06-10&api_key=sk_car_own`,
      [`cf-aig-authorization.${parley.token}`],
    );
    socket.on('open', () =>
      socket.send(
        JSON.stringify({
          model_id: 'sonic',
          transcript: 'Hello, world! I’m generating audio on ',
          voice: { mode: 'id', id: 'a0e99841-438c-4a64-b679-ae501e7d6091' },
          language: 'en',
          context_id: 'happy-monkeys-fly',
          output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 8000 },
          add_timestamps: true,
          continue: true,
        }),
      ),
    );
    const types: string[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string };
        types.push(event.type);
        if (event.type === 'timestamps') resolve();
      });
    });
    socket.close(1000);
    expect(types.slice(0, 2)).toEqual(['chunk', 'chunk']);
    const session = await untilEnded(parley, 'acct/documented');
    expect(session).toMatchObject({ key_source: 'client', close_code: 1000 });
    expect(session.usage.response).toMatchObject({ characters: 38, reports: 1 });
    expect(session.turns).toMatchObject([{ response_id: 'happy-monkeys-fly', outcome: 'incomplete' }]);
    const frames = await eventsOf(parley, 'acct/documented', session.id);
    expect(JSON.stringify([session, frames])).not.toContain('sk_car_own');
  });

  it('P5 P8 a socket that Cartesia closes in mid-context is dialled anew: the context ends for its client, what was sent is counted', async () => {
    const socket = new WebSocket(
      `${parley.ws}/v1/acct/closed/cartesia?cartesia_version=2026-08-14&seed=1&faults=close_1011`,
      { headers: { 'cf-aig-authorization': parley.token } },
    );
    const request = {
      context_id: 'c',
      model_id: 'sonic-3',
      transcript: 'Hello there.',
      voice: 'v',
      output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24_000 },
    };
    socket.on('open', () => socket.send(JSON.stringify(request)));
    const last = await new Promise<string>((resolve) =>
      socket.on('message', (data: Buffer) => {
        if (!data.toString().includes('"chunk"')) resolve(data.toString());
      }),
    );
    expect(JSON.parse(last)).toMatchObject({ context_id: 'c', error_code: 'connection_lost' });
    socket.close(1000);
    expect(await untilEnded(parley, 'acct/closed')).toMatchObject({
      ended_reason: 'client_closed',
      usage: { response: { characters: 12 } },
      turns: [{ response_id: 'c', outcome: 'incomplete', output: 'audio' }],
    });
  });

  it('P1 a refused upgrade reaches the client as Cartesia answered it', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/versionless/cartesia`, {
      headers: { 'cf-aig-authorization': parley.token },
    });
    const status = await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
    });
    expect(status).toBe(400);
  });

  it('P2 a browser is told of a refusal in Cartesia’s shape', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/refused/cartesia?cartesia_version=2026-08-14`, [
      'cf-aig-authorization.not-a-token',
    ]);
    const told: string[] = [];
    socket.on('message', (data: Buffer) => told.push(data.toString()));
    const code = await new Promise<number>((resolve) => socket.on('close', resolve));
    expect(code).toBe(4401);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({ type: 'error', status_code: 401, done: true });
  });
});
