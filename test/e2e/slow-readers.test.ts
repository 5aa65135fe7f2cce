/** Readers that cannot keep up, on either side: what the sender feels, what the others feel, and what it costs. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { SessionShape } from '../../protocol/rest.ts';
import { LIMITS } from '../../session/limits.ts';
import { connected } from '../support/client.ts';
import { wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { sessionOf, untilEnded } from '../support/rest.ts';

const MIB = 1 << 20;
const FRAME_BYTES = 64 * 1024;

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** Parley before a provider that does `serve` with each connection. Without a log: this is about the relay's memory. */
async function parleyBefore(serve: (socket: WebSocket) => void): Promise<ParleyProcess> {
  const upstream = await wsUpstream(serve);
  stops.push(() => upstream.close());
  const parley = await startParley({
    env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored', PARLEY_LOG: 'none' },
  });
  stops.push(() => parley.stop());
  return parley;
}

/** Sends `bytes` in numbered frames as fast as the socket takes them; tells how much it took so far. */
function pouring(socket: WebSocket, bytes: number): { readonly poured: () => number } {
  const payload = Buffer.alloc(FRAME_BYTES);
  let poured = 0;
  const more = (): void => {
    while (poured < bytes && socket.readyState === socket.OPEN) {
      payload.writeUInt32BE(poured / FRAME_BYTES);
      socket.send(Buffer.from(payload));
      poured += FRAME_BYTES;
      if (socket.bufferedAmount > MIB) {
        setImmediate(more);
        return;
      }
    }
  };
  more();
  return { poured: () => poured - socket.bufferedAmount };
}

/** Resolves when all numbered frames came, in order; rejects at the first that is out of turn. */
function received(socket: WebSocket, bytes: number): Promise<void> {
  let next = 0;
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      if (data.readUInt32BE(0) !== next)
        reject(new Error(`frame ${data.readUInt32BE(0)} instead of ${next}`));
      next += 1;
      if (next * FRAME_BYTES === bytes) resolve();
    });
  });
}

/** Reads for a fifth of the time. */
function readSlowly(socket: WebSocket): void {
  const timer = setInterval(() => {
    socket.pause();
    setTimeout(() => socket.resume(), 40);
  }, 50);
  socket.on('close', () => clearInterval(timer));
}

/** Resident memory of workerd, MiB. */
function memoryOf({ workerdPid }: ParleyProcess): number {
  const kib = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${workerdPid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** The most memory that it took until `work` was done. */
async function mostMemory(parley: ParleyProcess, work: Promise<unknown>): Promise<number> {
  let most = memoryOf(parley);
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(parley));
  }, 50);
  stops.push(() => clearInterval(timer));
  await work.finally(() => clearInterval(timer));
  return most;
}

/** What is poured at a reader that is too slow, and what the process may grow by: its heap fills before it is collected. */
const POURED = 512 * MIB;
const GROWTH_MIB = 200;

describe.skipIf(process.platform !== 'linux')('P10 a client that reads slowly', () => {
  it('P10 gets everything, in order: the provider is made to wait, and memory stays as it is', async () => {
    const bytes = POURED;
    const parley = await parleyBefore((socket) => void pouring(socket, bytes));
    const before = memoryOf(parley);
    const all = Promise.withResolvers<unknown>();
    const client = await connected(parley, {
      ready: (socket) => {
        all.resolve(received(socket, bytes));
        readSlowly(socket);
      },
    });
    expect((await mostMemory(parley, all.promise)) - before).toBeLessThan(GROWTH_MIB);
    client.socket.close(1000);
    await client.closed;
  });

  it('P10 R-05 that stops reading is cut with 4413 after a while; until then the provider waits, and REST answers', async () => {
    const bytes = POURED;
    const source = Promise.withResolvers<ReturnType<typeof pouring>>();
    const parley = await parleyBefore((socket) => source.resolve(pouring(socket, bytes)));
    const before = memoryOf(parley);
    const client = await connected(parley, { ready: (socket) => socket.on('open', () => socket.pause()) });
    const { poured } = await source.promise;
    // What is read of the provider's socket after the cut is thrown away, and no business of this test.
    // So a figure counts only if the session is still live when it was taken, which is asked after.
    let whileLive = { grown: 0, poured: 0 };
    let now = whileLive;
    let session: SessionShape;
    do {
      whileLive = { grown: Math.max(whileLive.grown, now.grown), poured: now.poured };
      now = { grown: memoryOf(parley) - before, poured: poured() };
      session = await sessionOf(parley, 'acct/gw', client.id);
    } while (session.status === 'live');
    expect(session).toMatchObject({ ended_reason: 'slow_consumer', closed_by: 'parley', close_code: 4413 });
    expect(whileLive.grown).toBeLessThan(GROWTH_MIB);
    expect(whileLive.poured).toBeGreaterThan(0);
    expect(whileLive.poured).toBeLessThan(32 * MIB);
    client.socket.resume();
    expect((await client.closed).code).toBe(4413);
  });

  it('F-31 that stops reading while another reads is cut, and the other gets everything', async () => {
    const bytes = POURED;
    const begin = Promise.withResolvers<unknown>();
    const parley = await parleyBefore((socket) => void begin.promise.then(() => pouring(socket, bytes)));
    const before = memoryOf(parley);
    const query = 'model=gpt-realtime&parley-session=shared';
    const stopped = await connected(parley, { query });
    stopped.socket.pause();
    const reader = await connected(parley, { query });
    const all = received(reader.socket, bytes);
    begin.resolve(undefined);
    expect((await mostMemory(parley, all)) - before).toBeLessThan(GROWTH_MIB + LIMITS.unsentBytes / MIB);
    const { clients } = await sessionOf(parley, 'acct/gw', 'shared');
    expect(clients.map(({ close_code }) => close_code)).toEqual([4413, null]);
    stopped.socket.terminate();
    reader.socket.close(1000);
    await reader.closed;
  });
});

describe.skipIf(process.platform !== 'linux')('P10 a provider that reads slowly', () => {
  it('P10 gets everything, in order: the client is made to wait, and memory stays as it is', async () => {
    const bytes = POURED;
    const all = Promise.withResolvers<unknown>();
    const parley = await parleyBefore((socket) => {
      all.resolve(received(socket, bytes));
      readSlowly(socket);
    });
    const before = memoryOf(parley);
    const client = await connected(parley);
    pouring(client.socket, bytes);
    expect((await mostMemory(parley, all.promise)) - before).toBeLessThan(GROWTH_MIB);
    client.socket.close(1000);
    await client.closed;
  });

  it('P10 that stops reading ends the session with 4504, and the record says why', async () => {
    const parley = await parleyBefore((socket) => socket.pause());
    const before = memoryOf(parley);
    const client = await connected(parley);
    pouring(client.socket, POURED);
    // Until the end only: what was under way by then is read and dropped, garbage that V8 collects when it likes.
    const ended = async (): Promise<void> => {
      await expect.poll(() => client.socket.readyState).not.toBe(client.socket.OPEN);
    };
    expect((await mostMemory(parley, ended())) - before).toBeLessThan(GROWTH_MIB);
    expect((await client.closed).code).toBe(4504);
    const session = await untilEnded(parley, 'acct/gw', client.id);
    expect(session).toMatchObject({ ended_reason: 'upstream_blocked', closed_by: 'parley' });
  });
});
