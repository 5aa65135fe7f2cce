/** Recorded sessions played again: to official SDKs, which cannot tell the difference, and to whoever reads the log. */
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { Modality } from '@google/genai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { connect, connected, refused } from '../support/client.ts';
import { LiveTalk, textOf } from '../support/gemini-live.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, type LoggedFrame, sessionsOf, untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;

beforeAll(async () => {
  const simulated = ['GOOGLE', 'DEEPGRAM', 'CARTESIA'].flatMap((name) => [
    [`${name}_BASE_URL`, 'simulator'],
    [`${name}_API_KEY`, 'stored'],
  ]);
  parley = await startParley({ env: Object.fromEntries(simulated) as Record<string, string> });
});
afterAll(async () => {
  await parley.stop();
});

const FAST = 'speed=1000';

/** As they came, with their opcode. */
type Frame = readonly [opcode: 'text' | 'binary', payload: string];

const recorded = (events: readonly LoggedFrame[]): Frame[] =>
  events
    .filter(({ kind, direction }) => kind === 'frame' && direction === 'down')
    .map(({ opcode, text, base64 }) => [opcode, text ?? base64 ?? '']);

function collect(socket: WebSocket): Frame[] {
  const frames: Frame[] = [];
  socket.on('message', (data: Buffer, isBinary) =>
    frames.push(isBinary ? ['binary', data.toString('base64')] : ['text', data.toString()]),
  );
  return frames;
}

