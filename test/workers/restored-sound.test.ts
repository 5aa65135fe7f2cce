import { env } from 'cloudflare:workers';
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';
import { sessionObjectName } from '../../protocol/connect.ts';
import { encodeBase64 } from '../../simulators/base64.ts';
import { asAdmin, type Client, open } from './parley.ts';

const GATEWAY = '/v1/acct/sound';
const recorderOf = (id: string) =>
  env.RECORDER.getByName(sessionObjectName({ account: 'acct', gateway: 'sound', id }));
const sessionObjectOf = (id: string) =>
  env.SESSION.getByName(sessionObjectName({ account: 'acct', gateway: 'sound', id }));

interface Frame {
  readonly type: string;
  readonly item_id?: string;
  readonly item?: { readonly content?: readonly { readonly type: string; readonly audio?: string }[] };
}

const say = (client: Client, event: object) => client.socket.send(JSON.stringify(event));

async function next(client: Client, type: string): Promise<Frame> {
  for (;;) {
    const frame: Frame = JSON.parse(await client.next());
    if (frame.type === type) return frame;
  }
}

async function isKeptAtRest(id: string): Promise<boolean> {
  const body = await runInDurableObject(recorderOf(id), (_object, { storage }) => {
    const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'checkpoint'").toArray();
    return tables.length === 0
      ? undefined
      : storage.sql.exec('SELECT body FROM checkpoint').toArray()[0]?.['body'];
  });
  const kept = typeof body === 'string' ? (JSON.parse(body) as { resting: boolean }) : undefined;
  return kept?.resting === true;
}

/** What the provider of now has of an item that was committed before a rest and the loss of the session's object. */
async function contentAfterRest(id: string, audio: string): Promise<unknown> {
  const client = await open(
    `${GATEWAY}/simulator?model=sim-support&speed=50&latency_ms=0&parley-session=${id}&parley-idle=1`,
  );
  await next(client, 'session.created');
  say(client, {
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { turn_detection: null, transcription: null } } },
  });
  say(client, { type: 'input_audio_buffer.append', audio });
  say(client, { type: 'input_audio_buffer.commit' });
  const committed = await next(client, 'input_audio_buffer.committed');
  while (!(await isKeptAtRest(id))) await new Promise((resolve) => setTimeout(resolve, 20));
  await evictDurableObject(sessionObjectOf(id));
  say(client, { type: 'conversation.item.retrieve', item_id: committed.item_id });
  const answer = JSON.parse(await nextOf(client, ['conversation.item.retrieved', 'error'])) as Frame;
  await asAdmin(`${GATEWAY}/sessions/${id}/end`, { method: 'POST' });
  await client.closed;
  return answer.item?.content ?? answer.type;
}

async function nextOf(client: Client, types: readonly string[]): Promise<string> {
  for (;;) {
    const text = await client.next();
    if (types.includes((JSON.parse(text) as Frame).type)) return text;
  }
}

it('P5 by a gateway’s setting, what the user said outlives a rest and the object as sound; without it, it does not', async () => {
  const audio = encodeBase64(Uint8Array.from({ length: 48 * 500 }, (_, n) => n % 251));
  expect(await contentAfterRest('words', audio), 'there were no words').toBe('error');
  const change = JSON.stringify({ restore_audio_kib: 64 });
  expect((await asAdmin(`${GATEWAY}/settings`, { method: 'PATCH', body: change })).status).toBe(200);
  expect(await contentAfterRest('sound', audio)).toMatchObject([{ type: 'input_audio', audio }]);
});

it.each([-1, 513, 1.5])('P10 %s KiB of sound is refused by name', async (kib) => {
  const change = JSON.stringify({ restore_audio_kib: kib });
  const response = await asAdmin(`${GATEWAY}/settings`, { method: 'PATCH', body: change });
  expect([response.status, await response.text()]).toEqual([
    400,
    expect.stringContaining('restore_audio_kib must be a whole number from 0 to 512'),
  ]);
});
