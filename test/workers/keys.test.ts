import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { directoryObjectName } from '../../protocol/connect.ts';
import type { KeyShape } from '../../protocol/key-shapes.ts';
import { seal } from '../../worker/key-vault.ts';
import { ADMIN, asAdmin, call, type Envelope, errorOf, resultOf } from './parley.ts';

const KEY = 'sk-of-the-gateway-Ab12CdEf';

function gateway(name: string) {
  const base = `/v1/acct/${name}`;
  const put = (place: string, body: unknown = { key: KEY }) =>
    asAdmin(`${base}/keys/${place}`, { method: 'PUT', body: JSON.stringify(body) });
  return {
    base,
    directory: env.DIRECTORY.getByName(directoryObjectName('acct', name)),
    put,
    list: () => resultOf<KeyShape[]>(asAdmin(`${base}/keys`)),
    remove: (place: string) => resultOf(asAdmin(`${base}/keys/${place}`, { method: 'DELETE' })),
    /** What a connection is refused with that is dialled with a stored key, before it is dialled. */
    refusal: async (alias: string, provider = 'openai?model=gpt-realtime') => {
      const answer = await call(`${base}/${provider}`, {
        headers: { upgrade: 'websocket', 'cf-aig-authorization': ADMIN, 'cf-aig-byok-alias': alias },
      });
      answer.webSocket?.accept();
      answer.webSocket?.close();
      if (answer.status === 101) return [101];
      const { errors }: Envelope<null> = await answer.json();
      return [answer.status, errors[0]?.name, errors[0]?.message];
    },
  };
}

describe('P9 stored provider keys', () => {
  it('P9 come in and do not go out: a list shows the last four characters, of long keys only', async () => {
    const { put, list, remove } = gateway('lifecycle');
    const answer = await put('openai/default');
    expect(await answer.clone().text()).not.toContain(KEY);
    const stored = await resultOf<KeyShape>(Promise.resolve(answer));
    expect(stored).toMatchObject({ provider: 'openai', alias: 'default', preview: '…CdEf', readable: true });
    await put('google-ai-studio/team-a', { key: 'eleven-char' });
    const listed = await list();
    expect(listed.map(({ provider, alias, preview }) => [provider, alias, preview])).toEqual([
      ['google', 'team-a', null],
      ['openai', 'default', '…CdEf'],
    ]);
    const replaced = await resultOf<KeyShape>(put('openai/default', { key: 'sk-another-key-Wxyz' }));
    expect(replaced).toMatchObject({ preview: '…Wxyz', created_at: stored.created_at });
    expect(await remove('openai/default')).toEqual({ provider: 'openai', alias: 'default', deleted: true });
    expect(await remove('openai/default')).toMatchObject({ deleted: false });
    expect((await list()).map(({ alias }) => alias)).toEqual(['team-a']);
  });

  it.each([
    ['openai/default', { key: '' }, 400, 'invalid_request'],
    ['openai/default', { key: 'sk-with\r\nhost: evil' }, 400, 'invalid_request'],
    ['openai/default', { key: 'sk-with\u0000nul' }, 400, 'invalid_request'],
    ['openai/default', { key: ' sk-padded' }, 400, 'invalid_request'],
    ['openai/default', { key: 'sk-ümlaut' }, 400, 'invalid_request'],
    ['openai/default', { key: 'k'.repeat(4097) }, 400, 'invalid_request'],
    ['openai/default', {}, 400, 'invalid_request'],
    ['openai/default', { key: KEY, note: 'x' }, 400, 'invalid_request'],
    ['openai/a.b', { key: KEY }, 400, 'invalid_request'],
    ['simulator/default', { key: KEY }, 400, 'invalid_request'],
    ['opanai/default', { key: KEY }, 404, 'unknown_provider'],
  ])('P10 %s with %j is refused', async (place, body, status, name) => {
    const { put, list } = gateway('refused');
    const answer = await put(place, body);
    const text = await answer.clone().text();
    expect([answer.status, await errorOf(answer)]).toEqual([status, name]);
    expect(text).not.toContain(KEY);
    expect(await list()).toEqual([]);
  });

  it('P10 a key of 4,096 characters, and the hundredth one, are the last that are taken', async () => {
    const { put, directory } = gateway('most');
    expect((await put('openai/k0', { key: 'k'.repeat(4096) })).status).toBe(200);
    await runInDurableObject(directory, (_, { storage: { sql } }) => {
      for (let n = 1; n < 99; n += 1)
        sql.exec(`INSERT INTO provider_key VALUES ('openai', 'k${n}', x'01', 1, 1)`);
    });
    expect((await put('openai/k99')).status).toBe(200);
    expect((await put('openai/k100')).status).toBe(400);
    expect((await put('openai/k99')).status).toBe(200);
  });

  it('P9 are of one gateway: another neither lists, uses nor deletes them', async () => {
    const [mine, other] = [gateway('mine'), gateway('other')];
    await mine.put('openai/team-a');
    expect(await other.list()).toEqual([]);
    expect(await other.remove('openai/team-a')).toMatchObject({ deleted: false });
    expect(await other.refusal('team-a')).toEqual([
      401,
      'key_alias_missing',
      "This gateway has no key 'team-a' for provider openai, which cf-aig-byok-alias asks for. Store it: PUT /v1/acct/other/keys/openai/team-a. GET …/keys lists those that there are.",
    ]);
    expect(await mine.list()).toMatchObject([{ alias: 'team-a' }]);
    expect((await mine.refusal('team-a', 'xai?model=grok'))[1]).toBe('key_alias_missing');
  });

  it('P9 a row that was moved, or that another secret sealed, is not used: the error names the setting', async () => {
    const { put, list, refusal, directory } = gateway('moved');
    await put('openai/mine');
    await runInDurableObject(directory, (_, { storage: { sql } }) =>
      sql.exec("INSERT INTO provider_key SELECT 'openai', 'moved', sealed, 1, 1 FROM provider_key"),
    );
    const sealed = await seal(
      KEY,
      { account: 'acct', gateway: 'moved', provider: 'openai', alias: 'old' },
      {
        PARLEY_ADMIN_TOKEN: 'another-admin-token-0123456789',
        PARLEY_ENCRYPTION_KEY: null,
        PARLEY_ENCRYPTION_KEY_PREVIOUS: null,
      },
    );
    await directory.putKey({ provider: 'openai', alias: 'old', sealed });
    for (const alias of ['moved', 'old']) {
      const [status, name, message] = await refusal(alias);
      expect([status, name]).toEqual([503, 'key_unreadable']);
      expect(message).toContain('PARLEY_ADMIN_TOKEN, which it is derived from, has changed');
      expect(message).toContain('PARLEY_ENCRYPTION_KEY_PREVIOUS');
    }
    expect((await list()).map(({ alias, readable }) => [alias, readable])).toEqual([
      ['mine', true],
      ['moved', false],
      ['old', false],
    ]);
  });

  it.each(['a.b', '', 'x'.repeat(65)])('P10 the alias %j is no name', async (alias) => {
    expect((await gateway('names').refusal(alias))[1]).toBe('invalid_request');
  });

  it('P9 a simulated session needs no key, whatever alias it names', async () => {
    expect(await gateway('simulated').refusal('nobody', 'openai?model=sim-support')).toEqual([101]);
  });
});
