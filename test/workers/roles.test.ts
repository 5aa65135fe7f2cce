import { env } from 'cloudflare:workers';
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { sessionObjectName } from '../../protocol/connect.ts';
import type { SessionShape } from '../../protocol/rest.ts';
import { asAdmin, call, type Client, open, resultOf } from './parley.ts';

const SIMULATOR = '/v1/acct/gw/simulator?model=sim-support&speed=50&latency_ms=0';
const CONTROL = { 'sec-websocket-protocol': 'parley.v1' };
const nameOf = (id: string) => sessionObjectName({ account: 'acct', gateway: 'gw', id });
const UPDATE = { type: 'session.update', session: { type: 'realtime', instructions: 'be brief' } };

const say = (client: Client, event: object) => client.socket.send(JSON.stringify(event));

async function until(client: Client, type: string): Promise<Record<string, unknown>> {
  for (;;) {
    const frame: Record<string, unknown> = JSON.parse(await client.next());
    if (frame['type'] === type) return frame;
  }
}

/** The session rests, and what it needs to wake is stored. */
async function rests(id: string): Promise<void> {
  for (;;) {
    const row = await runInDurableObject(env.RECORDER.getByName(nameOf(id)), (_object, { storage }) => {
      const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'checkpoint'").toArray();
      return tables.length === 0 ? undefined : storage.sql.exec('SELECT body FROM checkpoint').toArray()[0];
    });
    const body = row?.['body'];
    if (typeof body === 'string' && (JSON.parse(body) as { resting: boolean }).resting) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

async function mint(claims: object): Promise<string> {
  const request = { method: 'POST', body: JSON.stringify(claims) };
  return (await resultOf<{ token: string }>(asAdmin('/v1/acct/gw/tokens', request))).token;
}

describe('P7 roles with real sockets', () => {
  it('P7 P6 a role that was given outlives hibernation, and so does the one before it', async () => {
    const path = `${SIMULATOR}&parley-session=roles-rest&parley-idle=1`;
    const host = await open(path, CONTROL);
    const guest = await open(path, CONTROL);
    const listener = await open(`${path}&parley-role=observer`, CONTROL);
    await until(host, 'session.created');
    say(guest, { type: 'conversation.item.delete', item_id: 'none' });
    expect(await until(guest, 'parley.error')).toMatchObject({ code: 'role_forbids_sending' });
    say(host, { type: 'parley.role.set', client: 'c2', role: 'controller' });
    expect(await until(guest, 'parley.client.updated')).toMatchObject({ client: 'c2', role: 'controller' });
    await rests('roles-rest');
    await evictDurableObject(env.SESSION.getByName(nameOf('roles-rest')));
    say(listener, UPDATE);
    expect(await until(listener, 'parley.error')).toMatchObject({ code: 'role_forbids_sending' });
    say(guest, UPDATE);
    expect(await until(host, 'session.updated')).toMatchObject({ session: { instructions: 'be brief' } });
    say(guest, { type: 'parley.session.end' });
    expect((await host.closed).code).toBe(4410);
    await Promise.all([guest.closed, listener.closed]);
    const session = await resultOf<SessionShape>(asAdmin('/v1/acct/gw/sessions/roles-rest'));
    expect(session.clients.map(({ id, role }) => [id, role])).toEqual([
      ['c1', 'controller'],
      ['c2', 'controller'],
      ['c3', 'observer'],
    ]);
    expect(session.ended_reason).toBe('ended_by_controller');
  });

  it('P5 P7 who comes back without a name controls again, though its old socket is not known to be dead', async () => {
    const path = `${SIMULATOR}&parley-session=roles-back`;
    const old = await open(path, CONTROL);
    await until(old, 'session.created');
    const late = await open(`${path}&parley-after=0`, CONTROL);
    expect(await until(late, 'parley.session.joined')).toMatchObject({ role: 'speaker' });
    const back = await open(`${path}&parley-after=1`, CONTROL);
    expect(await until(back, 'parley.session.joined')).toMatchObject({ role: 'controller' });
    say(back, UPDATE);
    expect(await until(old, 'session.updated')).toMatchObject({ session: { instructions: 'be brief' } });
    const token = `Bearer ${await mint({ role: 'speaker' })}`;
    const narrow = await open(`${path}&parley-after=1`, { ...CONTROL, 'cf-aig-authorization': token });
    expect(await until(narrow, 'parley.session.joined')).toMatchObject({ role: 'speaker' });
    say(back, { type: 'parley.session.end' });
    await Promise.all([old.closed, late.closed, back.closed, narrow.closed]);
  });

  it('P7 a token’s role limits what may be asked for, and what a controller may give', async () => {
    const path = `${SIMULATOR}&parley-session=roles-token`;
    const host = await open(path, CONTROL);
    const token = `Bearer ${await mint({ role: 'speaker' })}`;
    const asked = await call(`${path}&parley-role=controller`, {
      headers: { upgrade: 'websocket', 'cf-aig-authorization': token },
    });
    expect(asked.status).toBe(403);
    const guest = await open(`${path}&parley-role=observer`, { 'cf-aig-authorization': token });
    await until(host, 'parley.client.joined');
    say(host, { type: 'parley.role.set', client: 'c2', role: 'controller' });
    expect(await until(host, 'parley.error')).toMatchObject({ code: 'control_forbidden' });
    say(host, { type: 'parley.role.set', client: 'c2', role: 'speaker' });
    expect(await until(host, 'parley.client.updated')).toMatchObject({ client: 'c2', role: 'speaker' });
    say(host, { type: 'parley.client.remove', client: 'c2' });
    expect((await guest.closed).code).toBe(4403);
    say(host, { type: 'parley.session.end' });
    await host.closed;
  });

  it('P7 the AsyncAPI document is served', async () => {
    const answer: { asyncapi: string } = await (await asAdmin('/asyncapi.json')).json();
    expect(answer.asyncapi).toBe('3.0.0');
  });
});
