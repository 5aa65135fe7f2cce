/** The `parley` command, as a user types it, against what `npm start` runs. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let parley: ParleyProcess;
let directory: string;
let id: string;

beforeAll(async () => {
  directory = mkdtempSync(`${tmpdir()}/parley-command-`);
  parley = await startParley();
  ({ id } = await textTurn());
  await untilEnded(parley, 'acct/gw', id);
});
afterAll(async () => {
  await parley.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** One turn of text with the simulator, from its greeting to its close. */
async function textTurn(): Promise<{ readonly id: string }> {
  const types: string[] = [];
  const done = Promise.withResolvers<void>();
  const client = await connected(parley, {
    provider: 'simulator',
    query: 'model=sim-support&speed=50',
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        const { type } = JSON.parse(data.toString()) as { type: string };
        types.push(type);
        if (type === 'response.done') done.resolve();
      }),
  });
  const content = [{ type: 'input_text', text: 'hello there' }];
  client.socket.send(
    JSON.stringify({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } }),
  );
  client.socket.send(JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } }));
  await done.promise;
  client.socket.close(1000);
  await client.closed;
  return { id: client.id };
}

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [`${ROOT}bin/parley.ts`, ...args], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      PARLEY_URL: parley.http,
      PARLEY_TOKEN: parley.token,
      PARLEY_DEV_VARS: `${directory}/.dev.vars`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

describe('P3 tail', () => {
  it('P3 prints every event of a session, and ends with it', async () => {
    const { code, out } = await run(['tail', `acct/gw/${id}`, '--json']);
    const events = await eventsOf(parley, 'acct/gw', id);
    const lines = out
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines.slice(0, -1)).toEqual(events);
    expect(lines.at(-1)).toMatchObject({ kind: 'end' });
  });

  it('P3 writes lines for people', async () => {
    const { out } = await run(['tail', `acct/gw/${id}`, '--type', 'response.create']);
    expect(out).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} +\d+ c1 +→ response\.create +\d+ B +\{"type":"response\.create"/,
    );
  });
});

describe('P3 export', () => {
  it('P3 writes an archive of everything, whose parts are what REST answers', async () => {
    const { code, err } = await run(['export', `acct/gw/${id}`]);
    expect([code, err]).toEqual([0, expect.stringContaining(`${id}.zip`)]);
    expect(existsSync(`${directory}/${id}.zip.part`)).toBe(false);
    const parts = unzipSync(readFileSync(`${directory}/${id}.zip`));
    const text = (name: string): string => new TextDecoder().decode(parts[name]);
    const events = text('events.ndjson')
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(events).toEqual(await eventsOf(parley, 'acct/gw', id));
    expect(JSON.parse(text('session.json'))).toMatchObject({ result: { id, status: 'ended' } });
    expect(text('transcript.vtt')).toMatch(/^WEBVTT/);
    expect(text('transcript.md')).toContain('hello there');
    const har = JSON.parse(text('session.har')) as { log: { entries: { _webSocketMessages: unknown[] }[] } };
    expect(har.log.entries[0]?._webSocketMessages).toHaveLength(events.length);
    expect(text('session.har')).not.toContain(parley.token);
    // A turn of text has no sound, and the archive says so.
    expect([parts['audio.wav'], text('missing.txt')]).toEqual([
      undefined,
      expect.stringContaining('audio.wav'),
    ]);
  });

  it('P3 writes one form to standard output', async () => {
    const { out } = await run(['export', `acct/gw/${id}`, '--format', 'ndjson', '--out', '-']);
    expect(out.trim().split('\n')).toHaveLength((await eventsOf(parley, 'acct/gw', id)).length);
  });
});

describe('P3 replay, redrive', () => {
  it('P3 prints the events in their own time', async () => {
    const { code, out } = await run(['replay', `acct/gw/${id}`, '--speed', '1000', '--json']);
    const lines = out
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines.slice(0, -1)).toEqual(await eventsOf(parley, 'acct/gw', id));
  });

  it('P3 sends the client’s side to another model, and prints the new session’s id', async () => {
    const { code, out, err } = await run([
      'redrive',
      `acct/gw/${id}`,
      '--model',
      'sim-other',
      '--speed',
      '1000',
    ]);
    expect([code, err]).toEqual([0, '']);
    const session = await untilEnded(parley, 'acct/gw', out.trim());
    expect(session).toMatchObject({ model: 'sim-other', redrive_of: id });
  });
});

