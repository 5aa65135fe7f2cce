import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { sessionObjectName } from '../../protocol/connect.ts';
import type { SessionShape } from '../../protocol/rest.ts';
import { ADMIN, asAdmin, call, type Client, listen, open, resultOf } from './parley.ts';

const SIMULATOR = '/v1/acct/gw/simulator?model=sim-support&speed=50&latency_ms=0';
const CONTROL = { 'sec-websocket-protocol': 'parley.v1' };
const idOf = ({ response }: Client) => response.headers.get('parley-session-id') ?? '';
const nameOf = (id: string) => sessionObjectName({ account: 'acct', gateway: 'gw', id });
const sessionOf = (id: string) => resultOf<SessionShape>(asAdmin(`/v1/acct/gw/sessions/${id}`));

/** Reads frames until one of this type, and returns all of them. */
async function until(client: Client, type: string): Promise<Record<string, unknown>[]> {
  const frames: Record<string, unknown>[] = [];
  for (;;) {
    const frame: Record<string, unknown> = JSON.parse(await client.next());
    frames.push(frame);
    if (frame['type'] === type) return frames;
  }
}

const say = (client: Client, event: object) => client.socket.send(JSON.stringify(event));

async function textTurn(client: Client, id: string, text: string): Promise<Record<string, unknown>[]> {
  const content = [{ type: 'input_text', text }];
  say(client, { type: 'conversation.item.create', item: { id, type: 'message', role: 'user', content } });
  say(client, { type: 'response.create', response: { output_modalities: ['text'] } });
  return until(client, 'response.done');
}

/** The text of a user's item, as the upstream of now has it. */
async function retrieved(client: Client, id: string): Promise<unknown> {
  say(client, { type: 'conversation.item.retrieve', item_id: id });
  const frame = (await until(client, 'conversation.item.retrieved')).at(-1) as {
    item?: { content?: { text?: string }[] };
  };
  return frame.item?.content?.[0]?.text;
}

interface StoredCheckpoint {
  readonly resting: boolean;
}

/** Waits until what the recorder keeps of a session is as wanted. */
async function keptAs(id: string, isWanted: (kept: StoredCheckpoint) => boolean): Promise<void> {
  for (;;) {
    const body = await runInDurableObject(env.RECORDER.getByName(nameOf(id)), (_object, { storage }) => {
      const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'checkpoint'").toArray();
      return tables.length === 0
        ? undefined
        : storage.sql.exec('SELECT body FROM checkpoint').toArray()[0]?.['body'];
    });
    if (typeof body === 'string' && isWanted(JSON.parse(body) as StoredCheckpoint)) return;
    await moment();
  }
}

/** The object of a session is gone, and its sockets with it. An eviction would wait for the upstream's end. */
async function lose(id: string): Promise<void> {
  const stub = env.SESSION.getByName(nameOf(id));
  await expect(runInDurableObject(stub, (_object, state) => state.abort('lost'))).rejects.toThrow();
}

const UPGRADE = { upgrade: 'websocket', 'cf-aig-authorization': `Bearer ${ADMIN}` };

/** A turn for the timers of others. */
function moment(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
}

