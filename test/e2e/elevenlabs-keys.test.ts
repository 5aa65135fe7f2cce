/** Where ElevenLabs' clients put their keys, what of it reaches the provider, and that none of it is stored. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { FakeProvider } from '../support/fake-provider.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { eventsOf, sessionOf, untilEnded } from '../support/rest.ts';

const STORED = 'sk_canary_stored_Zx81QpLm77';
const OWN = 'sk_canary_own_Ab12CdEf34';
const SIGNED_URL = 'v1/convai/conversation/get-signed-url';
const AGENT = 'v1/convai/conversation';

let provider: FakeProvider;
/** With a stored key, and without one. */
let parley: ParleyProcess;
let keyless: ParleyProcess;

beforeAll(async () => {
  provider = await FakeProvider.listen();
  const env = { ELEVENLABS_BASE_URL: provider.url };
  parley = await startParley({ env: { ...env, ELEVENLABS_API_KEY: STORED } });
  keyless = await startParley({ env });
});
afterAll(async () => {
  await parley.stop();
  await keyless.stop();
  provider.close();
});

interface Opened {
  readonly socket: WebSocket;
  readonly protocol: string;
  readonly closed: Promise<number>;
}

function open(
  url: string,
  protocols: readonly string[] = [],
  headers: Record<string, string> = {},
): Promise<Opened> {
  const socket = new WebSocket(url, [...protocols], { headers });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve({ socket, protocol: socket.protocol, closed }));
    socket.on('error', reject);
  });
}

const at = ({ ws }: ParleyProcess, gateway: string, path: string) =>
  `${ws}/v1/acct/${gateway}/elevenlabs/${path}`;
const gatewayHeader = ({ token }: ParleyProcess) => ({ 'cf-aig-authorization': `Bearer ${token}` });

async function logOf(server: ParleyProcess, gateway: string): Promise<string[]> {
  const { id } = await untilEnded(server, `acct/${gateway}`);
  return (await eventsOf(server, `acct/${gateway}`, id)).map(({ text }) => text ?? '');
}

function filesWith(server: ParleyProcess, secret: string): string[] {
  return readdirSync(server.dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => `${server.dataDir}/${name}`)
    .filter((name) => statSync(name).isFile() && readFileSync(name).includes(secret));
}

describe('P9 a key in the first message', () => {
  const opening = (name: string, key: string) => JSON.stringify({ text: ' ', [name]: key });

  it('P9 a client whose key comes there can connect; it reaches the provider, and no log', async () => {
    const path = 'v1/text-to-speech/v1/stream-input?model_id=eleven_flash_v2_5';
    const pending = open(at(keyless, 'own', path), [], gatewayHeader(keyless));
    const arrival = await provider.next();
    const client = await pending;
    expect(arrival.headers['xi-api-key']).toBeUndefined();
    expect(arrival.url).toBe(`/${path}`);
    client.socket.send(opening('xi-api-key', OWN));
    expect(await arrival.frame()).toBe(opening('xi-api-key', OWN));
    client.socket.close(1000);
    expect(await logOf(keyless, 'own')).toEqual([opening('xi-api-key', '[key]')]);
    expect(filesWith(keyless, OWN)).toEqual([]);
    // The search itself works: the rest of the frame is there.
    expect(filesWith(keyless, '"xi-api-key":"[key]"')).not.toEqual([]);
  });

  it('P9 the gateway’s token there is taken out: the stored key is in its place already', async () => {
    const path = 'v1/text-to-speech/v1/multi-stream-input';
    const pending = open(at(parley, 'ours', path), [], gatewayHeader(parley));
    const arrival = await provider.next();
    const client = await pending;
    expect(arrival.headers['xi-api-key']).toBe(STORED);
    expect(arrival.headers['cf-aig-authorization']).toBeUndefined();
    client.socket.send(opening('xi_api_key', parley.token));
    client.socket.send(opening('authorization', `Bearer ${parley.token}`));
    client.socket.send('{"text":"Hello "}');
    expect([await arrival.frame(), await arrival.frame(), await arrival.frame()]).toEqual([
      '{"text":" "}',
      '{"text":" "}',
      '{"text":"Hello "}',
    ]);
    client.socket.close(1000);
    expect(await logOf(parley, 'ours')).toEqual([
      opening('xi_api_key', '[key]'),
      opening('authorization', '[key]'),
      '{"text":"Hello "}',
    ]);
    expect(filesWith(parley, parley.token)).toEqual([]);
  });

  it('P9 a gateway credential is still needed at the handshake, and transcription needs a key there', async () => {
    const refused = (path: string, headers: Record<string, string>) =>
      open(at(keyless, 'refused', path), [], headers).catch((error: Error) => error.message);
    expect(await refused('v1/text-to-speech/v1/stream-input', {})).toContain('401');
    expect(await refused('v1/text-to-speech/v1/stream-input', { 'xi-api-key': OWN })).toContain('401');
    expect(await refused('v1/speech-to-text/realtime', gatewayHeader(keyless))).toContain('401');
  });
});

