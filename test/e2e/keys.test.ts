/** Provider keys that a gateway stores: what the provider gets, and that nobody else does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyShape } from '../../protocol/key-shapes.ts';
import { connected, type ConnectOptions, refused } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { closing, RawUpstream } from '../support/raw-upstream.ts';
import { get, untilEnded } from '../support/rest.ts';
import { secretsByFile, secretsIn } from '../support/secret-search.ts';

const OF_DEPLOYMENT = 'sk-canary-deployment-Zx81QpLm77';
const OF_GATEWAY = 'sk-canary-gateway-Ab12CdEf34';
const OF_TEAM = 'sk-canary-team-Gh56IjKl78';
const OWN = 'sk-canary-own-Mn90OpQr12';
const FIRST_SECRET = 'canary-encryption-secret-one-0123456789';
const SECOND_SECRET = 'canary-encryption-secret-two-0123456789';

let parley: ParleyProcess;
let upstream: RawUpstream;
let dataDir = '';
/** All that any server said, on whatever way. */
const said: string[] = [];

const start = (settings: Readonly<Record<string, string>>) =>
  startParley({
    dataDir,
    env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: OF_DEPLOYMENT, ...settings },
  });

async function restart(settings: Readonly<Record<string, string>>): Promise<void> {
  said.push(parley.output());
  await parley.stop();
  parley = await start(settings);
}

beforeAll(async () => {
  dataDir = mkdtempSync(`${tmpdir()}/parley-keys-`);
  upstream = await RawUpstream.listen();
  parley = await start({ PARLEY_ENCRYPTION_KEY: FIRST_SECRET });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function rest(method: string, path: string, body?: unknown): Promise<number> {
  const answer = await fetch(`${parley.http}/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${parley.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  said.push(await answer.text());
  return answer.status;
}

async function keysOf(gateway: string): Promise<KeyShape[]> {
  const keys = await get<KeyShape[]>(parley, `/v1/${gateway}/keys`);
  said.push(JSON.stringify(keys));
  return keys;
}

/** What the provider was dialled with. */
async function dialled(options: ConnectOptions = {}): Promise<{ key: string | undefined; whole: string }> {
  const [client, provider] = await Promise.all([connected(parley, options), upstream.next()]);
  provider.socket.write(closing(1000));
  await client.closed;
  return {
    key: provider.headers['authorization']?.replace('Bearer ', ''),
    whole: JSON.stringify([provider.path, provider.headers]),
  };
}

describe('P9 stored keys', () => {
  it('P9 the provider gets the gateway’s default key, one by its alias, or the deployment’s', async () => {
    expect((await dialled()).key).toBe(OF_DEPLOYMENT);
    expect(await rest('PUT', 'acct/gw/keys/openai/default', { key: OF_GATEWAY })).toBe(200);
    expect(await rest('PUT', 'acct/gw/keys/openai/team', { key: OF_TEAM })).toBe(200);
    expect((await dialled()).key).toBe(OF_GATEWAY);
    expect((await dialled({ gateway: 'acct/other' })).key).toBe(OF_DEPLOYMENT);
    const alias = Buffer.from('team').toString('base64url');
    for (const options of [
      { headers: { 'cf-aig-byok-alias': 'team' } },
      { query: 'model=gpt-realtime&cf-aig-byok-alias=team' },
      { protocols: ['realtime', `cf-aig-byok-alias.${alias}`] },
    ]) {
      const { key, whole } = await dialled(options);
      expect(key).toBe(OF_TEAM);
      expect(whole).not.toContain('byok');
      expect(whole).not.toContain(alias);
    }
    expect(
      (await dialled({ headers: { authorization: `Bearer ${OWN}`, 'cf-aig-byok-alias': 'team' } })).key,
    ).toBe(OWN);
    expect((await untilEnded(parley, 'acct/gw')).key_source).toBe('client');
    expect((await untilEnded(parley, 'acct/other')).key_source).toBe('stored');
  });

  it('P9 an alias that is not there is not dialled with another key', async () => {
    const answer = await refused(parley, { headers: { 'cf-aig-byok-alias': 'nobody' } });
    expect([answer.status, answer.body]).toEqual([401, expect.stringContaining("no key 'nobody'")]);
  });

  it('P9 one that the provider refuses is a 502 that says where to set another', async () => {
    upstream.answer = { kind: 'refuse', status: 401, body: `wrong key ${OF_TEAM}` };
    const answer = await refused(parley, { headers: { 'cf-aig-byok-alias': 'team' } });
    const secret = await refused(parley, { gateway: 'acct/other' });
    upstream.answer = { kind: 'accept' };
    said.push(answer.body, secret.body);
    expect([answer.status, answer.body]).toEqual([
      502,
      expect.stringContaining('Set a new one: PUT /v1/acct/gw/keys/openai/team.'),
    ]);
    expect(secret.body).toContain('Set a new one: npx wrangler secret put OPENAI_API_KEY.');
  });

  it('P9 a new encryption secret goes on with the previous one, and a list ends the rotation', async () => {
    await restart({ PARLEY_ENCRYPTION_KEY: SECOND_SECRET });
    expect((await keysOf('acct/gw')).map(({ readable, preview }) => [readable, preview])).toEqual([
      [false, null],
      [false, null],
    ]);
    const answer = await refused(parley, {});
    said.push(answer.body);
    expect([answer.status, answer.body]).toEqual([
      503,
      expect.stringContaining(
        'PARLEY_ENCRYPTION_KEY has changed since. Set its former value as PARLEY_ENCRYPTION_KEY_PREVIOUS',
      ),
    ]);
    await restart({ PARLEY_ENCRYPTION_KEY: SECOND_SECRET, PARLEY_ENCRYPTION_KEY_PREVIOUS: FIRST_SECRET });
    expect((await dialled()).key).toBe(OF_GATEWAY);
    expect((await keysOf('acct/gw')).map(({ readable }) => readable)).toEqual([true, true]);
    await restart({ PARLEY_ENCRYPTION_KEY: SECOND_SECRET });
    expect((await dialled()).key).toBe(OF_GATEWAY);
    expect((await dialled({ headers: { 'cf-aig-byok-alias': 'team' } })).key).toBe(OF_TEAM);
  });

  it('P9 no key and no secret is on the disk, in an answer or in the output; nor after it was deleted', async () => {
    const canaries = [OF_DEPLOYMENT, OF_GATEWAY, OF_TEAM, OWN, FIRST_SECRET, SECOND_SECRET];
    const leaks = () => [
      secretsIn(Buffer.from([...said, parley.output()].join('\n')), canaries),
      secretsByFile(dataDir, canaries).filter(([, found]) => found.length > 0),
    ];
    expect(leaks()).toEqual([[], []]);
    for (const alias of ['default', 'team'])
      expect(await rest('DELETE', `acct/gw/keys/openai/${alias}`)).toBe(200);
    expect(await keysOf('acct/gw')).toEqual([]);
    expect((await dialled()).key).toBe(OF_DEPLOYMENT);
    expect(leaks()).toEqual([[], []]);
    await restart({});
    expect(leaks()).toEqual([[], []]);
    // The search itself works: what was answered is there.
    expect(secretsIn(Buffer.from(said.join('\n')), ['"readable":true'])).toEqual(['"readable":true']);
    expect(secretsByFile(dataDir, ['gateway_settings']).some(([, found]) => found.length > 0)).toBe(true);
  });
});
