/** fal's wires through Parley: the gateway's documented example, MessagePack by hand, and fal's client with its host replaced. */
import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { RawUpstream } from '../support/raw-upstream.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';
import { runNode } from '../support/run-node.ts';

const MODEL = 'fal-ai/fast-lcm-diffusion';
let parley: ParleyProcess;

beforeAll(async () => {
  parley = await startParley({ env: { FAL_BASE_URL: 'simulator', FAL_API_KEY: 'stored:key' } });
});
afterAll(async () => {
  await parley.stop();
});

/** Frames up to the one that fulfils the condition. */
function framesUntil(
  socket: WebSocket,
  isLast: (data: Buffer, binary: boolean) => boolean,
): Promise<(string | Buffer)[]> {
  const frames: (string | Buffer)[] = [];
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data: Buffer, binary: boolean) => {
      frames.push(binary ? data : data.toString());
      if (isLast(data, binary)) resolve(frames);
    });
  });
}

const isEnd = (data: Buffer): boolean => data.toString().startsWith('{"type":"end"');

describe('P2 HTTP over WebSocket', () => {
  it('P2 P8 the example of Cloudflare AI Gateway’s documentation works: key and token by subprotocol', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/documented/fal/${MODEL}`, [
      'fal-api-key.0a1b2c3d%3A00112233445566778899aabbccddeeff',
      `cf-aig-authorization.${parley.token}`,
    ]);
    socket.on('open', () => socket.send(JSON.stringify({ prompt: 'generate an image of a cat' })));
    const frames = await framesUntil(socket, isEnd);
    expect(socket.protocol).toBe(`cf-aig-authorization.${parley.token}`);
    socket.close(1000);
    expect(frames).toHaveLength(3);
    const session = await untilEnded(parley, 'acct/documented');
    expect(session).toMatchObject({
      provider: 'fal',
      model: MODEL,
      key_source: 'client',
      ended_reason: 'client_closed',
      usage: { response: { requests: 1, reports: 1 } },
      turns: [{ outcome: 'completed', output: 'text' }],
    });
    const log = await eventsOf(parley, 'acct/documented', session.id);
    expect(log.filter(({ direction }) => direction === 'down').map(({ text }) => text)).toEqual(frames);
    expect(JSON.stringify([session, log])).not.toContain('00112233');
  });

  it('P2 P8 requests one after the other, the token alone as the key; a refused one is free', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/header/fal/fal-ai/some-tts`, {
      headers: { authorization: `Key ${parley.token}` },
    });
    socket.on('open', () => {
      socket.send('{"text":"Hello there."}');
      socket.send('{"voice":"none"}');
    });
    let ends = 0;
    const frames = await framesUntil(socket, (data) => isEnd(data) && ++ends === 2);
    socket.close(1000);
    const sound = frames.filter((frame) => typeof frame !== 'string');
    expect(sound.length).toBeGreaterThan(2);
    const session = await untilEnded(parley, 'acct/header');
    expect(session.usage.response.requests).toBe(1);
    expect(session.turns.map(({ outcome, output }) => [outcome, output])).toEqual([
      ['completed', 'audio'],
      ['failed', 'text'],
    ]);
    expect([session.errors, session.audio.out_ms]).toEqual([1, null]);
    const log = await eventsOf(parley, 'acct/header', session.id);
    const stored = log.filter(({ opcode }) => opcode === 'binary').map(({ base64 }) => base64);
    expect(stored).toEqual(sound.map((bytes) => Buffer.from(bytes).toString('base64')));
  });
});

describe('P2 realtime', () => {
  it('P2 P1 MessagePack goes across untouched, both ways', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/packed/fal/${MODEL}/realtime`, {
      headers: { 'cf-aig-authorization': parley.token },
    });
    const packed = Buffer.from(encode({ prompt: 'a cat', sync_mode: true, nothing: null, seed: 7 }));
    socket.on('open', () => socket.send(packed));
    const [frame] = await framesUntil(socket, (_data, binary) => binary);
    socket.close(1000);
    if (frame === undefined || typeof frame === 'string') throw new Error('no binary frame');
    expect(decode(frame)).toMatchObject({ prompt: 'a cat', images: [{ content_type: 'image/png' }] });
    const session = await untilEnded(parley, 'acct/packed');
    expect(session).toMatchObject({ model: MODEL, usage: { response: { requests: 1 } }, turns: [] });
    const log = await eventsOf(parley, 'acct/packed', session.id);
    expect(log.map(({ opcode, base64 }) => [opcode, base64])).toEqual([
      ['binary', packed.toString('base64')],
      ['binary', frame.toString('base64')],
    ]);
  });

  it('P2 fal’s own client works where its WebSocket is told another host', async () => {
    const script = `
      import { fal } from '@fal-ai/client';
      const Native = globalThis.WebSocket;
      globalThis.WebSocket = class extends Native {
        constructor(url) { super(String(url).replace('wss://fal.run', '${parley.ws}/v1/acct/client/fal')); }
      };
      const connection = fal.realtime.connect('${MODEL}', {
        tokenProvider: async () => '${parley.token}',
        // It closes without a code, and reports the 1005 that it then sees as an error: that is its own way.
        onError: (error) => { if (error.status !== 1005) { console.log('error', error); process.exit(1); } },
        onResult: (result) => {
          console.log('prompt', result.prompt, 'image', result.images[0].content.length > 50);
          connection.close();
          setTimeout(() => process.exit(0), 200);
        },
      });
      connection.send({ prompt: 'a moon landing' });`;
    expect(await runNode(script, {})).toContain('prompt a moon landing image true');
    const session = await untilEnded(parley, 'acct/client');
    expect(session).toMatchObject({ usage: { response: { requests: 1 } }, ended_reason: 'client_closed' });
    const log = await eventsOf(parley, 'acct/client', session.id);
    expect(JSON.stringify([session, log])).not.toContain(parley.token);
  });
});

describe('P9 what reaches fal', () => {
  it('P9 P2 a key in one header, a short-lived token in the query; nothing of the gateway', async () => {
    const upstream = await RawUpstream.listen();
    const own = await startParley({ env: { FAL_BASE_URL: upstream.url.replace('/v1', '') } });
    const dial = async (path: string, protocols: string[]) => {
      const socket = new WebSocket(`${own.ws}/v1/acct/wire/fal/${path}`, protocols);
      socket.on('error', () => undefined);
      const { path: target, headers } = await upstream.next();
      socket.terminate();
      return { target, authorization: headers['authorization'], protocol: headers['sec-websocket-protocol'] };
    };
    const gateway = `cf-aig-authorization.${own.token}`;
    expect(await dial(`${MODEL}?model=x`, ['fal-api-key.id%3Asecret', gateway])).toEqual({
      target: `/${MODEL}`,
      authorization: 'Key id:secret',
      protocol: undefined,
    });
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln';
    expect(await dial(`${MODEL}/realtime?max_buffering=2&fal_jwt_token=${token}`, [gateway])).toEqual({
      target: `/${MODEL}/realtime?max_buffering=2&fal_jwt_token=${token}`,
      authorization: undefined,
      protocol: undefined,
    });
    await own.stop();
    upstream.close();
  });
});
