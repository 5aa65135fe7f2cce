import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../worker/routes.ts';
import { ADMIN, asAdmin, call, errorOf, open, resultOf } from './parley.ts';

const MODEL = 'sim-support';

interface Created {
  readonly id: string;
  readonly url: string;
  readonly token: string;
  readonly expires_at: string;
}

const create = (body: object, gateway = 'acct/gw') =>
  asAdmin(`/v1/${gateway}/sessions`, { method: 'POST', body: JSON.stringify(body) });
const created = (body: object) => resultOf<Created>(create({ provider: 'simulator', model: MODEL, ...body }));
const pathOf = ({ url }: Created) => url.replace(/^wss?:\/\/[^/]+/, '');
const mint = (body: object, gateway = 'acct/gw') =>
  resultOf<{ token: string }>(
    asAdmin(`/v1/${gateway}/tokens`, { method: 'POST', body: JSON.stringify(body) }),
  );
const upgrade = (path: string, token: string) =>
  call(path, { headers: { upgrade: 'websocket', 'cf-aig-authorization': token } });
const one = (id: string) =>
  resultOf<{
    metadata: object;
    clients: {
      role: string;
      user_agent: string | null;
      joined_at: string;
      left_at: string | null;
      close_code: number | null;
    }[];
  }>(asAdmin(`/v1/acct/gw/sessions/${id}`));

describe('P7 a session that is created before anybody connects', () => {
  it('P7 whoever comes first gets what was said, and one client too many is refused', async () => {
    const session = await created({ metadata: { room: 'blue' }, max_clients: 2 });
    expect(session.url).toMatch(
      /^wss:\/\/parley\.example\/v1\/acct\/gw\/simulator\?model=sim-support&parley-session=/,
    );
    expect((await asAdmin(`/v1/acct/gw/sessions/${session.id}`)).status).toBe(404);
    const path = pathOf(session);
    const first = await open(path, { 'cf-aig-authorization': session.token, 'user-agent': 'first/1' });
    const second = await open(path);
    const third = await upgrade(path, ADMIN);
    expect([third.status, await errorOf(third)]).toEqual([429, 'too_many_clients']);
    first.socket.close(1000, 'bye');
    await first.closed;
    const { metadata, clients } = await one(session.id);
    expect(metadata).toEqual({ room: 'blue' });
    expect(clients).toMatchObject([
      { role: 'controller', user_agent: 'first/1', close_code: 1000 },
      { left_at: null, close_code: null },
    ]);
    expect(clients[0]?.left_at).not.toBeNull();
    second.socket.close();
  });

  it('P7 its floor and what becomes of it without a controller hold from the first client on', async () => {
    const session = await created({ floor: 'single', on_controller_leave: 'end' });
    const control = { 'sec-websocket-protocol': 'parley.v1' };
    const host = await open(pathOf(session), control);
    // Whoever connects cannot say otherwise.
    const guest = await open(`${pathOf(session)}&parley-floor=open`, control);
    expect(JSON.parse(await guest.next())).toMatchObject({
      type: 'parley.session.joined',
      floor: { mode: 'single' },
    });
    host.socket.close(1000);
    expect((await guest.closed).code).toBe(4410);
  });

  it('P7 the same again is the same session, another is refused, and so is the id of one that has begun', async () => {
    const id = crypto.randomUUID();
    const first = await created({ id, max_clients: 3 });
    const again = await created({ id, max_clients: 3 });
    expect([again.id, again.url]).toEqual([first.id, first.url]);
    const other = await create({ provider: 'simulator', model: MODEL, id, max_clients: 4 });
    expect([other.status, await errorOf(other)]).toEqual([409, 'session_exists']);
    const begun = crypto.randomUUID();
    const client = await open(`/v1/acct/gw/simulator?model=${MODEL}&parley-session=${begun}`);
    await client.next();
    const late = await create({ provider: 'simulator', model: MODEL, id: begun });
    expect([late.status, await errorOf(late)]).toEqual([409, 'session_exists']);
    client.socket.close();
  });

  it('P7 another model is refused, and what was deleted is forgotten', async () => {
    const { id } = await created({});
    const other = await upgrade(`/v1/acct/gw/simulator?model=sim-echo&parley-session=${id}`, ADMIN);
    expect([other.status, await errorOf(other)]).toEqual([409, 'session_other_provider']);
    const remove = () =>
      resultOf<{ deleted: boolean }>(asAdmin(`/v1/acct/gw/sessions/${id}`, { method: 'DELETE' }));
    expect([(await remove()).deleted, (await remove()).deleted]).toEqual([true, false]);
  });

  it.each([
    [{ provider: 'simulator', max_client: 3 }, "no field 'max_client'. Did you mean 'max_clients'?"],
    [{ provider: 'simulator', max_clients: 0 }, 'max_clients'],
    [{ model: MODEL }, 'provider'],
    [{ provider: 'simulator', model: MODEL, id: 'a/b' }, 'id: must be'],
    [{ provider: 'simulator', path: '../x' }, 'path'],
    [{ provider: 'simulator', path: '?parley-session=x' }, 'parameter of Parley'],
  ])('P10 a bad wish is refused by name: %j', async (body, said) => {
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(said);
  });
});

