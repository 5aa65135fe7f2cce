/** Deepgram's SDK and its documented clients, pointed at Parley and nothing else changed. */
import { DeepgramClient } from '@deepgram/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { encodeRaw } from '../../simulators/raw-audio.ts';
import { silent, tone } from '../support/drive-simulator.ts';
import { PCM_16K } from '../support/drive-socket.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded, untilLogged } from '../support/rest.ts';

let parley: ParleyProcess;
const PCM = { encoding: 'linear16', sample_rate: 16_000 } as const;

beforeAll(async () => {
  parley = await startParley({ env: { DEEPGRAM_BASE_URL: 'simulator', DEEPGRAM_API_KEY: 'stored-key' } });
});
afterAll(async () => {
  await parley.stop();
});

/** The SDK with its four addresses at one gateway. */
function clientOf(gateway: string, apiKey = 'dg-clients-own'): DeepgramClient {
  const path = `/v1/acct/${gateway}/deepgram`;
  const [http, ws] = [parley.http + path, parley.ws + path];
  return new DeepgramClient({
    apiKey,
    environment: { base: http, production: ws, agent: ws, agentRest: http },
    headers: { 'cf-aig-authorization': `Bearer ${parley.token}` },
  });
}

/** 100 ms pieces of 16 kHz PCM: a voice, and the silence after it. */
function spoken(): ArrayBuffer[] {
  const samples = new Int16Array([...tone(1_200), ...silent(700)]);
  return Array.from(
    { length: samples.length / 2_400 },
    (_, index) =>
      new Uint8Array(encodeRaw(samples.subarray(index * 2_400, (index + 1) * 2_400), PCM_16K)).buffer,
  );
}

interface Socket {
  on(event: 'message', callback: (message: unknown) => void): void;
  on(event: 'close', callback: (event: { code: number }) => void): void;
  on(event: 'error', callback: (error: Error) => void): void;
}

/** Everything that comes until the provider closes; `react` sees each message. */
function untilClosed(socket: Socket, react: (message: { type?: string }) => void = () => undefined) {
  const messages: { readonly type?: string; readonly [field: string]: unknown }[] = [];
  return new Promise<{ code: number; messages: typeof messages; audioBytes: number }>((resolve, reject) => {
    let audioBytes = 0;
    socket.on('message', (message) => {
      if (message instanceof Blob) {
        audioBytes += message.size;
        react({ type: 'audio' });
        return;
      }
      messages.push(message as (typeof messages)[number]); // parsed JSON, as the SDK delivers it
      react(message as { type?: string });
    });
    socket.on('error', reject);
    socket.on('close', ({ code }) => resolve({ code, messages, audioBytes }));
  });
}

const typesOf = (messages: readonly { readonly type?: string }[]) =>
  messages
    .map(({ type }) => type)
    .filter((type, index, all) => type !== all[index - 1])
    .join(' ');

