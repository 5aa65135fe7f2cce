/** What a provider can do to a session, and what its client and the record get to know of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected, refused } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { closing, frame, RawUpstream } from '../support/raw-upstream.ts';
import { eventsOf, sessionsOf, untilEnded } from '../support/rest.ts';

let parley: ParleyProcess;
let upstream: RawUpstream;

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  parley = await startParley({
    env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: 'sk-stored-key-of-ours' },
  });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

const OWN_KEY = { authorization: 'Bearer sk-clients-own-key' };

describe('F-07 a provider that refuses the handshake', () => {
  it.each([
    [400, ''],
    [401, '{"error":{"message":"bad key"}}'],
    [403, 'x'.repeat(2_048)],
    [404, 'no such thing'],
    [429, '{"error":"slow down"}'],
    [500, ''],
    [502, 'bad'],
    [503, 'later'],
    [200, 'not a WebSocket'],
  ])('P1 F-07 %i reaches a client with its own key as it is', async (status, body) => {
    upstream.answer = { kind: 'refuse', status, body, headers: { 'retry-after': '7', 'x-internal': 'no' } };
    const answer = await refused(parley, { headers: OWN_KEY });
    expect([answer.status, answer.body]).toEqual([status, body]);
    expect(answer.headers['retry-after']).toBe('7');
    expect(answer.headers['x-internal']).toBeUndefined();
    expect(answer.headers['parley-refusal']).toBeUndefined();
    const session = await untilEnded(parley, 'acct/gw', String(answer.headers['parley-session-id']));
    expect(session).toMatchObject({ ended_reason: 'provider_refused', live_at: null });
  });

  it('P1 F-07 a status that HTTP does not have is a 502 with the provider’s body', async () => {
    upstream.answer = { kind: 'refuse', status: 999, body: 'go away' };
    const answer = await refused(parley, { headers: OWN_KEY });
    expect([answer.status, answer.body]).toEqual([502, 'go away']);
  });

  it('P1 F-07 a body of 10 MiB is cut, and nothing hangs', async () => {
    upstream.answer = { kind: 'refuse', status: 500, body: 'y'.repeat(10 << 20) };
    const answer = await refused(parley, { headers: OWN_KEY });
    expect([answer.status, answer.body.length]).toEqual([500, 64 * 1024]);
  });

  it.each([401, 403])(
    'P1 F-07 a stored key that is refused with %i is not the client’s fault: 502',
    async (status) => {
      upstream.answer = { kind: 'refuse', status, body: 'Incorrect API key provided: sk-stored-key-of-ours' };
      const answer = await refused(parley);
      expect(answer.status).toBe(502);
      expect(answer.body).toContain('provider_key_rejected');
      expect(answer.body).toContain('OPENAI_API_KEY');
      expect(answer.body).not.toContain('sk-stored');
    },
  );

  it('P9 F-07 a stored key that the provider quotes is cut out of what is passed on', async () => {
    upstream.answer = { kind: 'refuse', status: 429, body: 'limit of key sk-stored-key-of-ours reached' };
    expect((await refused(parley)).body).toBe('limit of key [redacted] reached');
  });

  it('P1 F-08 a provider that cannot be reached is a 502, one that never answers a 504', async () => {
    upstream.answer = { kind: 'drop' };
    const dropped = await refused(parley);
    expect([dropped.status, dropped.body.includes('upstream_unreachable')]).toEqual([502, true]);
    upstream.answer = { kind: 'hang' };
    const hung = await refused(parley, { headers: { 'cf-aig-request-timeout': '300' } });
    expect([hung.status, hung.body.includes('upstream_timeout')]).toEqual([504, true]);
  });
});

describe('P1 a dial that is tried again', () => {
  const query = 'model=gpt-realtime&cf-aig-max-attempts=3&cf-aig-retry-delay=1&cf-aig-backoff=exponential';

  it('P1 opens at the attempt that succeeds, and each before is on record', async () => {
    upstream.answer = { kind: 'accept' };
    upstream.firstAnswers.push({ kind: 'refuse', status: 503 }, { kind: 'drop' });
    const client = await connected(parley, { query });
    client.socket.close(1000);
    await client.closed;
    const session = await untilEnded(parley, 'acct/gw', client.id);
    expect(session).toMatchObject({ ended_reason: 'client_closed', errors: 0 });
    expect(upstream.firstAnswers).toEqual([]);
    await upstream.next();
  });

  it('P1 gives the answer of the last one that was asked for; a refusal that would come again is not tried again', async () => {
    upstream.firstAnswers.push({ kind: 'refuse', status: 503 }, { kind: 'refuse', status: 429 });
    upstream.answer = { kind: 'refuse', status: 500, body: 'the third' };
    const third = await refused(parley, { query, headers: OWN_KEY });
    expect([third.status, third.body]).toEqual([500, 'the third']);
    upstream.firstAnswers.push({ kind: 'refuse', status: 400, body: 'no' });
    const once = await refused(parley, { query, headers: OWN_KEY });
    expect([once.status, once.body]).toEqual([400, 'no']);
    const much = await refused(parley, { query: 'model=gpt-realtime&cf-aig-max-attempts=0' });
    expect([much.status, much.body.includes('cf-aig-max-attempts')]).toEqual([400, true]);
  });
});

describe('F-09 a provider that closes', () => {
  const accept = (): void => {
    upstream.answer = { kind: 'accept' };
  };

  it.each([
    [1000, 1000],
    [1001, 1001],
    [1002, 1002],
    [1003, 1003],
    [1007, 1007],
    [1008, 1008],
    [1009, 1009],
    [1011, 1011],
    [1012, 1012],
    [1013, 1013],
    [3000, 3000],
    [4000, 4000],
    [4999, 4999],
    [null, 1011],
  ])('P1 F-09 %s crosses as %i, after every frame before it', async (code, seen) => {
    accept();
    const frames: string[] = [];
    const pending = connected(parley, {
      ready: (socket) => socket.on('message', (data: Buffer) => frames.push(data.toString())),
    });
    const { socket } = await upstream.next();
    socket.write(
      Buffer.concat([frame(1, 'a'), frame(1, 'b'), closing(code, code === null ? '' : 'the reason')]),
    );
    const client = await pending;
    const closed = await client.closed;
    expect(closed.code).toBe(seen);
    expect(closed.reason).toContain(code === null ? 'upstream' : 'the reason');
    expect(frames).toEqual(['a', 'b']);
    const session = await untilEnded(parley, 'acct/gw', client.id);
    expect(session).toMatchObject({
      ended_reason: 'upstream_closed',
      closed_by: 'upstream',
      close_code: code ?? 1005,
    });
  });

  it.each([1005, 1006, 1015, 1016, 2999])(
    'P1 F-09 %i on the wire is hostile, and no normal end',
    async (code) => {
      accept();
      const pending = connected(parley);
      (await upstream.next()).socket.write(closing(code));
      const client = await pending;
      expect((await client.closed).code).toBe(1011);
      expect((await untilEnded(parley, 'acct/gw', client.id)).status).toBe('ended');
    },
  );

  it('P1 F-09 a reason of 123 bytes crosses whole; one that is not UTF-8 does no harm', async () => {
    accept();
    const whole = connected(parley);
    (await upstream.next()).socket.write(closing(4001, 'r'.repeat(123)));
    expect((await (await whole).closed).reason).toBe('r'.repeat(123));
    const broken = connected(parley);
    (await upstream.next()).socket.write(closing(4001, Buffer.from([0xff, 0xfe])));
    expect((await (await broken).closed).code).toBeGreaterThanOrEqual(1002);
  });

  it('P1 F-09 one that drops the connection is 1011 with a reason, never 1000', async () => {
    accept();
    const pending = connected(parley);
    const { socket } = await upstream.next();
    const client = await pending;
    socket.resetAndDestroy();
    const closed = await client.closed;
    expect(closed.code).toBe(1011);
    expect(closed.reason).toContain('connection lost');
    expect(await untilEnded(parley, 'acct/gw', client.id)).toMatchObject({
      ended_reason: 'upstream_lost',
      close_code: 1006,
    });
  });
});

describe('F-12 a provider that sends nonsense', () => {
  it('P1 F-12 F-13 malformed JSON, empty frames, lone surrogates, wrong kinds: relayed and recorded untouched', async () => {
    upstream.answer = { kind: 'accept' };
    const texts = [
      '{',
      '',
      '{"type":"response.done","response":5}',
      '{"a":"\\ud800"}',
      '{"type":"a","type":"b"}',
      'null',
      '[]',
    ];
    const seen: { data: string; binary: boolean }[] = [];
    const pending = connected(parley, {
      ready: (socket) =>
        socket.on('message', (data: Buffer, binary) => seen.push({ data: data.toString(), binary })),
    });
    const { socket } = await upstream.next();
    const client = await pending;
    socket.write(
      Buffer.concat([
        ...texts.map((text) => frame(1, text)),
        frame(2, '{"type":"session.created"}'),
        closing(1000),
      ]),
    );
    await client.closed;
    expect(seen).toEqual([
      ...texts.map((data) => ({ data, binary: false })),
      { data: '{"type":"session.created"}', binary: true },
    ]);
    const events = await eventsOf(parley, 'acct/gw', client.id);
    expect(events.map(({ opcode, text }) => (opcode === 'text' ? text : 'binary'))).toEqual([
      ...texts,
      'binary',
    ]);
  });

  it.each([
    ['invalid UTF-8', frame(1, Buffer.from([0xc3, 0x28]))],
    ['a reserved bit', frame(1, 'x', 0xc0)],
    ['an unknown opcode', frame(3, 'x')],
    ['a ping that is too long', frame(9, 'x'.repeat(126))],
    ['half a frame, then nothing', frame(1, 'hello').subarray(0, 3)],
  ])('P10 F-15 %s ends one session at the most, and nobody else’s', async (_name, bytes) => {
    upstream.answer = { kind: 'accept' };
    const bystanding = connected(parley);
    const other = await upstream.next();
    const bystander = await bystanding;
    const pending = connected(parley);
    const { socket } = await upstream.next();
    const client = await pending;
    socket.end(bytes);
    await client.closed;
    expect((await untilEnded(parley, 'acct/gw', client.id)).status).toBe('ended');
    const answer = new Promise<string>((resolve) =>
      bystander.socket.once('message', (data: Buffer) => resolve(data.toString())),
    );
    other.socket.write(frame(1, 'still here'));
    expect(await answer).toBe('still here');
    bystander.socket.close(1000);
    await bystander.closed;
  });
});

describe('P9 what the provider gets to see', () => {
  it('P9 a fresh set of headers: the allowed ones and nothing else', async () => {
    upstream.answer = { kind: 'accept' };
    const pending = connected(parley, {
      query: 'model=gpt-realtime&cf-aig-metadata=%7B%22a%22%3A1%7D&parley-grace=5',
      headers: {
        ...OWN_KEY,
        cookie: 'session=secret',
        'x-forwarded-for': '1.2.3.4',
        'openai-organization': 'org-1',
        'OpenAI-Beta': 'realtime=v1',
      },
      protocols: ['realtime', 'openai-project.proj_1'],
    });
    const connection = await upstream.next();
    const client = await pending;
    expect(client.socket.protocol).toBe('realtime');
    expect(connection.path).toBe('/v1/realtime?model=gpt-realtime');
    const { host: _host, 'sec-websocket-key': _key, ...headers } = connection.headers;
    expect(headers).toEqual({
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'realtime',
      authorization: 'Bearer sk-clients-own-key',
      'openai-organization': 'org-1',
      'openai-project': 'proj_1',
    });
    connection.socket.destroy();
    await client.closed;
    expect((await sessionsOf(parley, 'acct/gw')).length).toBeGreaterThan(0);
  });
});