describe('F-28 a race to create one session', () => {
  it('F-28 of 50 clients one is its controller, and all are in it', async () => {
    const path = `/v1/acct/gw/simulator?model=${MODEL}&parley-session=${crypto.randomUUID()}`;
    const clients = await Promise.all(Array.from({ length: 50 }, () => open(path)));
    await clients[0]?.next();
    const { clients: listed } = await one(path.slice(path.lastIndexOf('=') + 1));
    expect(listed.filter(({ role }) => role === 'controller')).toHaveLength(1);
    expect(listed).toHaveLength(50);
    for (const { socket } of clients) socket.close();
  });

  it('S-06 the same name in another gateway or account is another session', async () => {
    const id = crypto.randomUUID();
    const at = (gateway: string) => open(`/v1/${gateway}/simulator?model=${MODEL}&parley-session=${id}`);
    const clients = [await at('acct/gw'), await at('acct/gw2'), await at('acct2/gw')];
    const ids = await Promise.all(
      clients.map(
        async (client) => (JSON.parse(await client.next()) as { session: { id: string } }).session.id,
      ),
    );
    expect(new Set(ids).size).toBe(3);
    for (const { socket } of clients) socket.close();
  });
});

describe('S-06 two tenants', () => {
  it('S-06 no route tells a foreign tenant whether a session exists: the answers are the same, byte for byte', async () => {
    const client = await open(`/v1/acct/gw/simulator?model=${MODEL}&parley-session=secret-room`);
    await client.next();
    const { token } = await mint({ scope: ['connect', 'observe', 'read', 'admin'] }, 'rival/gw');
    const routes = ROUTES.filter(({ path }) => path.includes(':account'));
    expect(routes.length).toBeGreaterThan(20);
    for (const { method, path, access } of routes) {
      const ask = async (session: string) => {
        const filled = path
          .replace(':account', 'acct')
          .replace(':gateway', 'gw')
          .replace(':provider', 'simulator')
          .replace(':path+', 'realtime')
          .replace(/:[a-z]+/, session);
        const query = access === 'upgrade' ? `?model=${MODEL}&parley-session=${session}` : '';
        const answer = await call(filled + query, {
          method,
          headers: {
            'cf-aig-authorization': token,
            ...(access === 'upgrade' ? { upgrade: 'websocket' } : {}),
          },
        });
        return [answer.status, await answer.text()];
      };
      const real = await ask('secret-room');
      expect([method, path, real[0]]).toEqual([method, path, 403]);
      expect(real).toEqual(await ask('no-such-room'));
    }
    // Its own gateway holds nothing of that name.
    const headers = { authorization: `Bearer ${token}` };
    expect((await call('/v1/rival/gw/sessions/secret-room', { headers })).status).toBe(404);
    expect(await (await call('/v1/rival/gw/sessions', { headers })).text()).not.toContain('secret-room');
    expect((await asAdmin('/v1/acct/gw/sessions/secret-room')).status).toBe(200);
    client.socket.close();
  });

  // 10,000 in all; in parts, so that a busy machine has time for each.
  it.each([0, 2_500, 5_000, 7_500])(
    'S-06 of 2,500 guessed ids from number %i on, neighbours of a real one among them, a foreign tenant learns nothing',
    async (from) => {
      const { id } = await created({});
      const client = await open(`/v1/acct/gw/simulator?model=${MODEL}&parley-session=${id}`);
      await client.next();
      const { token } = await mint({ scope: ['connect', 'observe', 'read', 'admin'] }, 'rival/gw');
      const headers = { authorization: `Bearer ${token}` };
      const answers = new Set<string>();
      for (let guess = from; guess < from + 2_500; guess += 1) {
        const tail = guess.toString(16).padStart(4, '0');
        const guessed = guess === from ? id : guess % 2 === 0 ? crypto.randomUUID() : id.slice(0, -4) + tail;
        const answer = await call(`/v1/acct/gw/sessions/${guessed}`, { headers });
        answers.add(`${answer.status} ${await answer.text()}`);
      }
      expect([...answers]).toEqual([expect.stringMatching(/^403/)]);
      client.socket.close();
    },
  );

  it('S-05 a token for one session joins and reads no other, and one for observers asks for no more', async () => {
    const [mine, yours] = [await created({}), await created({})];
    const path = (id: string) => `/v1/acct/gw/simulator?model=${MODEL}&parley-session=${id}`;
    expect((await upgrade(path(yours.id), mine.token)).status).toBe(403);
    const client = await open(path(yours.id));
    await client.next();
    const reader = await mint({ scope: ['read', 'connect'], session: mine.id, role: 'observer' });
    const headers = { authorization: `Bearer ${reader.token}` };
    const reads = await Promise.all(
      [yours.id, 'none-such', `${yours.id}/events`].map(async (rest) => {
        const answer = await call(`/v1/acct/gw/sessions/${rest}`, { headers });
        return `${answer.status} ${await answer.text()}`;
      }),
    );
    expect(new Set(reads).size).toBe(1);
    expect(reads[0]).toMatch(/^403/);
    expect((await call('/v1/acct/gw/sessions', { headers })).status).toBe(403);
    expect((await upgrade(`${path(mine.id)}&parley-role=controller`, reader.token)).status).toBe(403);
    client.socket.close();
  });
});
