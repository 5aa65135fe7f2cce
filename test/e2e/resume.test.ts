/** Clients that come back to a named session, and count what they have received. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { type Client, connected, refused } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { frame, type RawConnection, RawUpstream } from '../support/raw-upstream.ts';
import { get } from '../support/rest.ts';

let parley: ParleyProcess;
let upstream: RawUpstream;

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  parley = await startParley({ env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' } });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

const queryOf = (session: string, after?: number) =>
  `model=gpt-realtime&parley-session=${session}${after === undefined ? '' : `&parley-after=${after}`}`;

/** Collects a client's text frames from before anything can come. */
function collecting(into: string[]): (socket: WebSocket) => void {
  return (socket) => socket.on('message', (data: Buffer) => into.push(data.toString()));
}

/** Resolves when `frames` holds `count` of them; frames come as events, so it asks at each. */
function until(socket: WebSocket, frames: readonly string[], count: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (frames.length >= count) resolve();
    };
    socket.on('message', look);
    look();
  });
}

async function begin(session: string, frames: string[]): Promise<[Client, RawConnection]> {
  const pending = connected(parley, { query: queryOf(session), ready: collecting(frames) });
  const provider = await upstream.next();
  return [await pending, provider];
}

describe('P5 a session outlives its client’s socket', () => {
  it('P5 R-03 every frame that was missed comes first, once and in order, then the live ones', async () => {
    const before: string[] = [];
    const [client, provider] = await begin('missed', before);
    provider.socket.write(Buffer.concat(['1', '2', '3'].map((text) => frame(1, text))));
    await until(client.socket, before, 3);
    client.socket.terminate();
    await client.closed;
    provider.socket.write(Buffer.concat(['4', '5'].map((text) => frame(1, text))));
    // The record knows the frames once they are through, and reading it settles them.
    while ((await get<{ received: number }>(parley, '/v1/acct/gw/sessions/missed')).received < 5);
    const after: string[] = [];
    const again = await connected(parley, { query: queryOf('missed', 3), ready: collecting(after) });
    provider.socket.write(frame(1, '6'));
    await until(again.socket, after, 3);
    expect(after).toEqual(['4', '5', '6']);
    again.socket.close(1000);
    await again.closed;
  });

  it('P5 R-03 a hundred cuts at any place: nothing lost, nothing twice', async () => {
    const frames: string[] = [];
    let [client, provider] = await begin('cuts', frames);
    let sent = 0;
    for (let cut = 0; cut < 100; cut += 1) {
      const more = Array.from({ length: 7 }, () => frame(1, String((sent += 1))));
      provider.socket.write(Buffer.concat(more));
      await until(client.socket, frames, sent - (cut % 7));
      client.socket.removeAllListeners('message');
      const count = frames.length;
      client.socket.terminate();
      client = await connected(parley, { query: queryOf('cuts', count), ready: collecting(frames) });
    }
    await until(client.socket, frames, sent);
    expect(frames).toEqual(Array.from({ length: sent }, (_, index) => String(index + 1)));
    client.socket.close(1000);
    await client.closed;
  });

  it('P5 R-03 never a silent hole: a count that is ahead, and a frame that is not kept any more, are refused', async () => {
    const nothing = await refused(parley, { query: queryOf('never-was', 5) });
    expect([nothing.status, nothing.body.includes('resume_ahead')]).toEqual([409, true]);
    const frames: string[] = [];
    const [client, provider] = await begin('window', frames);
    const ahead = await refused(parley, { query: queryOf('window', 1) });
    expect([ahead.status, ahead.body.includes('resume_ahead')]).toEqual([409, true]);
    const big = 'x'.repeat(60_000);
    for (let n = 0; n < 160; n += 1) provider.socket.write(frame(1, big));
    await until(client.socket, frames, 160);
    const passed = await refused(parley, { query: queryOf('window', 0) });
    expect([passed.status, passed.body.includes('resume_passed')]).toEqual([409, true]);
    // Who can be told of the gap gets in with it, and with what is kept after it.
    const told: string[] = [];
    const again = await connected(parley, {
      query: `${queryOf('window', 1)}&parley-control=1`,
      ready: collecting(told),
    });
    await until(again.socket, told, 3);
    const [joined, gap] = told.slice(0, 2).map((text): Record<string, unknown> => JSON.parse(text));
    expect(gap).toEqual({
      type: 'parley.session.gap',
      reason: 'not_kept',
      from: 2,
      to: joined?.['received'],
    });
    await until(again.socket, told, 2 + 160 - Number(joined?.['received']));
    provider.socket.write(frame(1, 'next'));
    await until(again.socket, told, 2 + 161 - Number(joined?.['received']));
    expect(told.at(-1)).toBe('next');
    again.socket.close(1000);
    await again.closed;
    client.socket.close(1000);
    await client.closed;
  });

  it('P5 R-03 a count needs a session of a chosen id', async () => {
    const answer = await refused(parley, { query: 'model=gpt-realtime&parley-after=1' });
    expect([answer.status, answer.body.includes('parley-session')]).toEqual([400, true]);
  });
});
