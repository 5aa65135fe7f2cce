/** The digest of a session's log, by workerd's own SHA-256. */
import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { sessionObjectName } from '../../protocol/connect.ts';
import { type DigestShape, digestHead } from '../../protocol/log-digest.ts';
import type { LoggedEvent } from '../../storage/events.ts';
import { asAdmin, type Client, errorOf, open, resultOf } from './parley.ts';

const SIMULATOR = '/v1/acct/gw/simulator?model=gpt-realtime&speed=50';
/** Over more than one segment, and over more than one slice of the hash. */
const LONG = 'é'.repeat(900_000);

const idOf = (client: Client): string => client.response.headers.get('parley-session-id') ?? '';
const pathOf = (client: Client): string => `/v1/acct/gw/sessions/${idOf(client)}`;
const digestOf = (client: Client) => resultOf<DigestShape>(asAdmin(`${pathOf(client)}/digest`));
const recorderOf = (client: Client) =>
  env.RECORDER.getByName(sessionObjectName({ account: 'acct', gateway: 'gw', id: idOf(client) }));

/** From the events alone. */
async function recomputed(client: Client, query = ''): Promise<{ digest: string; frames: number }> {
  const text = await (await asAdmin(`${pathOf(client)}/events.ndjson?payload=base64${query}`)).text();
  const pieces: Uint8Array[] = [];
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const event: LoggedEvent = JSON.parse(line);
    if (event.kind !== 'frame') continue;
    pieces.push(new TextEncoder().encode(digestHead(event)), Uint8Array.fromBase64(event.base64 ?? ''));
  }
  const hash = await crypto.subtle.digest('SHA-256', await new Blob(pieces).arrayBuffer());
  return { digest: new Uint8Array(hash).toHex(), frames: pieces.length / 2 };
}

async function until(client: Client, type: string): Promise<void> {
  while ((JSON.parse(await client.next()) as { type: string }).type !== type); // a frame of the simulator
}

async function talked(headers: Record<string, string> = {}): Promise<Client> {
  const client = await open(SIMULATOR, headers);
  await until(client, 'session.created');
  const content = [{ type: 'input_text', text: LONG }];
  const item = { type: 'message', role: 'user', content };
  client.socket.send(JSON.stringify({ type: 'conversation.item.create', item }));
  client.socket.send(JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } }));
  await until(client, 'rate_limits.updated');
  return client;
}

async function ended(client: Client): Promise<Client> {
  await asAdmin(`${pathOf(client)}/end`, { method: 'POST' });
  await client.closed;
  return client;
}

describe('R-08 GET …/digest', () => {
  it('R-08 is what anyone computes from the events, of a session that lives and of one that is over', async () => {
    const client = await talked();
    const soFar = await digestOf(client);
    expect(await recomputed(client, `&before=${soFar.last_seq + 1}`)).toEqual({
      digest: soFar.digest,
      frames: soFar.frames,
    });
    expect([soFar.complete, soFar.last_seq]).toEqual([true, soFar.frames]);
    client.socket.send('{"type":"input_audio_buffer.clear"}');
    await until(client, 'input_audio_buffer.cleared');
    await ended(client);
    const digest = await digestOf(client);
    expect(await recomputed(client)).toEqual({ digest: digest.digest, frames: digest.frames });
    expect(digest).toMatchObject({
      complete: true,
      missing: 0,
      frames: soFar.frames + 2,
      last_seq: soFar.last_seq + 2,
    });
    expect(digest.bytes).toBeGreaterThan(LONG.length);
    expect(digest.digest).not.toBe(soFar.digest);
  });

  it('T-22 one bit that was changed on the disk changes it', async () => {
    const client = await ended(await talked());
    const before = await digestOf(client);
    await runInDurableObject(recorderOf(client), (_object, { storage: { sql } }) => {
      const [row] = [...sql.exec("SELECT number, data FROM segment WHERE codec = 'raw' ORDER BY number")];
      const data = new Uint8Array(row?.['data'] as ArrayBuffer); // a blob, as the schema has it
      const last = data.length - 1;
      data[last] = (data[last] ?? 0) ^ 1;
      sql.exec('UPDATE segment SET data = ? WHERE number = ?', data, row?.['number']);
    });
    const after = await digestOf(client);
    expect(after.digest).not.toBe(before.digest);
    expect({ ...after, digest: '' }).toEqual({ ...before, digest: '' });
  });

  it.each([
    ['cf-aig-collect-log-payload', { missing: 0, bytes: 0 }],
    ['cf-aig-collect-log', { frames: 0, omitted: 0, last_seq: 0 }],
  ])('R-08 is of less where %s is false, and says of how much', async (header, expected) => {
    const client = await ended(await talked({ [header]: 'false' }));
    const digest = await digestOf(client);
    expect(digest).toMatchObject({ complete: false, ...expected });
    expect((digest.missing ?? 0) + digest.omitted).toBeGreaterThan(2);
    expect((await recomputed(client)).digest).toBe(digest.digest);
  });

  it('R-08 there is none of a session that never was, or was deleted', async () => {
    const client = await ended(await talked());
    await asAdmin(pathOf(client), { method: 'DELETE' });
    for (const path of [pathOf(client), '/v1/acct/gw/sessions/none']) {
      const response = await asAdmin(`${path}/digest`);
      expect([response.status, await errorOf(response)]).toEqual([404, 'session_not_found']);
    }
  });
});
