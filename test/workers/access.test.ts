import { describe, expect, it } from 'vitest';
import { ROUTES, type Route } from '../../worker/routes.ts';
import { ADMIN, asAdmin, call, errorOf, listen, resultOf } from './parley.ts';

const UPGRADE = { upgrade: 'websocket' };

/** What every route answers to whom. A route that is not here fails the test: somebody must have thought about it. */
const LISTED: Readonly<Record<string, 'public' | 'refused'>> = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /openapi.json': 'refused',
  'GET /asyncapi.json': 'refused',
  'GET /docs': 'public',
  'POST /drain': 'refused',
  'POST /v1/realtime/client_secrets': 'refused',
  'GET /v1/realtime': 'refused',
  'GET /v1/:account/:gateway/sessions': 'refused',
  'POST /v1/:account/:gateway/sessions': 'refused',
  'GET /v1/:account/:gateway/sessions/:session': 'refused',
  'PATCH /v1/:account/:gateway/sessions/:session': 'refused',
  'DELETE /v1/:account/:gateway/sessions/:session': 'refused',
  'GET /v1/:account/:gateway/usage': 'refused',
  'GET /v1/:account/:gateway/metrics': 'refused',
  'GET /v1/:account/:gateway/webhooks': 'refused',
  'GET /v1/:account/:gateway/webhooks/deliveries': 'refused',
  'POST /v1/:account/:gateway/sessions/:session/end': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/audio.wav': 'refused',
  'HEAD /v1/:account/:gateway/sessions/:session/audio.wav': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/peaks': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/replay': 'refused',
  'POST /v1/:account/:gateway/sessions/:session/redrive': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/events.:suffix?': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/transcript.:suffix?': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/digest.:suffix?': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/export.har': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/export.zip': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/turns.:suffix?': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/usage.:suffix?': 'refused',
  'GET /v1/:account/:gateway/sessions/:session/participants.:suffix?': 'refused',
  'POST /v1/:account/:gateway/tokens': 'refused',
  'GET /v1/:account/:gateway/tokens': 'refused',
  'DELETE /v1/:account/:gateway/tokens/:token': 'refused',
  'GET /v1/:account/:gateway/settings': 'refused',
  'PATCH /v1/:account/:gateway/settings': 'refused',
  'GET /v1/:account/:gateway/keys': 'refused',
  'PUT /v1/:account/:gateway/keys/:provider/:alias': 'refused',
  'DELETE /v1/:account/:gateway/keys/:provider/:alias': 'refused',
  'GET /client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs': 'refused',
  'DELETE /client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs': 'refused',
  'GET /client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs/:session': 'refused',
  'PATCH /client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs/:session': 'refused',
  'GET /client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs/:session/request': 'refused',
  'GET /client/v4/accounts/:account/ai-gateway/gateways/:gateway/logs/:session/response': 'refused',
  'GET /v1/:account/:gateway/:provider': 'refused',
  'GET /v1/:account/:gateway/:provider/:path+': 'refused',
};

const nameOf = (route: Route) => `${route.method} ${route.path}`;
const pathOf = (route: Route) =>
  route.path
    .replace(':account', 'acct')
    .replace(':gateway', 'gw')
    .replace(':provider', 'openai')
    .replace(':path+', 'realtime')
    .replace('.:suffix?', '')
    .replace(/:[a-z]+/, 'x1');

async function mint(body: object, gateway = 'acct/gw'): Promise<{ token: string; jti: string }> {
  return resultOf(asAdmin(`/v1/${gateway}/tokens`, { method: 'POST', body: JSON.stringify(body) }));
}

describe('S-01 every route is refused without a credential', () => {
  it('S-01 every route of the router is listed here, and no other', () => {
    expect(ROUTES.map(nameOf).toSorted()).toEqual(Object.keys(LISTED).toSorted());
  });

  for (const route of ROUTES) {
    const headers = route.access === 'upgrade' ? UPGRADE : undefined;
    const listed = LISTED[nameOf(route)];
    it(`S-01 ${nameOf(route)}: ${listed}`, async () => {
      const none = await call(pathOf(route), { method: route.method, ...(headers ? { headers } : {}) });
      if (listed === 'public') {
        expect(none.status).toBe(200);
        return;
      }
      expect(none.status).toBe(401);
      const bad = await call(pathOf(route), {
        method: route.method,
        headers: { ...headers, 'cf-aig-authorization': 'Bearer wrong-token-0123456789' },
      });
      expect(bad.status).toBe(401);
      const { token } = await mint({ scope: ['connect', 'read', 'admin'] }, 'other/tenant');
      // The forms without account and gateway take both from the token, so there is no other tenant there.
      if (!route.path.includes(':gateway')) return;
      const foreign = await call(pathOf(route), {
        method: route.method,
        headers: { ...headers, 'cf-aig-authorization': token },
      });
      expect(foreign.status).toBe(403);
    });
  }

  it('S-01 a token without the scope is refused with 403', async () => {
    const { token } = await mint({ scope: ['connect'] });
    const headers = { authorization: `Bearer ${token}` };
    expect((await call('/v1/acct/gw/sessions', { headers })).status).toBe(403);
    expect((await call('/v1/acct/gw/tokens', { method: 'POST', headers })).status).toBe(403);
    expect((await call('/drain', { method: 'POST', headers })).status).toBe(403);
    const reader = await mint({ scope: ['read'] });
    const asReader = { headers: { authorization: `Bearer ${reader.token}` } };
    expect((await call('/v1/acct/gw/sessions', asReader)).status).toBe(200);
    expect((await call('/v1/acct/gw/sessions/x', { method: 'DELETE', ...asReader })).status).toBe(403);
  });
});

