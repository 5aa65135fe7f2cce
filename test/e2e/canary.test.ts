/** Credentials go in by every door; none may come out, or be found on the disk. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { connect, type ConnectOptions } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { closing, frame, RawUpstream } from '../support/raw-upstream.ts';
import { eventsOf, sessionsOf } from '../support/rest.ts';
import { secretsByFile, secretsIn } from '../support/secret-search.ts';

const STORED = 'sk-canary-stored-Zx81QpLm77';
const OWN_HEADER = 'sk-canary-header-Ab12CdEf34';
const OWN_SUBPROTOCOL = 'sk-canary-subproto-Gh56IjKl78';
const COOKIE = 'canary-cookie-Mn90OpQr12';
const BASIC = 'canary-basic-St34UvWx56';
const CONTROL = 'canary-control-in-a-frame';

let parley: ParleyProcess;
let upstream: RawUpstream;
let minted = '';

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  parley = await startParley({ env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: STORED } });
  const answer = await fetch(`${parley.http}/v1/acct/gw/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${parley.token}` },
    body: '{"scope":["connect","read","admin"]}',
  });
  minted = ((await answer.json()) as { result: { token: string } }).result.token; // the envelope of docs/openapi.json
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

const secrets = (): string[] => [parley.token, minted, STORED, OWN_HEADER, OWN_SUBPROTOCOL, COOKIE, BASIC];

/** One session, at whose end the provider quotes the key that it got. */
async function use(options: ConnectOptions): Promise<string> {
  const pending = connect(parley, options);
  const provider = upstream.answer.kind === 'accept' ? await upstream.next() : null;
  const client = await pending;
  if ('status' in client) return JSON.stringify(client);
  const reason = `no more for ${provider?.headers['authorization']}`;
  provider?.socket.write(Buffer.concat([frame(1, `{"type":"${CONTROL}"}`), closing(4000, reason)]));
  const closed = await client.closed;
  return JSON.stringify([closed, client.socket.protocol]);
}

describe('P9 no secret leaves', () => {
  it('P9 by any carrier: not on disk, not over REST, not in the output, not in an answer', async () => {
    const seen: string[] = [];
    const withCookie = { cookie: `id=${COOKIE}`, 'proxy-authorization': `Basic ${BASIC}` };
    seen.push(await use({ headers: withCookie }));
    seen.push(await use({ headers: { authorization: `Bearer ${OWN_HEADER}` } }));
    seen.push(await use({ headers: { 'cf-aig-authorization': minted } }));
    seen.push(
      await use({
        protocols: [
          'realtime',
          `openai-insecure-api-key.${OWN_SUBPROTOCOL}`,
          `cf-aig-authorization.${minted}`,
        ],
      }),
    );
    upstream.answer = { kind: 'refuse', status: 429, body: `key ${STORED} is limited` };
    seen.push(await use({}));
    upstream.answer = { kind: 'refuse', status: 401, body: `key ${STORED} is wrong` };
    seen.push(await use({}));
    upstream.answer = { kind: 'hang' };
    seen.push(
      await use({ headers: { authorization: `Bearer ${OWN_HEADER}`, 'cf-aig-request-timeout': '100' } }),
    );
    seen.push(await use({ headers: { 'cf-aig-authorization': `${minted}x` } }));
    upstream.answer = { kind: 'accept' };

    const sessions = await sessionsOf(parley, 'acct/gw');
    expect(sessions.length).toBeGreaterThanOrEqual(7);
    for (const { id } of sessions) {
      for (const path of ['', '/events']) {
        const answer = await fetch(`${parley.http}/v1/acct/gw/sessions/${id}${path}`, {
          headers: { authorization: `Bearer ${parley.token}` },
        });
        seen.push(await answer.text(), JSON.stringify([...answer.headers]));
      }
    }
    for (const path of ['/v1/acct/gw/sessions', '/v1/acct/gw/tokens', '/readyz', '/openapi.json']) {
      const answer = await fetch(parley.http + path, {
        headers: { authorization: `Bearer ${parley.token}` },
      });
      seen.push(await answer.text());
    }
    seen.push(parley.output());
    const all = Buffer.from(seen.join('\n'));
    expect(secretsIn(all, secrets())).toEqual([]);
    // The search itself works: what was relayed is there.
    expect(all.includes(CONTROL)).toBe(true);
    const frames = await Promise.all(sessions.map(({ id }) => eventsOf(parley, 'acct/gw', id)));
    expect(frames.flat().filter(({ text }) => text?.includes(CONTROL)).length).toBeGreaterThanOrEqual(4);

    const files = secretsByFile(parley.dataDir, secrets());
    expect(files.filter(([name]) => name.includes('.sqlite')).length).toBeGreaterThan(5);
    expect(files.filter(([, found]) => found.length > 0)).toEqual([]);
  });

  it('P9 when every offered subprotocol carries a credential, the gateway’s is echoed, and only then', async () => {
    const offer = [`openai-insecure-api-key.${OWN_SUBPROTOCOL}`, `cf-aig-authorization.${minted}`];
    const socket = new WebSocket(`${parley.ws}/v1/acct/gw/openai?model=gpt-realtime`, offer);
    const provider = await upstream.next();
    await new Promise<void>((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    expect(socket.protocol).toBe(offer[1]);
    provider.socket.destroy();
  });
});
