/** A key of each provider, by each door that its clients use: it reaches the provider, and nothing else. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import type { Carrier } from '../../protocol/connect.ts';
import { SIMULATED_BASE_URL } from '../../protocol/settings.ts';
import { PROVIDERS } from '../../providers/registry.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { closing, RawUpstream } from '../support/raw-upstream.ts';
import { get } from '../support/rest.ts';
import { secretsByFile, secretsIn } from '../support/secret-search.ts';

/** What each provider must be asked for, beside its name. */
const TARGETS: Readonly<Record<string, string>> = {
  deepgram: '/v1/listen?model=nova-3',
  elevenlabs: '?voice_id=v1',
  fal: '/fal-ai/fast-lcm-diffusion',
  'workers-ai': '?model=@cf/deepgram/nova-3',
};

const DIALLED = PROVIDERS.filter(({ settings }) => settings.defaultBaseUrl !== SIMULATED_BASE_URL);
const stored = (id: string): string => `canary-stored-${id}-Qp7Zx3`;
/** One for each place where a client may put a key of its own. */
const OWN = DIALLED.flatMap(({ id, carriers }) =>
  carriers.map((carrier, index) => ({ id, carrier, key: `canary-own-${id}-${index}-Lm42Vw` })),
);
const SECRETS = [...DIALLED.map(({ id }) => stored(id)), ...OWN.map(({ key }) => key)];

let parley: ParleyProcess;
let used = 0;
let upstream: RawUpstream;

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  const { origin } = new URL(upstream.url);
  const settings = DIALLED.flatMap(({ id, settings: { key, baseUrl } }) => [
    [baseUrl, origin],
    ...(key === null ? [] : [[key, stored(id)]]),
  ]);
  parley = await startParley({ env: { ...Object.fromEntries(settings), WORKERS_AI_ACCOUNT_ID: 'acct' } });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

/** Opens a session that the provider closes with the key as its reason. Resolves with all that the client was told. */
async function use(id: string, key: string, carrier: Carrier | null): Promise<string> {
  const url = new URL(`${parley.ws}/v1/acct/gw/${id}${TARGETS[id] ?? ''}`);
  // One that can be come back to: what that needs is kept on disk too.
  const session = `canary-${(used += 1)}`;
  url.searchParams.set('parley-session', session);
  const headers: Record<string, string> = { 'cf-aig-authorization': `Bearer ${parley.token}` };
  const protocols: string[] = [];
  if (carrier?.in === 'query') url.searchParams.set(carrier.name, key);
  if (carrier?.in === 'header')
    headers[carrier.name] = [...(carrier.schemes ?? []).slice(0, 1), key].join(' ');
  if (carrier?.in === 'subprotocol') protocols.push('plain', `${carrier.prefix}${key}`);
  if (carrier?.in === 'subprotocol-pair') protocols.push(carrier.name, key);
  const socket = new WebSocket(url, protocols, { headers });
  const closed = new Promise<string>((resolve, reject) => {
    socket.on('close', (code, reason) => resolve(`${code} ${reason.toString()} ${socket.protocol}`));
    socket.on('error', reject);
  });
  const provider = await Promise.race([
    upstream.next(),
    closed.then((told) => Promise.reject(new Error(told))),
  ]);
  const asked = decodeURIComponent(JSON.stringify([provider.path, provider.headers]));
  expect([id, carrier, asked.includes(key)]).toEqual([id, carrier, true]);
  expect(secretsIn(Buffer.from(asked), [parley.token])).toEqual([]);
  // Being read, it stores all that it has.
  await get(parley, `/v1/acct/gw/sessions/${session}`);
  provider.socket.write(closing(4000, key));
  return closed;
}

describe('P9 no provider’s key leaves', () => {
  it('P9 a key by any carrier, or the stored one, reaches its provider alone', async () => {
    const seen: string[] = [];
    for (const { id } of DIALLED) seen.push(await use(id, stored(id), null));
    for (const { id, key, carrier } of OWN) seen.push(await use(id, key, carrier));
    expect(seen.filter((told) => !told.startsWith('4000 '))).toEqual([]);

    const listed = () => get<readonly { readonly id: string }[]>(parley, '/v1/acct/gw/sessions?limit=100');
    await vi.waitFor(async () => expect(await listed()).toHaveLength(DIALLED.length + OWN.length));
    const sessions = await listed();
    for (const { id } of sessions) {
      for (const path of ['', '/events']) {
        const answer = await fetch(`${parley.http}/v1/acct/gw/sessions/${id}${path}`, {
          headers: { authorization: `Bearer ${parley.token}` },
        });
        seen.push(await answer.text());
      }
    }
    seen.push(JSON.stringify(sessions), parley.output());
    expect(secretsIn(Buffer.from(seen.join('\n')), SECRETS)).toEqual([]);
    const files = secretsByFile(parley.dataDir, SECRETS);
    expect(files.length).toBeGreaterThan(sessions.length);
    expect(files.filter(([, found]) => found.length > 0)).toEqual([]);
  });
});
