/** The client class and the examples, against the server, over a network that cuts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { spawn } from 'node:child_process';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ParleyWebSocket } from '../../client/parley-websocket.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilLogged } from '../support/rest.ts';

const dataDir = mkdtempSync(`${tmpdir()}/parley-client-`);
let parley: ParleyProcess;
let proxy: CuttingProxy;

const portOf = ({ http }: ParleyProcess) => Number(new URL(http).port);

beforeAll(async () => {
  parley = await startParley({ dataDir });
  proxy = await CuttingProxy.listen(portOf(parley));
});
afterAll(async () => {
  proxy.close();
  await parley.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Event {
  readonly type: string;
  readonly event_id?: string;
  readonly item?: { readonly content?: readonly { readonly text?: string }[] };
}

/** A socket of the class under test, and what its application sees. */
function opened(query = '') {
  const socket = new ParleyWebSocket(
    `${proxy.ws}/v1/acct/gw/simulator?model=sim-support&speed=50&latency_ms=0${query}`,
    ['realtime', `cf-aig-authorization.${parley.token}`],
  );
  const events: Event[] = [];
  const epochs: unknown[] = [];
  let name = '';
  let look: () => void = () => undefined;
  socket.addEventListener('message', (message) => {
    events.push(JSON.parse(String((message as MessageEvent).data)) as Event); // the simulator's
    look();
  });
  socket.addEventListener('parley', (message) => {
    const { data } = message as MessageEvent & {
      readonly data: { type: string; epoch?: number; session?: string };
    };
    if (data.type === 'parley.session.joined') {
      epochs.push(data.epoch);
      name = data.session ?? '';
    }
    look();
  });
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener('close', (event) => resolve((event as CloseEvent).code)),
  );
  const until = (type: string, from = 0): Promise<Event> =>
    new Promise((resolve) => {
      look = () => {
        const found = events.slice(from).find((event) => event.type === type);
        if (found !== undefined) resolve(found);
      };
      look();
    });
  /** Resolves when it has been let in so often. */
  const joins = (count: number): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (epochs.length >= count) resolve();
      };
      look();
    });
  return { socket, events, epochs, closed, until, joins, session: () => name };
}

const item = (id: string, text: string) =>
  JSON.stringify({
    type: 'conversation.item.create',
    item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  });
const RESPOND = JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } });

/** No event came twice: the simulator gives each an id of its own. */
function expectOnce(events: readonly Event[]): void {
  const ids = events.map(({ event_id: id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
}

describe('P5 the WebSocket that comes back', () => {
  it('P5 its application sees one socket, each frame once and in order, however often the network cuts', async () => {
    const { socket, events, epochs, closed, until, joins } = opened();
    await until('session.created');
    for (let round = 0; round < 5; round += 1) {
      const from = events.length;
      socket.send(item(`item_${round}`, 'tell me something'));
      socket.send(RESPOND);
      await until('response.created', from);
      proxy.cut();
      // What is sent before the loss is noticed, nobody can get back.
      await joins(round + 2);
      await until('response.done', from);
    }
    expect(epochs).toEqual([1, 1, 1, 1, 1, 1]);
    expectOnce(events);
    expect(events.filter(({ type }) => type === 'session.created')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'response.done')).toHaveLength(5);
    expect(events.filter(({ type }) => type.startsWith('parley.'))).toEqual([]);
    socket.close(1000);
    expect(await closed).toBe(1000);
  });

  it('P5 goes on with the conversation after the server was killed and started again', async () => {
    const { socket, events, epochs, closed, until, session } = opened();
    await until('session.created');
    socket.send(item('item_1', 'remember the word heron'));
    await until('conversation.item.done');
    // What is in memory only would be gone with it.
    await untilLogged(parley, 'acct/gw', session(), item('item_1', 'remember the word heron'));
    await parley.kill();
    parley = await startParley({ dataDir });
    proxy.port = portOf(parley);
    proxy.cut();
    socket.send(JSON.stringify({ type: 'conversation.item.retrieve', item_id: 'item_1' }));
    const found = await until('conversation.item.retrieved');
    expect(found.item?.content?.[0]?.text).toBe('remember the word heron');
    expect(epochs).toEqual([1, 2]);
    expectOnce(events);
    socket.close(1000);
    await closed;
  });

  it('P5 a refusal reaches the application, and nothing is tried again', async () => {
    const socket = new ParleyWebSocket(`${proxy.ws}/v1/acct/gw/simulator?model=sim-support`, [
      'realtime',
      'cf-aig-authorization.wrong',
    ]);
    const code = await new Promise((resolve) =>
      socket.addEventListener('close', (event) => resolve((event as CloseEvent).code)),
    );
    expect(code).toBe(4401);
  });

  it('P2 P5 inside the agents SDK, a turn that is cut in the middle comes to its end', async () => {
    const transport = new OpenAIRealtimeWebSocket({
      createWebSocket: ({ apiKey }) =>
        // It has all of the class that the SDK uses.
        Promise.resolve(
          new ParleyWebSocket(`${proxy.ws}/v1/acct/gw/simulator?model=sim-support&speed=50&latency_ms=0`, [
            'realtime',
            `cf-aig-authorization.${apiKey}`,
          ]) as unknown as import('ws').WebSocket,
        ),
    });
    const session = new RealtimeSession(new RealtimeAgent({ name: 'a', instructions: 'Be brief.' }), {
      transport,
    });
    const types: string[] = [];
    const done = new Promise<void>((resolve) => {
      session.transport.on('*', (event: { readonly type: string }) => {
        types.push(event.type);
        if (event.type === 'response.created') proxy.cut();
        if (event.type === 'response.done') resolve();
      });
    });
    await session.connect({ apiKey: parley.token });
    session.sendMessage('Hello there');
    await done;
    expect(types.filter((type) => type === 'session.created')).toHaveLength(1);
    expect(types.filter((type) => type === 'response.done')).toHaveLength(1);
    session.close();
  });
});

describe('P5 the examples run as they stand', () => {
  it.each(['resume-websocket', 'resume-partysocket', 'parley-websocket'])(
    'P5 %s: every frame once, over a cut',
    async (name) => {
      const child = spawn(process.execPath, [`examples/${name}.mjs`, proxy.ws], {
        env: { ...process.env, PARLEY_TOKEN: parley.token },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        const first = !output.includes('response.created');
        output += chunk.toString();
        if (first && output.includes('response.created')) proxy.cut();
      });
      expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
      const lines = output.trim().split('\n');
      expect(lines.map((line) => Number(line.split(' ')[0]))).toEqual(lines.map((_, index) => index + 1));
      expect(lines.at(-1)).toContain('response.done');
    },
  );
});
