/** Sessions that outlive the process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connected } from '../support/client.ts';
import { startParley } from '../support/parley-process.ts';
import { sessionOf, untilEnded, untilLogged } from '../support/rest.ts';

const dataDir = mkdtempSync(`${tmpdir()}/parley-restart-`);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

type Frame = {
  readonly type: string;
  readonly item?: { readonly content?: readonly { readonly text?: string }[] };
};

/** Frames of the provider, in the order in which they came. */
function reading() {
  const frames: Frame[] = [];
  let look: () => void = () => undefined;
  const ready = (socket: WebSocket): void => {
    socket.on('message', (data: Buffer) => {
      frames.push(JSON.parse(data.toString()) as Frame); // the simulator's
      look();
    });
  };
  const until = (isIt: (frame: Frame) => boolean): Promise<Frame> =>
    new Promise((resolve) => {
      look = () => {
        const found = frames.find(isIt);
        if (found !== undefined) resolve(found);
      };
      look();
    });
  return { frames, ready, until };
}

const queryOf = (session: string, more = '') =>
  `model=sim-support&speed=50&latency_ms=0&parley-session=${session}${more}`;
const content = [{ type: 'input_text', text: 'remember the word heron' }];
const ITEM = {
  type: 'conversation.item.create',
  item: { id: 'item_1', type: 'message', role: 'user', content },
};
const RETRIEVE = JSON.stringify({ type: 'conversation.item.retrieve', item_id: 'item_1' });

describe('P5 a restart', () => {
  it.each([
    ['SIGTERM', 'drained', 1012, '1'],
    ['kill -9', 'killed', 1006, '2'],
  ])('P5 by %s: who comes back finds the conversation', async (how, session, code, epoch) => {
    const parley = await startParley({ dataDir });
    const before = reading();
    const client = await connected(parley, {
      provider: 'simulator',
      query: queryOf(session),
      ready: before.ready,
    });
    client.socket.send(JSON.stringify(ITEM));
    await before.until(({ type }) => type === 'conversation.item.done');
    client.socket.send(RETRIEVE);
    await before.until(({ type }) => type === 'conversation.item.retrieved');
    if (how === 'SIGTERM') {
      await parley.stop();
    } else {
      // What was in memory only is lost with it: the log is flushed within a second.
      await untilLogged(parley, 'acct/gw', session, RETRIEVE);
      await parley.kill();
    }
    expect((await client.closed).code).toBe(code);
    const again = await startParley({ dataDir });
    // What was stored before a planned end is all that there was.
    const isKept = how === 'SIGTERM';
    expect((await sessionOf(again, 'acct/gw', session)).usage.complete).toBe(isKept);
    const after = reading();
    const back = await connected(again, {
      provider: 'simulator',
      query: queryOf(session, `&parley-after=${before.frames.length}`),
      ready: after.ready,
    });
    expect([back.headers['parley-received'], back.headers['parley-epoch']]).toEqual([
      String(before.frames.length),
      epoch,
    ]);
    back.socket.send(RETRIEVE);
    const found = await after.until(({ type }) => type === 'conversation.item.retrieved');
    expect(found.item?.content?.[0]?.text).toBe('remember the word heron');
    expect(after.frames.map(({ type }) => type)).not.toContain('session.created');
    await fetch(`${again.http}/v1/acct/gw/sessions/${session}/end`, {
      method: 'POST',
      headers: { authorization: `Bearer ${again.token}` },
    });
    await back.closed;
    expect(await untilEnded(again, 'acct/gw', session)).toMatchObject({
      ended_reason: 'ended_by_request',
      usage: { complete: isKept },
    });
    await again.stop();
  });
});