describe('P2 the Deepgram SDK', () => {
  it('P2 v1/listen: interim and final results, Finalize, and the provider’s own bill', async () => {
    const socket = await clientOf('listen').listen.v1.connect({
      model: 'nova-3',
      ...PCM,
      interim_results: 'true',
    });
    const done = untilClosed(socket);
    socket.connect();
    await socket.waitForOpen();
    for (const piece of spoken()) socket.sendMedia(piece);
    socket.sendFinalize({ type: 'Finalize' });
    socket.sendCloseStream({ type: 'CloseStream' });
    const { code, messages } = await done;
    expect([code, typesOf(messages)]).toEqual([1000, 'Results Metadata']);
    const session = await untilEnded(parley, 'acct/listen');
    expect(session).toMatchObject({
      provider: 'deepgram',
      model: 'nova-3',
      key_source: 'client',
      ended_reason: 'upstream_closed',
      close_code: 1000,
      usage: { response: { reports: 1, seconds: 1.9 } },
      audio: { in_ms: 1900 },
    });
    const events = await eventsOf(parley, 'acct/listen', session.id);
    // 19 pieces of audio, as binary as they were sent.
    expect(events.filter((event) => event.direction === 'up' && event.opcode === 'binary')).toHaveLength(19);
  });

  it('P2 v2/listen: Flux turns are turns', async () => {
    const socket = await clientOf('flux').listen.v2.connect({
      model: 'flux-general-en',
      ...PCM,
    });
    const done = untilClosed(socket, (message) => {
      if ('event' in message && message.event === 'EndOfTurn')
        socket.sendCloseStream({ type: 'CloseStream' });
    });
    socket.connect();
    await socket.waitForOpen();
    for (const piece of spoken()) socket.sendMedia(piece);
    expect((await done).code).toBe(1000);
    const session = await untilEnded(parley, 'acct/flux');
    expect(session.turns).toMatchObject([{ outcome: 'completed', output: 'text' }]);
    expect(session.usage.response.seconds).toBeCloseTo(1.9, 5);
  });

  it('P2 v1/speak: binary audio, Flushed, and characters', async () => {
    const socket = await clientOf('speak').speak.v1.connect({
      model: 'aura-2-thalia-en',
      encoding: 'linear16',
      sample_rate: '24000',
    });
    const done = untilClosed(socket, ({ type }) => {
      if (type === 'Flushed') socket.sendClose({ type: 'Close' });
    });
    socket.connect();
    await socket.waitForOpen();
    socket.sendText({ type: 'Speak', text: 'Hello there.' });
    socket.sendFlush({ type: 'Flush' });
    const { code, messages, audioBytes } = await done;
    expect([code, typesOf(messages)]).toEqual([1000, 'Metadata Flushed']);
    expect(audioBytes).toBeGreaterThan(20_000);
    const session = await untilEnded(parley, 'acct/speak');
    expect(session).toMatchObject({
      usage: { response: { characters: 12 } },
      turns: [{ outcome: 'completed', output: 'audio' }],
      audio: { out_ms: Math.round(audioBytes / 48) },
    });
    expect(session.turns[0]?.first_output_ms).toBeGreaterThanOrEqual(150);
  });

  it('P2 v2/speak: the provider’s own count of characters', async () => {
    const socket = await clientOf('speech').speak.v2.connect({ model: 'flux-tts' });
    const done = untilClosed(socket, ({ type }) => {
      if (type === 'SpeechMetadata') socket.sendClose({ type: 'Close' });
    });
    socket.connect();
    await socket.waitForOpen();
    socket.sendSpeak({ type: 'Speak', text: 'Hello there.' });
    socket.sendFlush({ type: 'Flush' });
    const { code, messages } = await done;
    expect([code, typesOf(messages)]).toEqual([
      1000,
      'Connected SpeechStarted Flushed SpeechMetadata SessionMetadata',
    ]);
    expect(await untilEnded(parley, 'acct/speech')).toMatchObject({
      usage: { response: { reports: 1, characters: 12 } },
      turns: [{ outcome: 'completed', output: 'audio' }],
    });
  });

  it('P2 v1/agent: settings, a spoken answer, connected time', async () => {
    const socket = await clientOf('agent').agent.v1.connect();
    let turns = 0;
    const done = untilClosed(socket, ({ type }) => {
      if (type === 'Welcome') {
        socket.sendSettings({
          type: 'Settings',
          audio: {
            input: { ...PCM },
            output: { encoding: 'linear16', sample_rate: 24_000, container: 'none' },
          },
          agent: { greeting: 'Hello.', think: { provider: { type: 'open_ai', model: 'gpt-4o-mini' } } },
        });
      }
      if (type === 'AgentAudioDone') {
        turns += 1;
        if (turns === 1)
          socket.sendInjectUserMessage({ type: 'InjectUserMessage', content: 'Tell me a joke' });
        else socket.close();
      }
    });
    socket.connect();
    const { messages, audioBytes } = await done;
    expect(typesOf(messages)).toBe(
      'Welcome SettingsApplied AgentStartedSpeaking ConversationText AgentAudioDone ConversationText AgentStartedSpeaking ConversationText AgentAudioDone',
    );
    expect(audioBytes).toBeGreaterThan(50_000);
    const session = await untilEnded(parley, 'acct/agent');
    expect(session).toMatchObject({
      ended_reason: 'client_closed',
      turns: [{ outcome: 'completed' }, { outcome: 'completed', output: 'audio' }],
    });
    const connectedMs = Date.parse(session.ended_at ?? '') - Date.parse(session.live_at ?? '');
    expect(session.usage.response.seconds).toBeCloseTo(connectedMs / 1000, 1);
    expect(session.turns[1]?.first_output_ms).toBeGreaterThanOrEqual(150);
  });

  it('P2 works with the gateway’s token as the API key alone', async () => {
    const path = '/v1/acct/only-key/deepgram';
    const client = new DeepgramClient({ apiKey: parley.token, baseUrl: parley.ws + path });
    const socket = await client.listen.v1.connect({ model: 'nova-3', ...PCM });
    const done = untilClosed(socket);
    socket.connect();
    await socket.waitForOpen();
    socket.sendCloseStream({ type: 'CloseStream' });
    expect((await done).code).toBe(1000);
    expect(await untilEnded(parley, 'acct/only-key')).toMatchObject({ key_source: 'none', simulated: true });
  });
});

