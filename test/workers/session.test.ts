import { env } from 'cloudflare:workers';
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { directoryObjectName, sessionObjectName } from '../../protocol/connect.ts';
import type { SessionShape } from '../../protocol/rest.ts';
import { asAdmin, call, type Client, open, resultOf, ADMIN } from './parley.ts';

const SIMULATOR = '/v1/acct/gw/simulator?model=sim-support';

const idOf = ({ response }: Client) => response.headers.get('parley-session-id') ?? '';
const objectOf = (id: string) =>
  env.SESSION.getByName(sessionObjectName({ account: 'acct', gateway: 'gw', id }));
const sessionOf = (id: string) => resultOf<SessionShape>(asAdmin(`/v1/acct/gw/sessions/${id}`));

/** Reads frames until one of this type. */
async function until(client: Client, type: string): Promise<Record<string, unknown>> {
  for (;;) {
    const frame: Record<string, unknown> = JSON.parse(await client.next());
    if (frame['type'] === type) return frame;
  }
}

async function textTurn(client: Client, text: string): Promise<void> {
  const content = [{ type: 'input_text', text }];
  client.socket.send(
    JSON.stringify({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } }),
  );
  client.socket.send(JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } }));
  await until(client, 'response.done');
}

describe('P3 a session, end to end in workerd', () => {
  it('P3 is relayed, recorded, metered and read back', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    await textTurn(client, 'Say hi');
    client.socket.close(1000, 'done');
    await client.closed;
    const session = await sessionOf(idOf(client));
    expect(session).toMatchObject({
      status: 'ended',
      ended_reason: 'client_closed',
      closed_by: 'client',
      close_code: 1000,
      provider: 'simulator',
      simulated: true,
      turns: [{ outcome: 'completed', output: 'text' }],
      usage: { response: { reports: 1 }, complete: true },
    });
    const events = await asAdmin(`/v1/acct/gw/sessions/${idOf(client)}/events`, {
      headers: { accept: 'application/x-ndjson' },
    });
    const lines = (await events.text())
      .trim()
      .split('\n')
      .map((line): { seq: number; type: string } => JSON.parse(line));
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
    expect(lines[0]?.type).toBe('session.created');
    expect(lines).toHaveLength(session.frames.up + session.frames.down);
    const list = await resultOf<{ id: string }[]>(asAdmin('/v1/acct/gw/sessions?status=ended'));
    expect(list.map(({ id }) => id)).toContain(idOf(client));
  });

  it('P3 a session is read, ended and deleted from its first moment on', async () => {
    const [read, ended, deleted] = await Promise.all([open(SIMULATOR), open(SIMULATOR), open(SIMULATOR)]);
    expect((await sessionOf(idOf(read))).status).toBe('live');
    await asAdmin(`/v1/acct/gw/sessions/${idOf(ended)}/end`, { method: 'POST' });
    expect((await sessionOf(idOf(ended))).ended_reason).toBe('ended_by_request');
    const answer = await resultOf<{ deleted: boolean }>(
      asAdmin(`/v1/acct/gw/sessions/${idOf(deleted)}`, { method: 'DELETE' }),
    );
    expect(answer.deleted).toBe(true);
    expect((await asAdmin(`/v1/acct/gw/sessions/${idOf(deleted)}`)).status).toBe(404);
    read.socket.close(1000);
    await Promise.all([read.closed, ended.closed, deleted.closed]);
  });

  it('P3 a page continues where the one before ended', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    await textTurn(client, 'one two three');
    const path = `/v1/acct/gw/sessions/${idOf(client)}/events`;
    const seqs: number[] = [];
    for (let cursor: string | null = '0'; cursor !== null;) {
      const page: { result: { seq: number }[]; result_info: { cursor: string | null } } = await (
        await asAdmin(`${path}?limit=3&after=${cursor}`)
      ).json();
      seqs.push(...page.result.map(({ seq }) => seq));
      cursor = page.result_info.cursor;
    }
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(seqs.length).toBeGreaterThan(6);
    client.socket.close();
    await client.closed;
  });

  it('P3 a live session that is read shows the sums of now, whatever the log mode', async () => {
    for (const headers of [{}, { 'cf-aig-collect-log': 'false' }]) {
      const client = await open(SIMULATOR, headers);
      await until(client, 'session.created');
      expect((await sessionOf(idOf(client))).frames).toMatchObject({ up: 0, down: 1 });
      client.socket.send('{"type":"input_audio_buffer.clear"}');
      await until(client, 'input_audio_buffer.cleared');
      expect((await sessionOf(idOf(client))).frames).toMatchObject({ up: 1, down: 2 });
      client.socket.close(1000);
      await client.closed;
    }
  });

  it('P3 log modes: metadata keeps lengths, none keeps no frame', async () => {
    const modes = { 'cf-aig-collect-log-payload': 'metadata', 'cf-aig-collect-log': 'none' } as const;
    for (const [header, mode] of Object.entries(modes)) {
      const client = await open(SIMULATOR, { [header]: 'false' });
      await until(client, 'session.created');
      client.socket.close(1000);
      await client.closed;
      const session = await sessionOf(idOf(client));
      expect([session.log, session.frames.down]).toEqual([mode, 1]);
      const { result }: { result: object[] } = await (
        await asAdmin(`/v1/acct/gw/sessions/${idOf(client)}/events`)
      ).json();
      expect(result).toEqual(mode === 'none' ? [] : [expect.objectContaining({ seq: 1, omitted: true })]);
    }
  });

  it('P3 ending and deleting a live session', async () => {
    const ended = await open(SIMULATOR);
    await until(ended, 'session.created');
    await asAdmin(`/v1/acct/gw/sessions/${idOf(ended)}/end`, { method: 'POST' });
    expect((await ended.closed).code).toBe(4410);
    expect((await sessionOf(idOf(ended))).ended_reason).toBe('ended_by_request');
    const deleted = await open(SIMULATOR);
    await until(deleted, 'session.created');
    await asAdmin(`/v1/acct/gw/sessions/${idOf(deleted)}`, { method: 'DELETE' });
    expect((await deleted.closed).code).toBe(4410);
    expect((await asAdmin(`/v1/acct/gw/sessions/${idOf(deleted)}`)).status).toBe(404);
    expect((await asAdmin(`/v1/acct/gw/sessions/${idOf(deleted)}`, { method: 'DELETE' })).status).toBe(200);
  });
});