describe('P5 P6 a session that rests', () => {
  it('P5 P6 lets go of its upstream and of its object, and wakes with the conversation at the next frame', async () => {
    const client = await open(`${SIMULATOR}&parley-idle=1`);
    await until(client, 'session.created');
    await textTurn(client, 'item_first', 'remember the word heron');
    await keptAs(idOf(client), ({ resting }) => resting);
    await evictDurableObject(env.SESSION.getByName(nameOf(idOf(client))));
    expect(await retrieved(client, 'item_first')).toBe('remember the word heron');
    const turn = await textTurn(client, 'item_second', 'and again');
    expect(turn.map(({ type }) => type)).not.toContain('session.created');
    client.socket.close(1000);
    await client.closed;
    const session = await sessionOf(idOf(client));
    expect(session).toMatchObject({ ended_reason: 'client_closed', usage: { response: { reports: 2 } } });
    expect(session.turns).toHaveLength(2);
  });

  it('P5 who comes back after the rest gets from the log what memory has no more', async () => {
    const path = `${SIMULATOR}&parley-session=logged&parley-idle=1`;
    const client = await open(path);
    const before = [
      ...(await until(client, 'session.created')),
      ...(await textTurn(client, 'item_1', 'one')),
      ...(await until(client, 'rate_limits.updated')),
    ];
    await keptAs('logged', ({ resting }) => resting);
    await evictDurableObject(env.SESSION.getByName(nameOf('logged')));
    const back = await open(`${path}&parley-after=2`);
    const again = await Promise.all(before.slice(2).map(() => back.next()));
    expect(again.map((text): unknown => JSON.parse(text))).toEqual(before.slice(2));
    expect(await retrieved(back, 'item_1')).toBe('one');
    await asAdmin('/v1/acct/gw/sessions/logged/end', { method: 'POST' });
    await Promise.all([client.closed, back.closed]);
  });

  it('P9 what is kept of a session on disk holds no credential, however it was offered', async () => {
    const response = await call(`${SIMULATOR}&parley-session=kept-without-keys&parley-idle=1`, {
      headers: { upgrade: 'websocket', 'sec-websocket-protocol': `cf-aig-authorization.${ADMIN}` },
    });
    if (response.webSocket === null) throw new Error(`refused: ${response.status}`);
    const client = { response, ...listen(response.webSocket) };
    await until(client, 'session.created');
    let kept = '';
    await keptAs('kept-without-keys', (checkpoint) => {
      kept = JSON.stringify(checkpoint);
      return checkpoint.resting;
    });
    expect(kept).toContain('kept-without-keys');
    expect(kept).not.toContain(ADMIN);
    await asAdmin('/v1/acct/gw/sessions/kept-without-keys/end', { method: 'POST' });
    await client.closed;
  });

  it('P3 P8 numbers and sums go on where they were', async () => {
    const client = await open(`${SIMULATOR}&parley-idle=1`);
    await until(client, 'session.created');
    const before = await textTurn(client, 'item_first', 'one');
    await keptAs(idOf(client), ({ resting }) => resting);
    await evictDurableObject(env.SESSION.getByName(nameOf(idOf(client))));
    const after = await textTurn(client, 'item_second', 'two');
    client.socket.close(1000);
    await client.closed;
    const session = await sessionOf(idOf(client));
    expect(session.frames.down).toBeGreaterThanOrEqual(1 + before.length + after.length);
    const events = await asAdmin(`/v1/acct/gw/sessions/${idOf(client)}/events`, {
      headers: { accept: 'application/x-ndjson' },
    });
    const lines = (await events.text())
      .trim()
      .split('\n')
      .map((line): { seq: number; kind: string } => JSON.parse(line));
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
    expect(lines).toHaveLength(session.frames.up + session.frames.down);
  });
});

describe('P5 an upstream that is lost', () => {
  it('P5 is dialled again: the open response is ended for its clients, and the conversation goes on', async () => {
    const client = await open(`${SIMULATOR}&faults=close_1011`);
    await until(client, 'session.created');
    const broken = await textTurn(client, 'item_first', 'remember the word heron');
    expect(broken.at(-1)).toMatchObject({ response: { status: 'failed' } });
    expect(await retrieved(client, 'item_first')).toBe('remember the word heron');
    client.socket.close(1000);
    await client.closed;
    expect(await sessionOf(idOf(client))).toMatchObject({ ended_reason: 'client_closed' });
  });
});

describe('P5 an upstream that nears its end', () => {
  it('P5 is replaced before, and its client notices nothing', async () => {
    // Half of its life is for the turn and a quarter for the rest: long for either, also where the machine is busy.
    const path = `${SIMULATOR}&faults=session_expired_after=6&parley-session=replaced`;
    const client = await open(path);
    const watcher = await open(`${path}&parley-role=observer`, CONTROL);
    await until(client, 'session.created');
    await textTurn(client, 'item_first', 'remember the word heron');
    await until(client, 'rate_limits.updated');
    const seen: unknown[] = [];
    const retrieve = async () => {
      say(client, { type: 'conversation.item.retrieve', item_id: 'item_first' });
      seen.push(...(await until(client, 'conversation.item.retrieved')).map(({ type }) => type));
    };
    const phases: unknown[] = [];
    const watched = (async () => {
      for (let phase: unknown = null; phase !== 'live';) {
        const told = (await until(watcher, 'parley.session.phase')).at(-1);
        phase = told?.['phase'];
        phases.push([phase, told?.['after']]);
      }
    })();
    while (phases.length < 2) {
      await retrieve();
      await moment();
    }
    await watched;
    expect(phases).toEqual([
      ['moving', null],
      ['live', 'rollover'],
    ]);
    await retrieve();
    expect(new Set(seen)).toEqual(new Set(['conversation.item.retrieved']));
    await asAdmin('/v1/acct/gw/sessions/replaced/end', { method: 'POST' });
    await Promise.all([client.closed, watcher.closed]);
    expect(await sessionOf('replaced')).toMatchObject({ ended_reason: 'ended_by_request', errors: 0 });
  });
});

