/** Official SDKs that share one session: each believes that the provider's socket is its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { Modality } from '@google/genai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { LiveTalk, textOf } from '../support/gemini-live.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, sessionOf } from '../support/rest.ts';
import { runNode } from '../support/run-node.ts';

let parley: ParleyProcess;
const children: ChildProcess[] = [];

beforeAll(async () => {
  parley = await startParley({
    env: {
      GOOGLE_BASE_URL: 'simulator',
      GOOGLE_API_KEY: 'stored',
      CARTESIA_BASE_URL: 'simulator',
      CARTESIA_API_KEY: 'sk_car_stored',
    },
  });
});
afterAll(async () => {
  for (const child of children) child.kill();
  await parley.stop();
});

/** One client of the agents SDK, as a browser would have it: it speaks, and has no tools. */
class Speaker {
  readonly session: RealtimeSession;
  readonly events: { readonly type: string; readonly [name: string]: unknown }[] = [];
  readonly errors: unknown[] = [];
  #waiting: (() => void)[] = [];

  constructor() {
    const agent = new RealtimeAgent({ name: 'visitor', instructions: 'Mine alone.' });
    this.session = new RealtimeSession(agent, { transport: 'websocket', model: 'sim-support' });
    this.session.on('error', ({ error }) => this.errors.push(error));
    this.session.transport.on('*', (event) => {
      this.events.push(event);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  async connect(session: string): Promise<this> {
    const url = `${parley.ws}/v1/acct/gw/openai?model=sim-support&parley-session=${session}`;
    await this.session.connect({ apiKey: parley.token, url });
    return this;
  }

  async until(type: string, times = 1): Promise<void> {
    while (this.count(type) < times) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  count(type: string): number {
    return this.events.filter((event) => event.type === type).length;
  }
}

/** The example, as it stands; resolves when it has configured the session. */
async function sideBand(session: string): Promise<{ output: () => string }> {
  const child = spawn(process.execPath, ['examples/side-band.mjs', parley.https, session], {
    env: { ...process.env, PARLEY_TOKEN: parley.token, NODE_EXTRA_CA_CERTS: parley.certFile },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.on('close', (code) => reject(new Error(`exit code ${code}: ${output}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('ready')) resolve();
    });
  });
  return { output: () => output };
}

describe('P7 a server beside a conversation of two agents clients', () => {
  it('P7 a whole conversation with a tool call, without interference', async () => {
    const server = await sideBand('desk');
    const [one, two] = [new Speaker(), new Speaker()];
    await one.connect('desk');
    await two.connect('desk');
    await Promise.all([one, two].map((each) => each.until('session.updated')));
    one.session.sendMessage('What is the weather in Paris?');
    // The call, and the answer that follows its output.
    await Promise.all([one, two].map((each) => each.until('response.done', 2)));
    two.session.sendMessage('Thank you');
    await Promise.all([one, two].map((each) => each.until('response.done', 3)));
    expect(server.output()).toMatch(/get_weather\(.*\) = .*clear/);
    for (const each of [one, two]) {
      expect(each.count('session.created')).toBe(1);
      expect(each.count('error')).toBe(0);
      expect(each.count('response.created')).toBe(3);
      expect(each.count('response.output_audio.done')).toBe(2);
    }
    const frames = await eventsOf(parley, 'acct/gw', 'desk');
    const up = frames
      .filter(({ direction }) => direction === 'up')
      .map(({ text }) => (JSON.parse(text ?? '') as { type: string }).type);
    expect(up.filter((type) => type === 'session.update')).toHaveLength(1);
    expect(up.filter((type) => type === 'conversation.item.create')).toHaveLength(3);
    const { clients } = await sessionOf(parley, 'acct/gw', 'desk');
    expect(clients.map(({ role }) => role)).toEqual(['controller', 'speaker', 'speaker']);
    one.session.close();
    two.session.close();
  });

  it('P7 an interruption that both clients tell is told once, and nobody gets an error', async () => {
    await sideBand('interrupted');
    const [one, two] = [new Speaker(), new Speaker()];
    await one.connect('interrupted');
    await two.connect('interrupted');
    one.session.sendMessage('Tell me a long story');
    await Promise.all([one, two].map((each) => each.until('response.output_audio.delta', 2)));
    one.session.interrupt();
    two.session.interrupt();
    await Promise.all([one, two].map((each) => each.until('response.done')));
    two.session.sendMessage('Go on');
    await Promise.all([one, two].map((each) => each.until('response.done', 2)));
    expect([one, two].map((each) => each.count('error'))).toEqual([0, 0]);
    const up = (await eventsOf(parley, 'acct/gw', 'interrupted')).filter(
      ({ direction }) => direction === 'up',
    );
    expect(up.filter(({ text }) => text?.includes('response.cancel'))).toHaveLength(1);
    one.session.close();
    two.session.close();
  });
});

describe('P7 who joins late', () => {
  const join = (history: string): WebSocket =>
    new WebSocket(`${parley.ws}/v1/acct/gw/openai?model=sim-support&parley-session=late`, [
      'realtime',
      `cf-aig-authorization.${parley.token}`,
      `parley-history.${Buffer.from(history).toString('base64url')}`,
    ]);

  it('P7 gets the conversation so far, if it asks for it', async () => {
    const one = await new Speaker().connect('late');
    one.session.sendMessage('Hello');
    await one.until('response.done');
    const late = join('items');
    const events: { type: string; item?: { role: string } }[] = [];
    await new Promise<void>((resolve, reject) => {
      late.on('error', reject);
      late.on('message', (data: Buffer) => {
        // The simulator's own events.
        events.push(JSON.parse(data.toString()) as (typeof events)[number]);
        if (events.length === 5) resolve();
      });
    });
    expect(events.map(({ type, item }) => `${type} ${item?.role}`)).toEqual([
      'session.created undefined',
      'conversation.item.added user',
      'conversation.item.done user',
      'conversation.item.added assistant',
      'conversation.item.done assistant',
    ]);
    late.close();
    const wrong = new WebSocket(late.url, {
      headers: { 'cf-aig-authorization': parley.token, 'parley-history': 'all' },
    });
    const status = await new Promise((resolve) => {
      wrong.on('error', () => undefined);
      wrong.on('unexpected-response', (_request, response) => resolve(response.statusCode));
    });
    expect(status).toBe(400);
    one.session.close();
  });
});

describe('P7 two clients of Google’s SDK', () => {
  it('P7 each sets the session up as always, and both hear every answer', async () => {
    const open = (): Promise<LiveTalk> =>
      LiveTalk.open(
        {
          apiKey: parley.token,
          httpOptions: { baseUrl: `${parley.http}/v1/acct/gw/google`, headers: { 'parley-session': 'gem' } },
        },
        { responseModalities: [Modality.TEXT] },
      );
    const one = await open();
    const two = await open();
    for (const speaker of [one, two]) {
      speaker.say('Hello there');
      const [first, second] = await Promise.all([one.turn(), two.turn()]);
      expect(textOf(first).length).toBeGreaterThan(0);
      expect(textOf(second)).toBe(textOf(first));
    }
    const up = (await eventsOf(parley, 'acct/gw', 'gem')).filter(({ direction }) => direction === 'up');
    expect(up.filter(({ text }) => text?.includes('"setup"'))).toHaveLength(1);
    expect([one.closed, two.closed]).toEqual([null, null]);
    one.session.close();
    two.session.close();
  });
});

/** Two sockets of the SDK in one session, each with a context of the same name. */
const SAME_CONTEXT = (): string => `
  import { createRequire } from 'node:module';
  const { Cartesia } = createRequire(import.meta.url)('@cartesia/cartesia-js');
  const cartesia = new Cartesia({ apiKey: '${parley.token}', baseURL: '${parley.https}/v1/acct/gw/cartesia' });
  const about = { model_id: 'sonic-3.5', voice: { mode: 'id', id: 'v1' }, output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24000 } };
  const open = () => cartesia.tts.websocket({ headers: { 'parley-session': 'voices' } });
  const speak = async (ws, contextId, transcript) => {
    const context = ws.context({ ...about, contextId });
    await context.push({ transcript });
    await context.no_more_inputs();
    let bytes = 0;
    for await (const event of context.receive()) if (event.type === 'chunk') bytes += event.audio.length;
    return bytes;
  };
  const first = await open();
  const alone = [await speak(first, 'a', 'Hello.'), await speak(first, 'b', 'A much longer text, which takes its time.')];
  const second = await open();
  const together = await Promise.all([speak(first, 'same', 'Hello.'), speak(second, 'same', 'A much longer text, which takes its time.')]);
  console.log(JSON.stringify({ alone, together }));
  first.close();
  second.close();`;

describe('P7 two clients of the Cartesia SDK', () => {
  it('P7 contexts of one name are kept apart: each gets its own audio, whole', async () => {
    const output = await runNode(SAME_CONTEXT(), { NODE_EXTRA_CA_CERTS: parley.certFile });
    // What the script above prints.
    const { alone, together } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as {
      alone: number[];
      together: number[];
    };
    expect(together).toEqual(alone);
    const frames = await eventsOf(parley, 'acct/gw', 'voices');
    const toOne = frames.filter(
      ({ direction, client }) => direction === 'down' && (client === 'c1' || client === 'c2'),
    );
    expect(new Set(toOne.map(({ client }) => client))).toEqual(new Set(['c1', 'c2']));
  });
});