describe('P9 a deletion that is cut off', () => {
  it('P9 is completed by the next one: nothing of the session is listed any more', async () => {
    const client = await open(SIMULATOR, { 'cf-aig-metadata': '{"case":"cut-off"}' });
    const id = idOf(client);
    await asAdmin(`/v1/acct/gw/sessions/${id}/end`, { method: 'POST' });
    await client.closed;
    const listed = () => resultOf<{ id: string }[]>(asAdmin('/v1/acct/gw/sessions?metadata.case=cut-off'));
    expect(await listed()).toMatchObject([{ id }]);
    const directory = env.DIRECTORY.getByName(directoryObjectName('acct', 'gw'));
    const rename = (from: string, to: string) =>
      runInDurableObject(directory, (_, state) => {
        state.storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
      });
    const remove = () => asAdmin(`/v1/acct/gw/sessions/${id}`, { method: 'DELETE' });
    await rename('session', 'out_of_reach');
    expect((await remove()).status).toBe(500);
    await rename('out_of_reach', 'session');
    expect((await remove()).status).toBe(200);
    expect(await listed()).toEqual([]);
    expect((await asAdmin(`/v1/acct/gw/sessions/${id}`)).status).toBe(404);
  });
});

describe('P7 one session, one upstream', () => {
  it('P7 however many join at once, one is dialled', async () => {
    const path = `${SIMULATOR}&parley-session=${crypto.randomUUID()}`;
    const clients = await Promise.all(Array.from({ length: 20 }, () => open(path)));
    const [first] = clients;
    if (first === undefined) throw new Error('no client');
    first.socket.send('{"type":"input_audio_buffer.clear"}');
    const answers = await Promise.all(clients.map((client) => until(client, 'input_audio_buffer.cleared')));
    expect(new Set(answers.map((answer) => answer['event_id'])).size).toBe(1);
    const session = await sessionOf(idOf(first));
    expect(session.clients).toHaveLength(20);
    expect(session.frames.down).toBe(2);
    await asAdmin(`/v1/acct/gw/sessions/${idOf(first)}/end`, { method: 'POST' });
  });

  it('P7 a plain session whose last client has left cannot be joined while its usage is waited for', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    client.socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
    await until(client, 'response.created');
    client.socket.close(1000);
    await client.closed;
    const headers = { upgrade: 'websocket', 'cf-aig-authorization': ADMIN };
    const late = await call(`${SIMULATOR}&parley-session=${idOf(client)}`, { headers });
    expect(late.status).toBe(409);
  });

  it('P7 a session that has ended cannot be joined; one of another provider neither', async () => {
    const id = crypto.randomUUID();
    const client = await open(`${SIMULATOR}&parley-session=${id}`);
    const headers = { upgrade: 'websocket', 'cf-aig-authorization': ADMIN };
    const other = await call(`/v1/acct/gw/openai?model=sim-support&parley-session=${id}`, { headers });
    expect(other.status).toBe(409);
    await asAdmin(`/v1/acct/gw/sessions/${id}/end`, { method: 'POST' });
    await client.closed;
    expect((await call(`${SIMULATOR}&parley-session=${id}`, { headers })).status).toBe(409);
  });
});

