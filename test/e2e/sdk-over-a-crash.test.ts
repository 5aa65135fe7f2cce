/** A conversation by an official SDK over a server that is killed: the application does nothing, and misses nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  OpenAIRealtimeWebSocket,
  RealtimeAgent,
  type RealtimeItem,
  RealtimeSession,
} from '@openai/agents-realtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ParleyWebSocket } from '../../client/parley-websocket.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilLogged } from '../support/rest.ts';

const dataDir = mkdtempSync(`${tmpdir()}/parley-crash-`);
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

async function killAndStart(): Promise<void> {
  await parley.kill();
  parley = await startParley({ dataDir });
  proxy.port = portOf(parley);
  proxy.cut();
}

/** A model thinks for longer than its answer's beginning takes to the disk, also where the machine is busy. */
const LONG_MS = 8_000;

interface Event {
  readonly type: string;
  readonly response?: { readonly status: string };
  readonly item?: {
    readonly id: string;
    readonly content?: readonly { readonly text?: string; readonly transcript?: string }[];
  };
}

/** An agent that says what it is told to, and what its application sees. */
async function conversation(name: string, latencyMs = 0) {
  let raw = '';
  const epochs: unknown[] = [];
  const transport = new OpenAIRealtimeWebSocket({
    createWebSocket: ({ apiKey }) => {
      const socket = new ParleyWebSocket(
        `${proxy.ws}/v1/acct/crash/simulator?model=sim-support&seed=7&speed=50&latency_ms=${latencyMs}&parley-session=${name}`,
        ['realtime', `cf-aig-authorization.${apiKey}`],
      );
      socket.addEventListener('message', (message) => {
        raw = String((message as MessageEvent).data);
      });
      socket.addEventListener('parley', (message) => {
        const { data } = message as MessageEvent & { readonly data: { readonly epoch?: number } };
        if (data.epoch !== undefined) epochs.push(data.epoch);
      });
      // It has all of the class that the SDK uses.
      return Promise.resolve(socket as unknown as import('ws').WebSocket);
    },
  });
  const agent = new RealtimeAgent({ name: 'a', instructions: 'Say exactly: "The word is heron."' });
  const session = new RealtimeSession(agent, { transport, config: { outputModalities: ['text'] } });
  const events: Event[] = [];
  let look: () => void = () => undefined;
  session.transport.on('*', (event: Event) => {
    events.push(event);
    look();
  });
  await session.connect({ apiKey: parley.token });
  const until = (isIt: (event: Event) => boolean, from = 0): Promise<Event> =>
    new Promise((resolve) => {
      look = () => {
        const found = events.slice(from).find(isIt);
        if (found !== undefined) resolve(found);
      };
      look();
    });
  const turn = async (text: string): Promise<void> => {
    const from = events.length;
    session.sendMessage(text);
    await until(({ type }) => type === 'response.done', from);
  };
  /** What the provider has of an item. */
  const retrieved = async (id: string): Promise<Event> => {
    const from = events.length;
    session.transport.sendEvent({ type: 'conversation.item.retrieve', item_id: id });
    return until(({ type, item }) => type === 'conversation.item.retrieved' && item?.id === id, from);
  };
  return { session, events, epochs, until, turn, retrieved, last: () => raw };
}

/** Without what is of each run alone. */
const told = (items: readonly RealtimeItem[]) =>
  items.map((item) => (item.type === 'message' ? [item.role, item.content] : [item.type]));

describe('P5 an SDK’s conversation over kill -9', () => {
  it('P2 P5 goes on with the next turn, and its items are those of one that nothing happened to', async () => {
    const undisturbed = await conversation('undisturbed');
    await undisturbed.turn('Remember the word heron.');
    await undisturbed.turn('Say it again.');
    await undisturbed.turn('Which word?');
    undisturbed.session.close();
    const killed = await conversation('killed');
    await killed.turn('Remember the word heron.');
    // What was in memory alone would be gone.
    await untilLogged(parley, 'acct/crash', 'killed', killed.last());
    await killed.turn('Say it again.');
    await untilLogged(parley, 'acct/crash', 'killed', killed.last());
    await killAndStart();
    await killed.turn('Which word?');
    expect(killed.epochs).toEqual([1, 2]);
    expect(told(killed.session.history)).toEqual(told(undisturbed.session.history));
    expect(killed.session.history).toHaveLength(6);
    // The provider has the same, under the ids that the SDK knows.
    for (const item of killed.session.history) {
      const { item: there } = await killed.retrieved(item.itemId);
      expect(there?.content?.length).toBeGreaterThan(0);
    }
    expect(killed.events.filter(({ type }) => type === 'session.created')).toHaveLength(1);
    killed.session.close();
  });

  it('P5 a response that dies with the server ends, and the next turn comes to its own', async () => {
    const { session, events, epochs, turn, until, last } = await conversation('mid-response', LONG_MS);
    session.sendMessage('Remember the word heron.');
    await until(({ type }) => type === 'response.created');
    await untilLogged(parley, 'acct/crash', 'mid-response', last());
    expect(events.some(({ type }) => type === 'response.done')).toBe(false);
    await killAndStart();
    await until(({ type }) => type === 'response.done');
    await turn('Which word?');
    expect(epochs).toEqual([1, 2]);
    const ends = events.filter(({ type }) => type === 'response.done');
    expect(ends.map(({ response }) => response?.status)).toEqual(['failed', 'completed']);
    const users = session.history.filter((item) => item.type === 'message' && item.role === 'user');
    expect(users).toHaveLength(2);
    session.close();
  });
});
