/** What a client can do, and what the provider and the record get to know of it. */
import { createConnection, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type WebSocket from 'ws';
import { LIMITS } from '../../session/limits.ts';
import { connected } from '../support/client.ts';
import { wsUpstream } from '../support/echo-upstream.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { closing, frame, RawUpstream } from '../support/raw-upstream.ts';
import { sessionOf, untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;
let upstream: RawUpstream;

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  upstream.greeting = frame(1, '{"type":"session.created"}');
  parley = await startParley({ env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' } });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

describe('F-01 a client that closes', () => {
  it.each([
    [1000, 'done', 1000],
    [4123, 'own code', 4123],
    [3000, '', 3000],
  ])('P1 F-01 %i reaches the provider as it is', async (code, reason, seen) => {
    const pending = connected(parley);
    const provider = await upstream.next();
    const client = await pending;
    client.socket.close(code, reason);
    expect(await client.closed).toEqual({ code, reason });
    expect(await provider.closed).toEqual({ code: seen, reason });
    expect(await untilEnded(parley, 'acct/gw', client.id)).toMatchObject({
      ended_reason: 'client_closed',
      closed_by: 'client',
      close_code: code,
      close_reason: reason,
      clients: [{ id: 'c1', role: 'controller', close_code: code }],
    });
  });

  it('P1 F-01 without a code it is 1011 with a reason for the provider, and 1005 in the record', async () => {
    const pending = connected(parley);
    const provider = await upstream.next();
    const client = await pending;
    client.socket.close();
    expect((await client.closed).code).toBe(1005);
    expect((await provider.closed).code).toBe(1011);
    expect((await untilEnded(parley, 'acct/gw', client.id)).close_code).toBe(1005);
  });
});

describe('F-02 a client that vanishes', () => {
  it('P1 F-02 without a Close frame: one end, and 1011 for the provider', async () => {
    const pending = connected(parley);
    const provider = await upstream.next();
    const client = await pending;
    client.socket.terminate();
    expect((await provider.closed).code).toBe(1011);
    expect(await untilEnded(parley, 'acct/gw', client.id)).toMatchObject({
      ended_reason: 'client_lost',
      close_code: 1006,
    });
  });

  it('F-34 both sides close at once: one end', async () => {
    for (let round = 0; round < 20; round += 1) {
      const pending = connected(parley);
      const provider = await upstream.next();
      const client = await pending;
      client.socket.close(1000);
      provider.socket.write(closing(1001));
      await client.closed;
      const session = await untilEnded(parley, 'acct/gw', client.id);
      expect(['client_closed', 'upstream_closed']).toContain(session.ended_reason);
      expect(session.clients).toHaveLength(1);
    }
  });
});

describe('F-14 frames at the limit', () => {
  it('P10 F-14 32 MiB from the client crosses; one byte more closes it with 1009, and the provider with 4413', async () => {
    const first = connected(parley);
    const provider = await upstream.next();
    const client = await first;
    client.socket.send(Buffer.alloc(32 << 20));
    client.socket.close(1000);
    await client.closed;
    expect((await provider.closed).code).toBe(1000);
    expect((await sessionOf(parley, 'acct/gw', client.id)).frames).toMatchObject({
      up: 1,
      bytes_up: 32 << 20,
    });
    const second = connected(parley);
    const other = await upstream.next();
    const tooBig = await second;
    announceFrame(tooBig.socket, (32 << 20) + 1);
    expect((await tooBig.closed).code).toBe(1009);
    expect((await other.closed).code).toBe(4413);
    expect((await untilEnded(parley, 'acct/gw', tooBig.id)).ended_reason).toBe('frame_too_big');
  });
});

/**
 * Sends the head of a frame alone, which is what its length is told by. While the rest was on its way, the Close might be lost
 * to the reset with which the system answers bytes that nobody reads.
 */
function announceFrame(socket: WebSocket, length: number): void {
  const wire: unknown = Reflect.get(socket, '_socket');
  if (!(wire instanceof Socket)) throw new Error('ws keeps its TCP socket under another name by now');
  const [binary, masked64Bits] = [0x82, 0xff];
  const head = Buffer.alloc(14);
  head.writeUInt8(binary, 0);
  head.writeUInt8(masked64Bits, 1);
  head.writeBigUInt64BE(BigInt(length), 2);
  wire.write(head);
}

describe('F-35 a client that does not wait', () => {
  it('P1 F-35 what it sends before its handshake is answered arrives in order, none lost', async () => {
    const sent = Array.from({ length: 2 * LIMITS.pendingFrames }, (_, n) => `early ${n}`);
    const dialled = Promise.withResolvers<undefined>();
    const flushed = Promise.withResolvers<undefined>();
    const came: string[] = [];
    const all = Promise.withResolvers<undefined>();
    const provider = await wsUpstream(
      (socket) =>
        socket.on('message', (data: Buffer) => {
          if (came.push(data.toString()) === sent.length) all.resolve(undefined);
        }),
      () => {
        dialled.resolve(undefined);
        return flushed.promise;
      },
    );
    const own = await startParley({ env: { OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: 'sk-stored' } });
    const { port } = new URL(own.http);
    const socket = createConnection(Number(port), '127.0.0.1');
    const head = [
      'GET /v1/acct/gw/openai?model=gpt-realtime HTTP/1.1',
      'Host: parley',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `cf-aig-authorization: ${own.token}`,
    ];
    const early = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), ...sent.map(maskedText)]);
    socket.write(early, () => flushed.resolve(undefined));
    await dialled.promise;
    await all.promise;
    expect(came).toEqual(sent);
    socket.destroy();
    await own.stop();
    provider.close();
  });
});

/** One short text frame of a client, masked with zeros. */
function maskedText(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

describe('P7 named sessions', () => {
  it('P7 a client that comes back within the grace time finds the same provider socket', async () => {
    const query = 'model=gpt-realtime&parley-session=comes-back';
    const pending = connected(parley, { query });
    const provider = await upstream.next();
    const first = await pending;
    first.socket.terminate();
    await first.closed;
    const second = await connected(parley, { query });
    const answer = new Promise<string>((resolve) =>
      second.socket.once('message', (data: Buffer) => resolve(data.toString())),
    );
    provider.socket.write(frame(1, 'the same socket'));
    expect(await answer).toBe('the same socket');
    second.socket.close(1000);
    await second.closed;
    await fetch(`${parley.http}/v1/acct/gw/sessions/comes-back/end`, {
      method: 'POST',
      headers: { authorization: `Bearer ${parley.token}` },
    });
    expect((await provider.closed).code).toBe(1000);
    expect((await untilEnded(parley, 'acct/gw', 'comes-back')).clients).toHaveLength(2);
  });
});