describe('P5 the control channel', () => {
  it('P5 tells who asked where its count begins, and what becomes of the upstream; nobody else', async () => {
    const client = await open(`${SIMULATOR}&faults=close_1011&parley-session=told`, CONTROL);
    expect(client.response.headers.get('sec-websocket-protocol')).toBe('parley.v1');
    const plain = await open(`${SIMULATOR}&parley-session=told`);
    const joined: unknown = JSON.parse(await client.next());
    expect(joined).toEqual({
      type: 'parley.session.joined',
      session: 'told',
      client: 'c1',
      role: 'controller',
      phase: 'live',
      name: null,
      received: 0,
      epoch: 1,
      clients: [{ client: 'c1', name: null, role: 'controller' }],
      floor: { mode: 'open', holder: null, waiting: [] },
      limits: { clients: 256, frame_bytes: 33_554_432, control_message_bytes: 65_536 },
    });
    const turn = await textTurn(client, 'item_first', 'hello');
    expect(turn.filter(({ type }) => type === 'parley.session.phase')).toEqual([
      { type: 'parley.session.phase', phase: 'restoring', after: 'upstream_lost' },
    ]);
    const seen = await until(plain, 'response.done');
    expect(seen.filter(({ type }) => String(type).startsWith('parley.'))).toEqual([]);
    client.socket.send('{"type":"parley.no.such.thing"}');
    const answer = (await until(client, 'parley.error')).at(-1);
    expect(answer).toMatchObject({ code: 'control_unknown' });
    await asAdmin('/v1/acct/gw/sessions/told/end', { method: 'POST' });
    await Promise.all([client.closed, plain.closed]);
  });

  it('P5 a client that comes back under its own name takes the place of its old socket', async () => {
    const path = `${SIMULATOR}&parley-session=named&parley-client=tablet`;
    const old = await open(path);
    await until(old, 'session.created');
    const again = await open(`${path}&parley-after=1`, CONTROL);
    expect((await old.closed).code).toBe(4409);
    expect(JSON.parse(await again.next())).toMatchObject({ client: 'c2', received: 1 });
    expect((await textTurn(again, 'item_first', 'hello')).length).toBeGreaterThan(3);
    await asAdmin('/v1/acct/gw/sessions/named/end', { method: 'POST' });
    await again.closed;
  });

  it('P5 P10 … also in a session that is full', async () => {
    await asAdmin('/v1/acct/small/settings', { method: 'PATCH', body: JSON.stringify({ max_clients: 1 }) });
    const path = `${SIMULATOR.replace('/gw/', '/small/')}&parley-session=full`;
    const old = await open(`${path}&parley-client=tablet`);
    await until(old, 'session.created');
    expect((await call(`${path}&parley-client=phone`, { headers: UPGRADE })).status).toBe(429);
    const again = await open(`${path}&parley-client=tablet&parley-after=1`);
    expect((await old.closed).code).toBe(4409);
    await asAdmin('/v1/acct/small/sessions/full/end', { method: 'POST' });
    await again.closed;
  });
});

describe('P5 P6 the alarm of the record', () => {
  it('P5 ends a session whose object is lost once its grace time is over, and not before', async () => {
    const path = `${SIMULATOR}&parley-session=abandoned&parley-grace=60`;
    const client = await open(path);
    await until(client, 'session.created');
    await keptAs('abandoned', () => true);
    await lose('abandoned');
    const recorder = env.RECORDER.getByName(nameOf('abandoned'));
    await runDurableObjectAlarm(recorder);
    expect(await sessionOf('abandoned')).toMatchObject({ status: 'live' });
    const due = await runInDurableObject(recorder, (_object, { storage }) => storage.getAlarm());
    expect(due).toBeGreaterThan(Date.now() + 30_000);
    expect(due).toBeLessThanOrEqual(Date.now() + 60_000);
    // A minute later.
    await runInDurableObject(recorder, (_object, { storage }) => {
      storage.sql.exec('UPDATE checkpoint SET lost_at = lost_at - 60000');
    });
    await runDurableObjectAlarm(recorder);
    expect(await sessionOf('abandoned')).toMatchObject({ status: 'ended', ended_reason: 'interrupted' });
    expect((await call(`${path}&parley-after=1`, { headers: UPGRADE })).status).toBe(409);
  });

  it('P5 is not put off by checkpoints that keep coming, is for a rest, and is brought forward by what wakes', async () => {
    const stub = env.RECORDER.getByName(nameOf('watched'));
    const alarm = () => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
    const snapshot = JSON.stringify({ counters: { seq: 0, record: 0, segment: 0, received: 0 } });
    const checkpoint = (resting: boolean) =>
      stub.write({
        opening: null,
        batch: null,
        ending: null,
        checkpoint: {
          plan: '{}',
          snapshot,
          resting,
          final: false,
          graceMs: 0,
          endsAt: Date.now() + 86_400_000,
        },
      });
    const about = { provider: 'openai', model: null, simulated: false, credentialSource: 'none' } as const;
    const opening = {
      address: { account: 'acct', gateway: 'gw', id: 'watched' },
      ...about,
      log: 'full',
      metadata: {},
      eventId: null,
      traceParent: null,
      startedAt: Date.now(),
    } as const;
    await stub.write({ opening, batch: null, ending: null, checkpoint: null });
    const first = await alarm();
    await moment();
    await checkpoint(false);
    expect(await alarm()).toBe(first);
    await checkpoint(true);
    expect(await alarm()).toBeGreaterThan((first ?? 0) + 800_000);
    await checkpoint(false);
    expect(await alarm()).toBeLessThan((first ?? 0) + 60_000);
    await stub.erase();
  });
});