describe('P7 a name that is used again', () => {
  it('P7 a late client of the session that was deleted takes nobody out of the one after it', async () => {
    const path = `${SIMULATOR}&parley-session=${crypto.randomUUID()}`;
    const answer = await call(path, {
      headers: { upgrade: 'websocket', 'cf-aig-authorization': ADMIN },
    });
    // Half-open: it hears our Close, and answers when it likes.
    answer.webSocket?.accept({ allowHalfOpen: true });
    const id = answer.headers.get('parley-session-id') ?? '';
    await asAdmin(`/v1/acct/gw/sessions/${id}`, { method: 'DELETE' });

    const next = await open(path);
    await until(next, 'session.created');
    answer.webSocket?.close(1000);
    // A turn of the object, in which it hears of that.
    await objectOf(id).heartbeat();
    next.socket.send('{"type":"input_audio_buffer.clear"}');
    await until(next, 'input_audio_buffer.cleared');
    expect((await sessionOf(id)).clients).toMatchObject([{ id: 'c1', left_at: null }]);
    await asAdmin(`/v1/acct/gw/sessions/${id}/end`, { method: 'POST' });
    const list = await resultOf<{ id: string }[]>(asAdmin('/v1/acct/gw/sessions?status=ended'));
    expect(list.map((session) => session.id)).toContain(id);
  });
});

describe('R-07 an object that dies', () => {
  it('R-07 leaves a record that ends once, as interrupted, with a gap', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    await sessionOf(idOf(client));
    const stub = objectOf(idOf(client));
    await expect(runInDurableObject(stub, (_, state) => state.abort('crash'))).rejects.toThrow();
    expect((await client.closed).code).toBe(1006);
    const session = await sessionOf(idOf(client));
    expect(session).toMatchObject({
      status: 'ended',
      ended_reason: 'interrupted',
      usage: { complete: false },
    });
    const { result }: { result: { kind: string }[] } = await (
      await asAdmin(`/v1/acct/gw/sessions/${idOf(client)}/events`)
    ).json();
    expect(result.map(({ kind }) => kind)).toEqual(['frame', 'gap']);
  });

  it('P6 an object with nothing to do can be evicted, and its session is still read', async () => {
    const client = await open(SIMULATOR);
    await until(client, 'session.created');
    client.socket.close(1000);
    await client.closed;
    const id = idOf(client);
    expect((await sessionOf(id)).status).toBe('ended');
    await evictDurableObject(objectOf(id));
    expect((await sessionOf(id)).status).toBe('ended');
  });
});
