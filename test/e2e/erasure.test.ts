/** A session that is deleted leaves no byte of what was said in it, whether it is over or live. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { type EchoUpstream, wsUpstream } from '../support/echo-upstream.ts';
import { eventually } from '../support/eventually.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, untilEnded } from '../support/rest.ts';
import { secretsByFile } from '../support/secret-search.ts';

const DELTA = 'canary words of a model, said in pieces';
const TRANSCRIPT = 'canary words of a user, said once';

let parley: ParleyProcess;
let upstream: EchoUpstream;
let saying = 0;

beforeAll(async () => {
  // It never stops talking: a live session is deleted in the midst of it.
  upstream = await wsUpstream((socket) => {
    saying += 1;
    const item = `item_${saying}`;
    const timer = setInterval(() => {
      socket.send(JSON.stringify({ type: 'response.output_text.delta', item_id: item, delta: DELTA }));
      socket.send(
        JSON.stringify({
          type: 'conversation.item.input_audio_transcription.completed',
          item_id: item,
          transcript: TRANSCRIPT,
        }),
      );
    }, 2);
    socket.on('close', () => clearInterval(timer));
  });
  parley = await startParley({ env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored' } });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

const onDisk = (): string[] => [
  ...new Set(secretsByFile(parley.dataDir, [DELTA, TRANSCRIPT]).flatMap(([, found]) => found)),
];

async function remove(id: string): Promise<{ status: number; deleted: unknown }> {
  const answer = await fetch(`${parley.http}/v1/acct/gw/sessions/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${parley.token}` },
  });
  const body = (await answer.json()) as { readonly result: { readonly deleted?: boolean } | null }; // as in docs/openapi.json
  return { status: answer.status, deleted: body.result?.deleted };
}

/** A session of which something is on the disk. */
async function spokenTo(): Promise<Awaited<ReturnType<typeof connected>>> {
  const client = await connected(parley);
  let frames = 0;
  await new Promise<void>((resolve) => client.socket.on('message', () => (frames += 1) > 20 && resolve()));
  // A read has the session store first what it holds.
  expect((await eventsOf(parley, 'acct/gw', client.id)).length).toBeGreaterThan(20);
  expect(onDisk().toSorted()).toEqual([DELTA, TRANSCRIPT].toSorted());
  return client;
}

async function untilErased(): Promise<void> {
  await eventually('nothing is on the disk', () => {
    try {
      return onDisk().length === 0 || null;
    } catch {
      // A database cannot be read in the moment in which it is made anew.
      return null;
    }
  });
}

describe('S-17 erasure', () => {
  it('P9 S-17 an ended session: not a byte within a minute, and a second delete changes nothing', async () => {
    const { socket, id } = await spokenTo();
    socket.close();
    await untilEnded(parley, 'acct/gw', id);
    expect(await remove(id)).toEqual({ status: 200, deleted: true });
    await untilErased();
    expect(await remove(id)).toEqual({ status: 200, deleted: false });
  });

  it('P9 S-17 F-37 a live one: its sockets are closed, and what came after is not stored either', async () => {
    const { id, closed } = await spokenTo();
    expect(await remove(id)).toEqual({ status: 200, deleted: true });
    expect((await closed).code).toBe(4410);
    await untilErased();
    const answer = await fetch(`${parley.http}/v1/acct/gw/sessions/${id}`, {
      headers: { authorization: `Bearer ${parley.token}` },
    });
    expect(answer.status).toBe(404);
  });

  it('P9 S-17 F-38 while it is read: the reader ends, and nothing stays', async () => {
    const { id } = await spokenTo();
    const reads = Array.from({ length: 5 }, () =>
      fetch(`${parley.http}/v1/acct/gw/sessions/${id}/events`, {
        headers: { authorization: `Bearer ${parley.token}`, accept: 'application/x-ndjson' },
      }).then(
        async (answer) => {
          await answer.text().catch(() => '');
          return answer.status;
        },
        // Cut like the text above, but before its first byte: the head had not gone out yet.
        () => 'cut' as const,
      ),
    );
    await remove(id);
    for (const end of await Promise.all(reads)) expect([200, 404, 'cut']).toContain(end);
    await untilErased();
    expect(await remove(id)).toEqual({ status: 200, deleted: false });
  });
});