describe('S-18 the right to read plays what is recorded, and nothing else', () => {
  it('S-18 a call that would go to a provider needs the right to connect, whatever parameter it has', async () => {
    const { token } = await mint({ scope: ['read'] });
    const path = '/v1/acct/gw/elevenlabs/v1/convai/conversation/get-signed-url?agent_id=a&parley-replay=x';
    const headers = { 'cf-aig-authorization': token };
    expect((await call(path, { headers })).status).toBe(403);
    expect((await call(path, { headers: { ...headers, ...UPGRADE } })).status).toBe(404);
  });
});

describe('P1 a deployment that is not one process', () => {
  it('P1 cannot be drained: an isolate would refuse everything from then on', async () => {
    const drained = await asAdmin('/drain', { method: 'POST' });
    expect([drained.status, await errorOf(drained)]).toEqual([404, 'not_found']);
    expect((await asAdmin('/v1/acct/gw/sessions')).status).toBe(200);
  });
});

describe('S-05 client tokens', () => {
  it('S-05 a changed token is refused', async () => {
    const { token } = await mint({ scope: ['read'] });
    for (const at of [5, token.indexOf('.') + 5, token.length - 3]) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      const answer = await call('/v1/acct/gw/sessions', { headers: { authorization: `Bearer ${changed}` } });
      expect(answer.status).toBe(401);
    }
  });

  it('S-05 a token that says it needs no signature is refused', async () => {
    const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '');
    const claims = {
      iss: 'parley',
      jti: 'x',
      iat: 1,
      exp: 9_999_999_999,
      acc: 'acct',
      gw: 'gw',
      scope: ['admin'],
    };
    const token = `ek_${part({ alg: 'none' })}.${part(claims)}.`;
    expect(
      (await call('/v1/acct/gw/sessions', { headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(401);
  });

  it('S-05 a revoked token is refused, on REST and on a socket', async () => {
    const { token, jti } = await mint({ scope: ['read', 'connect'] });
    const headers = { authorization: `Bearer ${token}` };
    expect((await call('/v1/acct/gw/sessions', { headers })).status).toBe(200);
    expect((await asAdmin(`/v1/acct/gw/tokens/${jti}`, { method: 'DELETE' })).status).toBe(200);
    expect((await call('/v1/acct/gw/sessions', { headers })).status).toBe(401);
    const upgrade = { headers: { ...UPGRADE, 'cf-aig-authorization': token } };
    expect((await call('/v1/acct/gw/simulator?model=sim-support', upgrade)).status).toBe(401);
  });

  it('S-05 a token narrows provider, model, session and role', async () => {
    const connect = async (token: string, path: string) =>
      (await call(path, { headers: { ...UPGRADE, 'cf-aig-authorization': token } })).status;
    const simulator = '/v1/acct/gw/simulator?model=sim-support';
    expect(await connect((await mint({ providers: ['openai'] })).token, simulator)).toBe(403);
    expect(await connect((await mint({ models: ['gpt-realtime'] })).token, simulator)).toBe(403);
    const two = await mint({ models: ['sim-support'] });
    expect(await connect(two.token, `${simulator}&model=gpt-realtime`)).toBe(400);
    expect(await connect((await mint({ session: 'mine' })).token, `${simulator}&parley-session=yours`)).toBe(
      403,
    );
    expect(
      await connect((await mint({ role: 'observer' })).token, `${simulator}&parley-role=controller`),
    ).toBe(403);
    expect(
      await connect((await mint({ scope: ['observe'] })).token, `${simulator}&parley-role=speaker`),
    ).toBe(403);
  });

  it('S-05 a token for one model joins no session of another, whatever its URL says', async () => {
    const headers = (token: string) => ({ headers: { ...UPGRADE, 'cf-aig-authorization': token } });
    const path = (model: string) => `/v1/acct/gw/simulator?model=${model}&parley-session=${session}`;
    const session = crypto.randomUUID();
    const opener = await call(path('sim-support'), headers(ADMIN));
    opener.webSocket?.accept();
    const { token } = await mint({ models: ['sim-echo'] });
    const other = await call(path('sim-echo'), headers(token));
    expect([other.status, await errorOf(other)]).toEqual([403, 'forbidden']);
    const same = await call(path('sim-support'), headers((await mint({ models: ['sim-support'] })).token));
    expect(same.status).toBe(101);
    same.webSocket?.accept();
    same.webSocket?.close();
    opener.webSocket?.close();
  });

  it('S-05 a token that may mint others cannot be narrowed: the others would not be', async () => {
    const answer = await asAdmin('/v1/acct/gw/tokens', {
      method: 'POST',
      body: JSON.stringify({ scope: ['admin'], models: ['sim-echo'], max_seconds: 60 }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('models, max_seconds');
    const { token } = await mint({ scope: ['admin'], session: 'mine' });
    const minting = await call('/v1/acct/gw/tokens', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: '{}',
    });
    expect(minting.status).toBe(403);
  });

  it('S-05 a token that may only observe joins what is there, and has nothing dialled', async () => {
    const { token } = await mint({ scope: ['observe'] });
    const path = `/v1/acct/gw/simulator?model=sim-support&parley-session=${crypto.randomUUID()}`;
    const observe = () => call(path, { headers: { ...UPGRADE, 'cf-aig-authorization': token } });
    expect((await observe()).status).toBe(404);
    const opener = await call(path, { headers: { ...UPGRADE, 'cf-aig-authorization': ADMIN } });
    opener.webSocket?.accept();
    const joined = await observe();
    expect(joined.status).toBe(101);
    joined.webSocket?.accept();
    joined.webSocket?.close();
    opener.webSocket?.close();
  });

  it.each(['file:///page.html', 'data:text/html,x', 'app.example'])(
    'S-05 a token is not bound to what no page has as its origin: %s',
    async (origin) => {
      const answer = await asAdmin('/v1/acct/gw/tokens', {
        method: 'POST',
        body: JSON.stringify({ origin }),
      });
      expect([answer.status, await errorOf(answer)]).toEqual([400, 'invalid_request']);
    },
  );

  it('S-05 OpenAI’s own shape mints one too, and its errors are OpenAI’s', async () => {
    const body = JSON.stringify({
      expires_after: { anchor: 'created_at', seconds: 60 },
      session: { type: 'realtime', model: 'sim-x' },
    });
    const answer = await asAdmin('/v1/realtime/client_secrets', { method: 'POST', body });
    const secret: { value: string; expires_at: number; session: { model: string } } = await answer.json();
    expect(secret.value).toMatch(/^ek_/);
    expect(secret.expires_at).toBeGreaterThan(Date.now() / 1000 + 50);
    expect(secret.session.model).toBe('sim-x');
    const bad = await asAdmin('/v1/realtime/client_secrets', {
      method: 'POST',
      body: '{"session":{"instructions":"hi"}}',
    });
    expect(bad.status).toBe(400);
    expect(await bad.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'invalid_request' },
    });
  });
});

describe('S-07 origins', () => {
  const from = async (origin: string) => {
    const answer = await call('/v1/acct/gw/simulator?model=sim-support', {
      headers: { ...UPGRADE, origin, 'cf-aig-authorization': ADMIN },
    });
    if (answer.webSocket === null) return 'refused';
    const { next, socket } = listen(answer.webSocket);
    const frame: { type: string; error?: { code: string } } = JSON.parse(await next());
    socket.close();
    return frame.error?.code ?? frame.type;
  };

  it.each(['https://app.example', 'https://parley.example'])('S-07 %s may connect', async (origin) => {
    expect(await from(origin)).toBe('session.created');
  });

  it('S-07 a token that names an origin is for that one alone, whatever else stood in its URL', async () => {
    const { token } = await mint({ origin: 'https://shop.example/checkout?x' });
    const status = async (origin: string) => {
      const answer = await call('/v1/acct/gw/simulator?model=sim-support', {
        headers: { ...UPGRADE, origin, 'cf-aig-authorization': token },
      });
      if (answer.webSocket === null) throw new Error('no socket');
      const { next, socket } = listen(answer.webSocket);
      const first = await next();
      socket.close();
      return first;
    };
    expect(await status('https://shop.example')).toContain('session.created');
    expect(await status('https://app.example')).toContain('origin_not_allowed');
  });

  it.each([
    'https://app.example.evil.com',
    'https://evil-app.example',
    'http://app.example',
    'https://app.example:444',
    'https://APP.example.',
    'null',
    'https://sub.app.example',
  ])('S-07 %s may not, and its page can read why', async (origin) => {
    expect(await from(origin)).toBe('origin_not_allowed');
  });
});

describe('P1 refusals that a client can read', () => {
  it('P1 a browser gets one frame in the provider’s error shape, then 44xx', async () => {
    const answer = await call('/v1/acct/gw/openai?model=gpt-realtime', {
      headers: { ...UPGRADE, 'sec-websocket-protocol': 'realtime, cf-aig-authorization.wrong-token' },
    });
    expect(answer.status).toBe(101);
    expect(answer.headers.get('sec-websocket-protocol')).toBe('realtime');
    if (answer.webSocket === null) throw new Error('no socket');
    const { next, closed } = listen(answer.webSocket);
    expect(JSON.parse(await next())).toMatchObject({ type: 'error', error: { code: 'bad_token' } });
    const { code, reason } = await closed;
    expect([code, reason]).toEqual([4401, expect.stringContaining('(it is not known here)')]);
  });

  it.each([
    ['/v1/acct/gw/opanai?model=x', 4404, "No provider 'opanai'. Did you mean 'openai'?"],
    ['/v1/acct/gw/openai?model=x&parley-role=king', 4400, 'parley-role must be one of'],
  ])('P1 the close reason of a refusal is its whole sentence: %s', async (path, code, sentence) => {
    const answer = await call(path, {
      headers: { ...UPGRADE, 'sec-websocket-protocol': `realtime, cf-aig-authorization.${ADMIN}` },
    });
    if (answer.webSocket === null) throw new Error('no socket');
    expect(await listen(answer.webSocket).closed).toEqual({
      code,
      reason: expect.stringContaining(sentence),
    });
  });

  it('P1 everybody else gets the status and a sentence', async () => {
    const headers = { ...UPGRADE, 'cf-aig-authorization': ADMIN };
    const unknown = await call('/v1/acct/gw/opanai?model=x', { headers });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({
      errors: [{ message: expect.stringContaining("Did you mean 'openai'") }],
    });
    const path = await call('/v1/acct/gw/openai/nothing', { headers });
    expect([path.status, await errorOf(path)]).toEqual([404, 'unknown_provider_path']);
    const plain = await call('/v1/acct/gw/openai', { headers: { 'cf-aig-authorization': ADMIN } });
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    const twice = await call('/v1/acct/gw/openai?model=x&parley-session=a&parley-session=b', { headers });
    expect([twice.status, await errorOf(twice)]).toEqual([400, 'invalid_request']);
    const name = await call('/v1/a.b/gw/sessions', { headers });
    expect(name.status).toBe(400);
  });

  it.each(['2026-01-01T00:00:00%2B05', '2026-01-01', 'yesterday'])(
    'P1 a time that is not RFC 3339 is refused, not taken for none: %s',
    async (since) => {
      const answer = await asAdmin(`/v1/acct/gw/sessions?since=${since}`);
      expect([answer.status, await errorOf(answer)]).toEqual([400, 'invalid_request']);
    },
  );

  it('P10 a body is read to 64 KiB, and one byte past it no further', async () => {
    const body = (bytes: number) => `{"scope":["read"]}${' '.repeat(bytes)}`.slice(0, bytes);
    const post = (sent: BodyInit) => asAdmin('/v1/acct/gw/tokens', { method: 'POST', body: sent });
    expect((await post(body(65_536))).status).toBe(200);
    const over = await post(body(65_537));
    expect([over.status, await errorOf(over)]).toEqual([400, 'invalid_request']);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(16_384).fill(32));
      },
    });
    expect((await post(endless)).status).toBe(400);
    expect(pulled).toBeLessThan(20);
  });

  it('P10 a query with more metadata filters than a session has tags is refused', async () => {
    const filters = (count: number) => Array.from({ length: count }, (_, n) => `metadata.k${n}=x`).join('&');
    expect((await asAdmin(`/v1/acct/gw/sessions?${filters(5)}`)).status).toBe(200);
    const many = await asAdmin(`/v1/acct/gw/sessions?${filters(6)}`);
    expect([many.status, await errorOf(many)]).toEqual([400, 'invalid_request']);
  });

  it('P1 a path with another method says which it takes; problem+json when asked for', async () => {
    const method = await asAdmin('/v1/acct/gw/sessions', { method: 'PUT' });
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    const problem = await asAdmin('/nowhere', { headers: { accept: 'application/problem+json' } });
    expect(problem.headers.get('content-type')).toBe('application/problem+json');
    expect(await problem.json()).toMatchObject({ status: 404, title: 'not_found' });
  });
});