describe('P2 credentials that ElevenLabs made for one socket', () => {
  it.each(['token', 'single_use_token', 'conversation_signature', 'authorization'])(
    'P2 %s reaches the provider in its query, and nothing else does',
    async (name) => {
      const pending = open(
        at(parley, 'query', `${AGENT}?agent_id=a&${name}=${OWN}`),
        ['convai'],
        gatewayHeader(parley),
      );
      const arrival = await provider.next();
      const client = await pending;
      expect(arrival.url).toBe(`/${AGENT}?agent_id=a&${name}=${OWN}`);
      expect(arrival.headers['xi-api-key']).toBeUndefined();
      client.socket.close(1000);
      await client.closed;
    },
  );

  it('P2 a browser’s bearer may be the gateway’s token, or the provider’s own', async () => {
    const ours = open(at(parley, 'bearer', `${AGENT}?agent_id=a`), ['convai', `bearer.${parley.token}`]);
    const withStored = await provider.next();
    const first = await ours;
    expect(first.protocol).toBe('convai');
    expect(withStored.headers['sec-websocket-protocol']).toBe('convai');
    expect(withStored.headers['xi-api-key']).toBe(STORED);
    const offer = ['convai', `bearer.${OWN}`, `cf-aig-authorization.${parley.token}`];
    const theirs = open(at(parley, 'bearer', `${AGENT}?agent_id=a`), offer);
    const withOwn = await provider.next();
    const second = await theirs;
    expect(second.protocol).toBe('convai');
    expect(withOwn.headers['sec-websocket-protocol']).toBe(`convai, bearer.${OWN}`);
    expect(withOwn.headers['xi-api-key']).toBeUndefined();
    first.socket.close(1000);
    second.socket.close(1000);
    await Promise.all([first.closed, second.closed]);
  });

  it('S-07 a browser that is refused reads why, in the shape of the product', async () => {
    const socket = new WebSocket(at(parley, 'origin', `${AGENT}?agent_id=a`), ['convai', 'bearer.wrong']);
    const messages: string[] = [];
    socket.on('message', (data: Buffer) => messages.push(data.toString()));
    const code = await new Promise((resolve) => socket.on('close', resolve));
    expect(code).toBe(4401);
    expect(JSON.parse(messages[0] ?? '')).toMatchObject({
      type: 'error',
      error_event: { error_type: 'bad_token', code: 4401 },
    });
  });
});

