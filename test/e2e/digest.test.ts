/** The digest against what `npm start` runs: computed by who has the events, and by who was a side of the session. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type WebSocket from 'ws';
import type { DigestShape } from '../../protocol/log-digest.ts';
import { connected } from '../support/client.ts';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { eventually } from '../support/eventually.ts';
import { frames } from '../support/frame-source.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { pour } from '../support/pouring.ts';
import { eventsOf, get, sessionOf, untilEnded } from '../support/rest.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const COUNT = 200;
const BIG = 'größer '.repeat(500_000);

let upstream: EchoUpstream;
let provider: PromiseWithResolvers<WebSocket>;
let parley: ParleyProcess;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(`${tmpdir()}/parley-digest-`);
  provider = Promise.withResolvers();
  upstream = await wsUpstream((socket) => provider.resolve(socket));
  parley = await startParley({ env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' } });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
  rmSync(directory, { recursive: true, force: true });
});

type Payload = string | Buffer;
interface Sides {
  readonly up: readonly Payload[];
  readonly down: readonly Payload[];
}

const digestOf = (id: string) => get<DigestShape>(parley, `/v1/acct/gw/sessions/${id}/digest`);

async function fetched(id: string, what: string): Promise<Buffer> {
  const answer = await fetch(`${parley.http}/v1/acct/gw/sessions/${id}/${what}`, {
    headers: { authorization: `Bearer ${parley.token}` },
  });
  return Buffer.from(await answer.arrayBuffer());
}

/** Runs a file in Node; what it printed. */
async function node(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'], PARLEY_URL: parley.http, PARLEY_TOKEN: parley.token },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

const verify = (...args: readonly string[]) => node(`${ROOT}bin/parley.ts`, 'verify', ...args);

/** The program that docs/RECORD.md gives to those who want to see for themselves, on a file of events. */
async function byTheBook(events: Uint8Array): Promise<string> {
  const [, program = ''] =
    /```js\n(\/\/ digest\.mjs\n[\s\S]*?)```/.exec(readFileSync(`${ROOT}docs/RECORD.md`, 'utf8')) ?? [];
  writeFileSync(`${directory}/digest.mjs`, program);
  writeFileSync(`${directory}/events.ndjson`, events);
  const { out, err } = await node('digest.mjs', 'events.ndjson');
  expect(err).toBe('');
  return out.trim();
}

/**
 * Of what the sides themselves sent, each in its own order; which of two frames of two directions came first, neither of
 * them knows, and the log's order stands.
 */
async function ofSides(id: string, { up, down }: Sides): Promise<string> {
  const hash = createHash('sha256');
  const next = { up: 0, down: 0 };
  for (const { direction } of await eventsOf(parley, 'acct/gw', id)) {
    const payload = (direction === 'up' ? up : down)[next[direction]++];
    if (payload === undefined) throw new Error('the log has more than was said');
    const opcode = typeof payload === 'string' ? 'text' : 'binary';
    const bytes = Buffer.from(payload as Buffer); // or a string: it takes both
    hash.update(`${next.up + next.down} ${direction} ${opcode} ${bytes.length}\n`).update(bytes);
  }
  expect(next).toEqual({ up: up.length, down: down.length });
  return hash.digest('hex');
}

async function expectDigest(id: string, sides: Sides): Promise<DigestShape> {
  const digest = await digestOf(id);
  const sent = [...sides.up, ...sides.down];
  expect(digest).toMatchObject({
    algorithm: 'sha-256',
    frames: sent.length,
    last_seq: sent.length,
    bytes: sent.reduce((sum, each) => sum + Buffer.byteLength(each), 0),
    complete: true,
  });
  expect(await ofSides(id, sides)).toBe(digest.digest);
  expect(await byTheBook(await fetched(id, 'events.ndjson?payload=base64'))).toBe(digest.digest);
  expect(await byTheBook(await fetched(id, 'events.ndjson'))).toBe(digest.digest);
  const files = unzipSync(await fetched(id, 'export.zip'));
  const inZip = JSON.parse(Buffer.from(files['digest.json'] ?? []).toString()) as { result: DigestShape };
  expect(inZip.result).toEqual(digest);
  expect(await byTheBook(files['events.ndjson'] ?? new Uint8Array())).toBe(digest.digest);
  const { code, out } = await verify(`acct/gw/${id}`, '--digest', digest.digest);
  expect([code, out]).toEqual([0, expect.stringMatching(`^${digest.digest}\n.*all that was relayed\n$`)]);
  return digest;
}

/** One turn of text with the simulator. */
async function textTurn(headers: Record<string, string> = {}): Promise<{ id: string; sides: Sides }> {
  const down: string[] = [];
  const done = Promise.withResolvers<void>();
  const client = await connected(parley, {
    provider: 'simulator',
    query: 'model=sim-support&speed=50',
    headers,
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        down.push(data.toString());
        if (down.at(-1)?.includes('"type":"rate_limits.updated"') === true) done.resolve();
      }),
  });
  const content = [{ type: 'input_text', text: 'hello, żółć 🚀' }];
  const item = { type: 'message', role: 'user', content };
  const up = [
    { type: 'conversation.item.create', item },
    { type: 'response.create', response: { output_modalities: ['text'] } },
  ].map((frame) => JSON.stringify(frame));
  for (const frame of up) client.socket.send(frame);
  await done.promise;
  client.socket.close(1000);
  await client.closed;
  await untilEnded(parley, 'acct/gw', client.id);
  return { id: client.id, sides: { up, down } };
}