describe('P3 a stream that is cut', () => {
  /** A deployment that loses its connection after each event, and says what it was asked. */
  async function cutting(events: readonly string[]) {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers['last-event-id']?.toString());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = events[asked.length - 1];
      if (event === undefined) response.destroy();
      else response.write(`retry: 1\n\n${event}`, () => response.destroy());
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
    return { asked, url, close: () => server.close() };
  }
  const frame = (seq: number): string =>
    `id: ${seq}\ndata: ${JSON.stringify({ kind: 'frame', seq, at: '2026-11-25T00:00:00.000Z' })}\n\n`;

  it('P3 tail goes on behind the last event, to the end', async () => {
    const server = await cutting([frame(1), frame(2), 'event: end\ndata: {"status":"ended"}\n\n']);
    const { code, out } = await run(['tail', 'acct/gw/x', '--json', '--url', server.url]);
    server.close();
    expect(code).toBe(0);
    expect(out.match(/"seq":\d/g)).toEqual(['"seq":1', '"seq":2']);
    expect(out).toContain('"kind":"end"');
    expect(server.asked).toEqual([undefined, '1', '2']);
  });

  it('P3 one that never comes back fails in the end, and says so', async () => {
    const server = await cutting([frame(1)]);
    const { code, err } = await run(['tail', 'acct/gw/x', '--json', '--url', server.url]);
    server.close();
    expect(code).toBe(1);
    expect(err).toContain('broke off before its end');
    expect(err).not.toContain(' at ');
  });

  it('P3 an export that breaks off leaves no file and no stack', async () => {
    const server = await cutting(['half of it', 'half of it']);
    for (const out of ['half.ndjson', '-']) {
      const what = ['export', 'acct/gw/x', '--format', 'ndjson', '--out', out];
      const ran = await run([...what, '--url', server.url]);
      expect([ran.code, ran.err]).toEqual([1, expect.stringContaining('was not finished')]);
      expect(ran.err).not.toContain(' at ');
    }
    server.close();
    expect(existsSync(`${directory}/half.ndjson`) || existsSync(`${directory}/half.ndjson.part`)).toBe(false);
  });
});

describe('P9 token', () => {
  it('P9 mints one that is narrowed as asked, and prints nothing else', async () => {
    const { code, out } = await run(['token', 'acct/gw', '--scope', 'read', '--expires_in', '60']);
    expect(code).toBe(0);
    expect(out.trim()).toMatch(/^ek_[\w-]+\.[\w-]+\.[\w-]+$/);
    const read = await run(['tail', `acct/gw/${id}`, '--token', out.trim()]);
    expect(read.code).toBe(0);
    const forbidden = await run(['token', 'acct/gw', '--token', out.trim()]);
    expect([forbidden.code, forbidden.err]).toEqual([1, expect.stringContaining('(HTTP 403)')]);
  });
});

describe('P2 doctor', () => {
  it('P2 finds a deployment that is well', async () => {
    const { code, out } = await run(['doctor', '--tls-port', new URL(parley.https).port]);
    expect(out.split('\n').filter((line) => line.startsWith('✕'))).toEqual([]);
    expect(out).toContain('the token is good');
    expect(code).toBe(0);
  });

  it('P2 says what is wrong, and what to do', async () => {
    writeFileSync(`${directory}/.dev.vars`, 'PARLEY_RETENTION_DAYS=soon\n');
    const { code, out } = await run(['doctor', '--tls-port', '1', '--token', 'nonsense']);
    rmSync(`${directory}/.dev.vars`);
    expect(code).toBe(1);
    expect(out).toMatch(/✕ .*PARLEY_RETENTION_DAYS/);
    expect(out).toMatch(/✕ the token is not good\n.*HTTP 401/);
    expect(out).toMatch(/✕ wss:\/\/127\.0\.0\.1:1 does not answer\n.*--tls-port/);
  });
});

describe('P2 called wrongly', () => {
  it.each([
    [['tial'], 2, "Did you mean 'tail'?"],
    [['tail', 'acct/gw'], 2, 'account/gateway/session'],
    [['export', 'acct/gw/x', '--format', 'mp3'], 2, '--format must be one of'],
    [['tail', '--speed', '2'], 2, '--speed'],
    [['tail', 'acct/gw/x', 'acct/gw/y'], 2, "'acct/gw/y'"],
    [['token', 'acct/gw', 'more'], 2, "'more'"],
    [['export', 'acct/gw/x', '--out', ''], 2, '--out'],
    [['export', 'acct/gw/x', '--out', '.'], 2, 'is a directory'],
    [['redrive', 'acct/gw/x', '--speed', ''], 2, '--speed must be a number'],
    [['token', 'acct/gw', '--expires_in', 'soon'], 2, '--expires_in must be a number'],
    [['doctor', '--tls-port', 'abc'], 2, '--tls-port'],
    [['tail', 'acct/gw/never-was'], 1, '(HTTP 404)'],
    [['tail', 'acct/gw/x', '--url', 'http://127.0.0.1:1'], 1, 'does not answer'],
  ])('P2 %j ends with %i and says why', async (args, code, message) => {
    const ran = await run(args);
    expect([ran.code, ran.out]).toEqual([code, '']);
    expect(ran.err).toContain(message);
  });
});