describe('P2 the signed URL', () => {
  const signed = `wss://api.elevenlabs.io/${AGENT}?agent_id=a&conversation_signature=cvtkn_canary`;

  function ask(server: ParleyProcess, query: string, headers: Record<string, string>): Promise<Response> {
    return fetch(`${server.http}/v1/acct/signed/elevenlabs/${SIGNED_URL}${query}`, { headers });
  }

  it('P2 is asked for with the stored key, and leads here: with a token for this one agent', async () => {
    provider.answer = { status: 200, body: JSON.stringify({ signed_url: signed }) };
    const answer = await ask(parley, '?agent_id=a&cf-aig-event-id=e', { 'xi-api-key': parley.token });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-internal')).toBeNull();
    const { signed_url } = (await answer.json()) as { signed_url: string };
    expect(provider.plain.at(-1)).toMatchObject({
      url: `/${SIGNED_URL}?agent_id=a`,
      headers: { 'xi-api-key': STORED },
    });
    expect(signed_url.startsWith(at(parley, 'signed', AGENT))).toBe(true);
    expect(signed_url).not.toContain(parley.token);
    expect(signed_url).not.toContain(STORED);

    const pending = open(`${signed_url}&source=js_sdk`);
    const arrival = await provider.next();
    const client = await pending;
    expect(client.protocol).toBe('');
    expect(arrival.url).toBe(`/${AGENT}?agent_id=a&source=js_sdk&conversation_signature=cvtkn_canary`);
    expect(arrival.headers['xi-api-key']).toBeUndefined();
    client.socket.close(1000);
    await client.closed;

    const other = signed_url.replace('agent_id=a', 'agent_id=b');
    await expect(open(other)).rejects.toThrow('403');
    expect(filesWith(parley, 'cvtkn_canary')).toEqual([]);
  });

  it('P2 a client’s own key is used where it sends one, and without any there is no call', async () => {
    provider.answer = { status: 200, body: JSON.stringify({ signed_url: signed }) };
    const headers = { 'xi-api-key': OWN, ...gatewayHeader(keyless) };
    expect((await ask(keyless, '?agent_id=a', headers)).status).toBe(200);
    expect(provider.plain.at(-1)?.headers).toMatchObject({ 'xi-api-key': OWN });
    const calls = provider.plain.length;
    expect((await ask(keyless, '?agent_id=a', gatewayHeader(keyless))).status).toBe(401);
    expect((await ask(parley, '?agent_id=a', {})).status).toBe(401);
    expect(provider.plain).toHaveLength(calls);
  });

  it('P1 P9 a refusal is the provider’s own; a stored key that is refused is not the client’s fault', async () => {
    provider.answer = { status: 404, body: `{"detail":"no agent, key ${STORED}"}` };
    const missing = await ask(parley, '?agent_id=a', gatewayHeader(parley));
    expect([missing.status, await missing.text()]).toEqual([404, '{"detail":"no agent, key [redacted]"}']);
    provider.answer = { status: 401, body: '{"detail":"bad key"}' };
    const rejected = await ask(parley, '?agent_id=a', gatewayHeader(parley));
    expect(rejected.status).toBe(502);
    expect(await rejected.text()).toContain('provider_key_rejected');
    const own = await ask(parley, '?agent_id=a', { 'xi-api-key': OWN, ...gatewayHeader(parley) });
    expect([own.status, await own.text()]).toEqual([401, '{"detail":"bad key"}']);
    provider.answer = { status: 204, body: '' };
    expect((await ask(parley, '?agent_id=a', gatewayHeader(parley))).status).toBe(204);
    provider.answer = null;
    const hung = { ...gatewayHeader(parley), 'cf-aig-request-timeout': '100' };
    expect((await ask(parley, '?agent_id=a', hung)).status).toBe(504);
  });

  it('P2 a token gets no more for an address than it had', async () => {
    provider.answer = { status: 200, body: JSON.stringify({ signed_url: signed }) };
    const mint = async (claims: object): Promise<string> => {
      const answer = await fetch(`${parley.http}/v1/acct/signed/tokens`, {
        method: 'POST',
        headers: { authorization: `Bearer ${parley.token}` },
        body: JSON.stringify(claims),
      });
      return ((await answer.json()) as { result: { token: string } }).result.token; // the envelope of docs/openapi.json
    };
    const narrow = await mint({ models: ['a'], session: 'only-this', max_seconds: 60, expires_in: 30 });
    expect((await ask(parley, '?agent_id=b', { 'xi-api-key': narrow })).status).toBe(403);
    const answer = await ask(parley, '?agent_id=a', { 'xi-api-key': narrow });
    const { signed_url } = (await answer.json()) as { signed_url: string };
    const [, claims = ''] = (new URL(signed_url).searchParams.get('xi-api-key') ?? '').split('.');
    const minted = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, number>;
    expect(minted).toMatchObject({
      scope: ['connect'],
      providers: ['elevenlabs'],
      models: ['a'],
      session: 'only-this',
      max_seconds: 60,
    });
    expect((minted['exp'] ?? 0) - (minted['iat'] ?? 0)).toBeLessThanOrEqual(30);
  });
});

describe('P5 a conversation that nobody listens to', () => {
  it('P5 its pings are answered while no client is attached, and only then', async () => {
    const url = at(parley, 'away', `${AGENT}?agent_id=a&parley-session=away`);
    const pending = open(url, ['convai'], gatewayHeader(parley));
    const arrival = await provider.next();
    const client = await pending;
    arrival.socket.send('{"type":"ping","ping_event":{"event_id":1}}');
    await new Promise((resolve) => client.socket.once('message', resolve));
    client.socket.close(1000);
    await client.closed;
    let attached = 1;
    while (attached > 0) {
      const { clients } = await sessionOf(parley, 'acct/away', 'away');
      attached = clients.filter(({ left_at }) => left_at === null).length;
    }
    arrival.socket.send('{"type":"ping","ping_event":{"event_id":2}}');
    expect(await arrival.frame()).toBe('{"type":"pong","event_id":2}');
    arrival.socket.close(1000);
    expect(await untilEnded(parley, 'acct/away')).toMatchObject({ ended_reason: 'upstream_closed' });
  });
});
