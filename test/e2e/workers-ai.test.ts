/** Cloudflare's two documented clients of Workers AI over its gateway, with the host and the token changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { encodeRaw } from '../../simulators/raw-audio.ts';
import { silent, tone } from '../support/drive-simulator.ts';
import { PCM_16K } from '../support/drive-socket.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({ env: { WORKERS_AI_BASE_URL: 'simulator' } });
});
afterAll(async () => {
  await parley.stop();
});

const open = (gateway: string, query: string): WebSocket =>
  new WebSocket(`${parley.ws}/v1/acct/${gateway}/workers-ai?${query}`, {
    headers: { 'cf-aig-authorization': parley.token },
  });

interface Result {
  readonly type: string;
  readonly is_final?: boolean;
  readonly event?: string;
  readonly channel?: { readonly alternatives: readonly { readonly transcript: string }[] };
}

const voice = new Int16Array([...tone(1_500), ...silent(700)]);

/** Sends the voice, and reads until `enough`. */
async function transcribe(socket: WebSocket, enough: (result: Result) => boolean): Promise<Result[]> {
  const results: Result[] = [];
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      for (let at = 0; at < voice.length; at += 2_400)
        socket.send(encodeRaw(voice.subarray(at, at + 2_400), PCM_16K));
    });
    socket.on('message', (data: Buffer) => {
      const result = JSON.parse(data.toString()) as Result; // the service's own shape
      results.push(result);
      if (enough(result)) {
        socket.close();
        resolve(results);
      }
    });
  });
}

describe('P2 Workers AI', () => {
  it('P2 speech to text with Nova: interim and final results', async () => {
    const query = 'model=@cf/deepgram/nova-3&encoding=linear16&sample_rate=16000&interim_results=true';
    const results = await transcribe(open('stt', query), (result) => result.is_final === true);
    expect(results.length).toBeGreaterThan(1);
    expect(results.at(-1)?.channel?.alternatives[0]?.transcript.length).toBeGreaterThan(3);
    expect(await untilEnded(parley, 'acct/stt')).toMatchObject({
      provider: 'workers-ai',
      model: '@cf/deepgram/nova-3',
      simulated: true,
      usage: { response: { seconds: 2.2 } },
    });
  });

  it('P2 speech to text with Flux: turns', async () => {
    const query = 'model=@cf/deepgram/flux&encoding=linear16&sample_rate=16000';
    await transcribe(open('flux', query), ({ event }) => event === 'EndOfTurn');
    const session = await untilEnded(parley, 'acct/flux');
    expect(session.turns).toMatchObject([{ outcome: 'completed' }]);
    expect(session.usage.response.seconds).toBeCloseTo(2.2, 5);
  });

  it('P2 text to speech with Aura: Speak, Flush, binary audio, Close', async () => {
    const socket = open('tts', 'model=@cf/deepgram/aura-1');
    let audioBytes = 0;
    const types: string[] = [];
    const code = await new Promise<number>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => {
        socket.send(JSON.stringify({ type: 'Speak', text: 'Hello from Parley.' }));
        socket.send(JSON.stringify({ type: 'Flush' }));
      });
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) {
          audioBytes += data.length;
          return;
        }
        const { type } = JSON.parse(data.toString()) as Result; // as above
        types.push(type);
        if (type === 'Flushed') socket.send(JSON.stringify({ type: 'Close' }));
      });
      socket.on('close', resolve);
    });
    expect([code, types]).toEqual([1000, ['Metadata', 'Flushed']]);
    expect(audioBytes).toBeGreaterThan(20_000);
    expect(await untilEnded(parley, 'acct/tts')).toMatchObject({
      usage: { response: { characters: 18 } },
      audio: { out_ms: Math.round(audioBytes / 48) },
    });
  });

  it('P2 a model whose name begins with sim- needs neither account nor key', async () => {
    const socket = open('sim', 'model=sim-aura');
    const first = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => resolve(data.toString()));
    });
    socket.close();
    expect(JSON.parse(first)).toMatchObject({ type: 'Metadata', model_name: 'sim-aura' });
  });
});

describe('P2 Workers AI that is not set up', () => {
  it('P2 says which setting is missing, before any dial', async () => {
    const bare = await startParley({ env: { WORKERS_AI_API_KEY: 'cf-key' } });
    const socket = new WebSocket(`${bare.ws}/v1/acct/bare/workers-ai?model=@cf/deepgram/nova-3`, {
      headers: { 'cf-aig-authorization': bare.token },
    });
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      socket.on('open', () => reject(new Error('it was accepted')));
      socket.on('unexpected-response', (_, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
    });
    await bare.stop();
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('WORKERS_AI_ACCOUNT_ID');
  });
});