/** Everything that a replay sends, and how it ends. */
async function replayed(path: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${parley.ws}${path}`, {
    headers: { 'cf-aig-authorization': parley.token, ...headers },
  });
  const frames = collect(socket);
  const close = await new Promise<{ code: number; reason: string }>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return { frames, close };
}

/** A whole conversation with the official SDK; the texts of its answers. */
async function converse(headers: Record<string, string>): Promise<string[]> {
  const client = new OpenAI({
    apiKey: parley.token,
    baseURL: `${parley.https}/v1/acct/openai-sdk/openai`,
    defaultHeaders: headers,
  });
  const realtime = new OpenAIRealtimeWS(
    { model: 'sim-support', options: { ca: readFileSync(parley.certFile) } },
    client,
  );
  const questions = ['Hello', 'My order is late', 'Thank you'];
  const texts: string[] = [];
  let text = '';
  await new Promise<void>((resolve, reject) => {
    const ask = () => {
      const question = questions[texts.length];
      if (question === undefined) return resolve();
      const content = [{ type: 'input_text' as const, text: question }];
      realtime.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
      realtime.send({ type: 'response.create' });
    };
    realtime.on('error', reject);
    realtime.on('session.created', () =>
      realtime.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } }),
    );
    realtime.on('session.updated', ask);
    realtime.on('response.output_text.delta', ({ delta }) => (text += delta));
    realtime.on('response.done', () => {
      texts.push(text);
      text = '';
      ask();
    });
  });
  realtime.close({ code: 1000, reason: 'done' });
  return texts;
}

describe('P3 official SDKs against a replay', () => {
  it('P3 openai runs a whole recorded conversation, and no provider is dialled', async () => {
    const first = await converse({});
    const session = await untilEnded(parley, 'acct/openai-sdk');
    const again = await converse({ 'parley-replay': `${session.id};mode=lockstep;strict=true;${FAST}` });
    expect(first).toHaveLength(3);
    expect(again).toEqual(first);
    expect(await sessionsOf(parley, 'acct/openai-sdk')).toHaveLength(1);
  });

  it('P3 @google/genai runs a whole recorded conversation, and no provider is dialled', async () => {
    const run = async (headers: Record<string, string>): Promise<string[]> => {
      const talk = await LiveTalk.open(
        { apiKey: parley.token, httpOptions: { baseUrl: `${parley.http}/v1/acct/genai/google`, headers } },
        { responseModalities: [Modality.TEXT] },
      );
      const texts: string[] = [];
      for (const question of ['Hello', 'My order is late']) {
        talk.say(question);
        texts.push(textOf(await talk.turn()));
      }
      talk.session.close();
      return texts;
    };
    const first = await run({});
    const session = await untilEnded(parley, 'acct/genai');
    expect(await run({ 'parley-replay': `${session.id};mode=lockstep;strict=true;${FAST}` })).toEqual(first);
    expect(first.every((text) => text.length > 0)).toBe(true);
    expect(await sessionsOf(parley, 'acct/genai')).toHaveLength(1);
  });
});

interface Conversation {
  readonly provider: string;
  readonly query: string;
  readonly sends: readonly string[];
  /** True for the frame with which it is over. */
  readonly last: (frame: Frame) => boolean;
}

const OPENAI_TURN = [
  '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"Grüße 👋"}]}}',
  '{"type":"response.create"}',
];
const says =
  (wanted: string) =>
  ([opcode, payload]: Frame) =>
    (opcode === 'text' ? payload : Buffer.from(payload, 'base64').toString()).includes(wanted);

const CONVERSATIONS: readonly Conversation[] = [
  ...[1, 2, 3].map((seed) => ({
    provider: 'openai',
    query: `model=sim-support&seed=${seed}&speed=50&faults=binary_frame,duplicate_event,malformed_json`,
    sends: OPENAI_TURN,
    last: says('"response.done"'),
  })),
  {
    provider: 'deepgram/v1/speak',
    query: 'model=aura-2-thalia-en&encoding=linear16&sample_rate=24000&seed=4&speed=50',
    sends: ['{"type":"Speak","text":"Hello there, my friend."}', '{"type":"Flush"}'],
    last: says('"Flushed"'),
  },
  {
    provider: 'google',
    query: 'seed=5&speed=50',
    sends: [
      '{"setup":{"model":"models/sim-support"}}',
      '{"clientContent":{"turns":[{"role":"user","parts":[{"text":"Hi"}]}],"turnComplete":true}}',
    ],
    last: says('turnComplete'),
  },
  {
    provider: 'cartesia/tts/websocket',
    query: 'cartesia_version=2025-04-16&seed=6&speed=50',
    sends: [
      '{"model_id":"sonic-3.5","transcript":"Hello.","voice":{"mode":"id","id":"v1"},"output_format":{"container":"raw","encoding":"pcm_s16le","sample_rate":24000},"context_id":"c1"}',
    ],
    last: says('"done":true'),
  },
];

describe('P3 a replay is what was relayed', () => {
  it.each(CONVERSATIONS)(
    'P3 of $provider ($query): bytes, opcodes and order, and the close',
    async (each) => {
      let frames: Frame[] = [];
      const { socket, id, closed } = await connected(parley, {
        provider: each.provider,
        query: each.query,
        gateway: 'acct/same',
        ready: (socket) => (frames = collect(socket)),
      });
      for (const frame of each.sends) socket.send(frame);
      await expect.poll(() => frames.some(each.last)).toBe(true);
      socket.close(4321, 'that was all');
      await closed;
      await untilEnded(parley, 'acct/same', id);
      const logged = recorded(await eventsOf(parley, 'acct/same', id));
      expect(logged.slice(0, frames.length)).toEqual(frames);
      const direct = await replayed(`/v1/acct/same/sessions/${id}/replay?${FAST}`);
      expect(direct).toEqual({ frames: logged, close: { code: 4321, reason: 'that was all' } });
      const inPlace = await replayed(`/v1/acct/same/${each.provider}?parley-replay=${id};${FAST}`);
      expect(inPlace.frames).toEqual(logged);
      const stream = await fetch(`${parley.http}/v1/acct/same/sessions/${id}/replay?${FAST}`, {
        headers: { authorization: `Bearer ${parley.token}` },
      });
      const text = await stream.text();
      const data = text.split('\n').filter((line) => line.startsWith('data: '));
      const events = data.map((line) => JSON.parse(line.slice(6)) as LoggedFrame); // as docs/REPLAY.md says
      expect(events.slice(0, -1)).toEqual(await eventsOf(parley, 'acct/same', id));
      expect(events.at(-1)).toMatchObject({ status: 'ended', close_code: 4321 });
    },
  );
});

/** A short session of one text turn, and its id. */
async function turnOf(gateway: string, latencyMs = 200): Promise<string> {
  let frames: Frame[] = [];
  const { socket, id } = await connected(parley, {
    gateway,
    query: `model=sim-support&seed=1&speed=50&latency_ms=${latencyMs}`,
    ready: (socket) => (frames = collect(socket)),
  });
  for (const frame of OPENAI_TURN) socket.send(frame);
  await expect.poll(() => frames.some(says('"response.done"'))).toBe(true);
  socket.close(1000);
  await untilEnded(parley, gateway, id);
  return id;
}

describe('P3 lockstep', () => {
  it('P3 goes no further than its client, and names the frame that it waited for in vain', async () => {
    const id = await turnOf('acct/waits');
    const { frames, close } = await replayed(
      `/v1/acct/waits/sessions/${id}/replay?mode=lockstep&wait=1&${FAST}`,
    );
    expect(frames.map(([, text]) => (JSON.parse(text) as { type: string }).type)).toEqual([
      'session.created',
    ]);
    expect(close.code).toBe(4504);
    expect(close.reason).toMatch(/^replay_waited: conversation\.item\.create \(frame 2 of the record\)/);
  });

  it('P3 strict closes at the first frame that is another; else it is told, and the replay goes on', async () => {
    const id = await turnOf('acct/strict');
    const run = async (options: string) => {
      let frames: Frame[] = [];
      const { socket, closed } = await connected(parley, {
        gateway: 'acct/strict',
        headers: { 'parley-replay': `${id};mode=lockstep;${FAST}${options}`, 'parley-control': '1' },
        ready: (socket) => (frames = collect(socket)),
      });
      socket.send('{"type":"input_audio_buffer.clear"}');
      for (const frame of OPENAI_TURN) socket.send(frame);
      return { close: await closed, frames };
    };
    const strict = await run(';strict=true');
    expect(strict.close).toMatchObject({ code: 4409 });
    expect(strict.close.reason).toContain('got input_audio_buffer.clear');
    const lenient = await run('');
    expect(lenient.close).toMatchObject({ code: 1000 });
    const told = lenient.frames.map(([, text]) => text).filter((text) => text.includes('"parley.'));
    expect(told.map((text) => JSON.parse(text) as unknown)).toEqual([
      {
        type: 'parley.replay.unexpected',
        seq: 2,
        awaited: 'conversation.item.create',
        got: 'input_audio_buffer.clear',
      },
    ]);
    expect(lenient.frames.length - 1).toBe(recorded(await eventsOf(parley, 'acct/strict', id)).length);
  });
});

describe('P9 what was deleted is played no further', () => {
  it('P9 replays of it end: a socket with 4410, a stream with its end', async () => {
    const id = await turnOf('acct/erased');
    const { closed } = await connected(parley, {
      gateway: 'acct/erased',
      headers: { 'parley-replay': `${id};mode=lockstep;wait=600` },
    });
    const asAdmin = { headers: { authorization: `Bearer ${parley.token}` } };
    const url = `${parley.http}/v1/acct/erased/sessions/${id}`;
    const stream = await fetch(`${url}/replay?speed=0.1`, asAdmin);
    await fetch(url, { ...asAdmin, method: 'DELETE' });
    expect(await closed).toMatchObject({ code: 4410 });
    expect(await stream.text()).toMatch(/event: end\ndata: \{"status":"deleted"\}\n\n$/);
  });
});

describe('P10 replays are bounded, and refused with a reason', () => {
  it('P10 one more than may run at a time is refused, and there is room again when one is over', async () => {
    const id = await turnOf('acct/many');
    const open = () =>
      connect(parley, { gateway: 'acct/many', headers: { 'parley-replay': `${id};mode=lockstep;wait=60` } });
    const all = await Promise.all(Array.from({ length: 16 }, open));
    expect(all.every((client) => 'socket' in client)).toBe(true);
    const more = await open();
    expect(more).toMatchObject({ status: 429 });
    expect('body' in more ? more.body : '').toContain('too_many_replays');
    const [first] = all;
    if (first !== undefined && 'socket' in first) {
      first.socket.close();
      await first.closed;
    }
    await expect.poll(async () => 'socket' in (await open())).toBe(true);
    for (const client of all) if ('socket' in client) client.socket.terminate();
  });

  it('P10 a stream whose reader has gone makes room too, though nothing is due for long', async () => {
    // Ten times as slow, it says nothing for longer than the streams take to open.
    const id = await turnOf('acct/streams', 2_000);
    const gone = new AbortController();
    const open = () =>
      fetch(`${parley.http}/v1/acct/streams/sessions/${id}/replay?speed=0.1`, {
        headers: { authorization: `Bearer ${parley.token}` },
        signal: gone.signal,
      });
    const all = await Promise.all(Array.from({ length: 16 }, open));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
    expect((await open()).status).toBe(429);
    gone.abort();
    const again = () => connect(parley, { gateway: 'acct/streams', headers: { 'parley-replay': id } });
    await expect.poll(async () => 'socket' in (await again())).toBe(true);
  });

  it('P2 another provider’s URL, a log without payloads, unknown options and ids are refused by name', async () => {
    const id = await turnOf('acct/no');
    const why = async (options: Parameters<typeof refused>[1]) => {
      const { status, body } = await refused(parley, { gateway: 'acct/no', ...options });
      return [status, (JSON.parse(body) as { errors: { name: string }[] }).errors[0]?.name];
    };
    const asking = (value: string) => ({ headers: { 'parley-replay': value } });
    expect(await why({ provider: 'google', ...asking(id) })).toEqual([409, 'session_other_provider']);
    expect(await why(asking('nobody'))).toEqual([404, 'session_not_found']);
    expect(await why(asking(`${id};speed=0`))).toEqual([400, 'invalid_request']);
    expect(await why(asking(`${id};sped=2`))).toEqual([400, 'invalid_request']);
    const { socket, id: bare } = await connected(parley, {
      gateway: 'acct/no',
      query: 'model=sim-support&cf-aig-collect-log-payload=false',
    });
    socket.close(1000);
    await untilEnded(parley, 'acct/no', bare);
    expect(await why(asking(bare))).toEqual([409, 'not_replayable']);
  });

  it('S-18 it needs the scope read, and a token for one session plays that one alone', async () => {
    const id = await turnOf('acct/scopes');
    const minted = async (body: object): Promise<string> => {
      const answer = await fetch(`${parley.http}/v1/acct/scopes/tokens`, {
        method: 'POST',
        headers: { authorization: `Bearer ${parley.token}` },
        body: JSON.stringify(body),
      });
      return ((await answer.json()) as { result: { token: string } }).result.token;
    };
    const as = async (body: object) => {
      const answer = await connect(parley, {
        gateway: 'acct/scopes',
        headers: { 'cf-aig-authorization': await minted(body), 'parley-replay': `${id};${FAST}` },
      });
      if ('socket' in answer) answer.socket.close();
      return 'status' in answer ? answer.status : 101;
    };
    expect(await as({ scope: ['connect'] })).toBe(403);
    expect(await as({ scope: ['read'], session: 'another' })).toBe(403);
    expect(await as({ scope: ['read'], session: id })).toBe(101);
  });
});