describe('P2 plain clients of Deepgram', () => {
  it('P2 a browser’s offer: the key as a pair beside the gateway’s token; token is answered', async () => {
    const offer = [
      `cf-aig-authorization.${parley.token}`,
      'token',
      'dg-key',
      'x-deepgram-session-id',
      'id-1',
    ];
    const socket = new globalThis.WebSocket(
      `${parley.ws}/v1/acct/browser/deepgram/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000`,
      offer,
    );
    const types: string[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('error', () => reject(new Error('it failed')));
      socket.addEventListener('open', () => {
        for (const piece of spoken()) socket.send(piece);
        socket.send('{"type":"CloseStream"}');
      });
      socket.addEventListener('message', ({ data }) => {
        types.push((JSON.parse(String(data)) as { type: string }).type);
      });
      socket.addEventListener('close', () => resolve());
    });
    expect([socket.protocol, types.at(-1)]).toEqual(['token', 'Metadata']);
    expect(await untilEnded(parley, 'acct/browser')).toMatchObject({ key_source: 'client' });
  });

  it('P8 a client that just hangs up: the provider is told, and its bill is waited for', async () => {
    const socket = new WebSocket(
      `${parley.ws}/v1/acct/hang-up/deepgram/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000`,
      { headers: { authorization: 'Token dg-key', 'cf-aig-authorization': parley.token } },
    );
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => {
        for (const piece of spoken()) socket.send(piece);
      });
      socket.on('message', () => resolve());
    });
    socket.close(1000, 'bye');
    const session = await untilEnded(parley, 'acct/hang-up');
    expect(session).toMatchObject({
      ended_reason: 'client_closed',
      close_code: 1000,
      usage: { response: { reports: 1, seconds: 1.9 } },
    });
    const events = await eventsOf(parley, 'acct/hang-up', session.id);
    expect(events.filter(({ text }) => text === '{"type":"CloseStream"}')).toHaveLength(1);
  });

  it('P1 a refusal of the provider crosses as it is', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/refused/deepgram/v1/listen?encoding=linear16`, {
      headers: { authorization: 'Token dg-key', 'cf-aig-authorization': parley.token },
    });
    const answer = await new Promise<{ status: number; body: string; error: unknown }>((resolve, reject) => {
      socket.on('open', () => reject(new Error('it was accepted')));
      socket.on('unexpected-response', (_, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, error: response.headers['dg-error'] }),
        );
      });
    });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('sample_rate');
    expect(answer.error).toContain('sample_rate');
  });

  it('P2 a browser that is refused reads why, and closes with the code after which the SDK stays away', async () => {
    const socket = new globalThis.WebSocket(`${parley.ws}/v1/acct/refused/deepgram/v1/listen`, [
      'token',
      'no-token-of-ours',
    ]);
    const frames: string[] = [];
    const code = await new Promise<number>((resolve) => {
      socket.addEventListener('message', ({ data }) => frames.push(String(data)));
      socket.addEventListener('close', (event) => resolve(event.code));
    });
    expect(code).toBe(1000);
    expect(JSON.parse(frames[0] ?? '')).toMatchObject({ type: 'Error', code: 'bad_token' });
  });

  it('P5 a named session is kept alive for a client that comes back', async () => {
    const query = 'model=nova-3&encoding=linear16&sample_rate=16000&parley-session=kept&parley-grace=120';
    const url = `${parley.ws}/v1/acct/kept/deepgram/v1/listen?${query}`;
    const headers = { authorization: 'Token dg-key', 'cf-aig-authorization': parley.token };
    const first = new WebSocket(url, { headers });
    await new Promise<void>((resolve, reject) => {
      first.on('error', reject);
      first.on('open', () => {
        for (const piece of spoken()) first.send(piece);
      });
      first.on('message', () => resolve());
    });
    first.close();
    await untilLogged(parley, 'acct/kept', 'kept', '{"type":"KeepAlive"}');
    const again = new WebSocket(url, { headers });
    const metadata = new Promise<string>((resolve, reject) => {
      again.on('error', reject);
      again.on('open', () => again.send('{"type":"CloseStream"}'));
      again.on('message', (data: Buffer) => resolve(data.toString()));
    });
    expect(JSON.parse(await metadata)).toMatchObject({ type: 'Metadata', duration: 1.9 });
    expect((await untilEnded(parley, 'acct/kept', 'kept')).clients).toHaveLength(2);
  });
});