describe('R-08 the digest of a session', () => {
  it('R-08 is that of what its client sent and received, by whichever way it is computed', async () => {
    const { id, sides } = await textTurn();
    expect(sides.down.length).toBeGreaterThan(5);
    await expectDigest(id, sides);
  });

  it('R-08 is that of text and sound, of any size, both ways at once', async () => {
    const sides = { up: [...frames(21, COUNT), BIG], down: [...frames(22, COUNT), Buffer.from(BIG)] };
    const client = await connected(parley);
    const socket = await provider.promise;
    await Promise.all([pour(client.socket, sides.up), pour(socket, sides.down)]);
    await eventually('all of it went through', async () => {
      const { up, down } = (await sessionOf(parley, 'acct/gw', client.id)).frames;
      return (up === COUNT + 1 && down === COUNT + 1) || null;
    });
    client.socket.close(1000);
    await untilEnded(parley, 'acct/gw', client.id);
    await expectDigest(client.id, sides);
  });
});

describe('T-22 parley verify', () => {
  /** Between the command and Parley: somebody who changes the events on their way. */
  async function changing(change: (events: string) => string): Promise<{ url: string; close: () => void }> {
    const server = createServer((request, response) => {
      void fetch(`${parley.http}${request.url}`, {
        headers: { authorization: request.headers.authorization ?? '' },
      }).then(async (answer) => {
        const text = await answer.text();
        response.end(request.url?.includes('events') === true ? change(text) : text);
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo; // it listens on a port
    return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
  }

  it.each<[string, (events: string) => string, string]>([
    ['a letter that was changed', (text) => text.replace('"base64":"e', '"base64":"f'), 'They differ'],
    ['a frame that was left out', (text) => text.slice(text.indexOf('\n') + 1), 'They differ'],
    ['two that were exchanged', (text) => text.split('\n').toReversed().join('\n').trim() + '\n', 'differ'],
    ['what was cut off', (text) => text.slice(0, -10), 'were not read to their end'],
  ])('T-22 finds %s, and ends with 1', async (_, change, message) => {
    const { id } = await textTurn();
    const server = await changing(change);
    const { code, out, err } = await verify(`acct/gw/${id}`, '--url', server.url);
    server.close();
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(message);
    expect(err).not.toContain(' at ');
  });

  it('T-22 compares with a digest that was noted, and says of what the log has not all', async () => {
    const { id } = await textTurn({ 'cf-aig-collect-log-payload': 'false' });
    const { digest, frames: count } = await digestOf(id);
    const { code, out } = await verify(`acct/gw/${id}`, '--digest', digest.toUpperCase());
    expect([code, out]).toEqual([
      0,
      `${digest}\nthe same, over ${count} frames with 0 bytes; NOT all that was relayed: ${count} without a payload\n`,
    ]);
    const other = await verify(`acct/gw/${id}`, '--digest', 'ab'.repeat(32));
    expect([other.code, other.out, other.err]).toEqual([1, '', expect.stringContaining('--digest says')]);
    const wrong = await verify(`acct/gw/${id}`, '--digest', 'abc');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('--digest must be')]);
    const nobody = await verify('acct/gw/never-was');
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining('(HTTP 404)')]);
  });
});
