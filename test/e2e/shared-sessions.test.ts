/** One session and many clients: one upstream, the same bytes for all, and nobody slower for another's sake. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { type Client, connected, refused } from '../support/client.ts';
import { wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';

const FRAME_BYTES = 64 * 1024;
const OBSERVERS = 100;
const FRAMES = 100;
const ROUNDS = 20;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function parleyBefore(
  serve: (socket: WebSocket) => void,
  env: Record<string, string> = {},
): Promise<ParleyProcess> {
  const upstream = await wsUpstream(serve);
  stops.push(() => upstream.close());
  const parley = await startParley({
    env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored', PARLEY_LOG: 'none', ...env },
  });
  stops.push(() => parley.stop());
  return parley;
}

const named = (session: string, role = '') =>
  `model=gpt-realtime&parley-session=${session}${role === '' ? '' : `&parley-role=${role}`}`;

function residentMib(pid: number): number {
  const [, kib = '0'] = /VmRSS:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}

interface Listener {
  readonly client: Client;
  readonly hash: ReturnType<typeof createHash>;
  readonly lateMs: number[];
}

/** Takes numbered frames, and hashes them with how late each came after it was sent. */
async function listener(parley: ParleyProcess, session: string, sentAt: readonly number[], done: () => void) {
  const hash = createHash('sha256');
  const lateMs: number[] = [];
  const client = await connected(parley, {
    query: named(session, 'observer'),
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        lateMs.push(performance.now() - (sentAt[data.readUInt32BE(0)] ?? Number.NaN));
        hash.update(data);
        if (lateMs.length === FRAMES) done();
      }),
  });
  return { client, hash, lateMs } satisfies Listener;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}

/** Sends all frames to the observers, one at a time, `paused` of whom do not read; tells what it cost those who do. */
async function fanOut(paused: number) {
  const sentAt: number[] = [];
  let upstream: WebSocket | null = null;
  const parley = await parleyBefore((socket) => (upstream = socket));
  const controller = await connected(parley, { query: named('room') });
  // It reads along, or it would be the reader that is behind.
  controller.socket.on('message', () => undefined);
  let reading = 0;
  const all = Promise.withResolvers<void>();
  const done = (): void => {
    reading += 1;
    if (reading === OBSERVERS - paused) all.resolve();
  };
  const listeners: Listener[] = [];
  for (let each = 0; each < OBSERVERS; each += 1)
    listeners.push(await listener(parley, 'room', sentAt, done));
  for (const { client } of listeners.slice(0, paused)) client.socket.pause();
  const before = residentMib(parley.workerdPid);
  const expected = createHash('sha256');
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const payload = Buffer.alloc(FRAME_BYTES, frame);
    payload.writeUInt32BE(frame);
    expected.update(payload);
    sentAt.push(performance.now());
    (upstream as WebSocket | null)?.send(payload);
    const slowest = listeners.at(-1);
    while ((slowest?.lateMs.length ?? 0) <= frame) await new Promise((resolve) => setImmediate(resolve));
  }
  await all.promise;
  const readers = listeners.slice(paused);
  const after = residentMib(parley.workerdPid);
  const late = readers.flatMap(({ lateMs }) => lateMs);
  const figures = {
    p50: percentile(late, 0.5),
    p99: percentile(late, 0.99),
    before,
    after,
    load: loadavg()[0],
  };
  console.log(`fan-out of 64 KiB to ${OBSERVERS}, ${paused} paused: ${JSON.stringify(figures)}`);
  const hashes = new Set(readers.map(({ hash }) => hash.digest('hex')));
  for (const { socket } of [controller, ...listeners.map(({ client }) => client)]) socket.terminate();
  return { hashes, expected: expected.digest('hex'), grownMib: after - before };
}

describe('P7 many clients, one upstream', () => {
  it('F-28 50 clients that race to create one session have one upstream between them, each time', async () => {
    let dials = 0;
    const parley = await parleyBefore(() => (dials += 1));
    for (let round = 1; round <= ROUNDS; round += 1) {
      const query = named(`race-${round}`);
      const clients = await Promise.all(Array.from({ length: 50 }, () => connected(parley, { query })));
      expect(dials).toBe(round);
      for (const { socket } of clients) socket.terminate();
    }
  });

  it('P10 as many clients as the limit come in, and not one more', async () => {
    const parley = await parleyBefore(() => undefined, { PARLEY_MAX_CLIENTS: '5' });
    const clients = [];
    for (let each = 0; each < 5; each += 1) clients.push(await connected(parley, { query: named('full') }));
    const { status, body } = await refused(parley, { query: named('full') });
    expect([status, body]).toEqual([429, expect.stringContaining('already has 5 clients')]);
    for (const { socket } of clients) socket.terminate();
  });

  it('F-32 100 observers get the same bytes, and what it takes is bounded', async () => {
    const { hashes, expected, grownMib } = await fanOut(0);
    expect([...hashes]).toEqual([expected]);
    expect(grownMib).toBeLessThan(128);
  });

  it('F-31 one observer that does not read keeps no other from a byte', async () => {
    const { hashes, expected, grownMib } = await fanOut(1);
    expect([...hashes]).toEqual([expected]);
    expect(grownMib).toBeLessThan(128);
  });
});
