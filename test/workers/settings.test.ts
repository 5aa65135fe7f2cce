import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Env } from '../../durable-objects/environment.ts';
import { directoryObjectName } from '../../protocol/connect.ts';
import { BrokerError } from '../../protocol/errors.ts';
import type { SessionShape, SessionSummaryShape } from '../../protocol/rest.ts';
import { configuration } from '../../worker/configuration.ts';
import { askGateway } from '../../worker/gateway.ts';
import { summaryWith } from '../support/summary.ts';
import { ADMIN, asAdmin, call, type Client, type Envelope, open, resultOf } from './parley.ts';

const DAY_MS = 86_400_000;
const SIMULATOR = 'simulator?model=sim-support';

type Shown = Readonly<Record<string, { readonly value: unknown; readonly source: string }>>;

/** A gateway of its own for each test. */
function gateway(name: string) {
  const base = `/v1/acct/${name}`;
  const patch = (body: unknown) =>
    asAdmin(`${base}/settings`, { method: 'PATCH', body: JSON.stringify(body) });
  return {
    base,
    directory: env.DIRECTORY.getByName(directoryObjectName('acct', name)),
    patch,
    set: (body: unknown) => resultOf<Shown>(patch(body)),
    settings: () => resultOf<Shown>(asAdmin(`${base}/settings`)),
    session: ({ response }: Client) =>
      resultOf<SessionShape>(asAdmin(`${base}/sessions/${response.headers.get('parley-session-id')}`)),
    /** Status and error of a connection. */
    refusal: async (path: string, headers: Record<string, string> = {}) => {
      const answer = await call(`${base}/${path}`, {
        headers: { upgrade: 'websocket', 'cf-aig-authorization': ADMIN, ...headers },
      });
      answer.webSocket?.accept();
      answer.webSocket?.close();
      if (answer.status === 101) return [101, '', ''];
      const { errors }: Envelope<null> = await answer.json();
      return [answer.status, errors[0]?.name ?? '', errors[0]?.message ?? ''];
    },
  };
}

async function ended(client: Client): Promise<void> {
  client.socket.close(1000);
  await client.closed;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('P10 a gateway’s settings', () => {
  it('P10 say what holds and whose word it is; what is not named stays, null takes the deployment’s', async () => {
    const { set, settings } = gateway('shown');
    expect(await settings()).toMatchObject({
      log: { value: 'full', source: 'deployment' },
      retention_days: { value: 30, source: 'deployment' },
      allowed_origins: { value: ['https://app.example'], source: 'deployment' },
      allowed_providers: { value: null, source: 'deployment' },
      prices: { value: {}, source: 'deployment' },
    });
    await set({ log: 'metadata', retention_days: 7 });
    const changed = await set({
      retention_days: null,
      max_clients: 2,
      prices: { 'xai/a': { usd_per_hour: 1 } },
    });
    expect(changed).toMatchObject({
      log: { value: 'metadata', source: 'gateway' },
      retention_days: { value: 30, source: 'deployment' },
      max_clients: { value: 2, source: 'gateway' },
      prices: { value: { 'xai/a': { usd_per_hour: 1 } }, source: 'gateway' },
    });
    expect(await settings()).toEqual(changed);
  });

  it('P10 are of that gateway alone', async () => {
    await gateway('one').set({ log: 'none', allowed_providers: ['openai'] });
    const other = gateway('another');
    expect(await other.settings()).toMatchObject({ log: { source: 'deployment' } });
    expect(await other.refusal(SIMULATOR)).toEqual([101, '', '']);
    const { token } = await resultOf<{ token: string }>(
      asAdmin(`${other.base}/tokens`, { method: 'POST', body: '{"scope":["admin"]}' }),
    );
    const foreign = await call('/v1/acct/one/settings', { headers: { authorization: `Bearer ${token}` } });
    expect(foreign.status).toBe(403);
  });

  it.each([
    [{ retention_day: 3 }, 'Did you mean retention_days?'],
    [{ retention_days: 0 }, 'retention_days must be a whole number from 1 to 3650'],
    [{ max_clients: 257 }, 'max_clients goes beyond PARLEY_MAX_CLIENTS of the deployment, which is 256'],
    [{ allowed_providers: ['opanai'] }, "Did you mean 'openai'?"],
    [{ allowed_providers: ['google-ai-studio'] }, "Did you mean 'google'?"],
    [{ prices: { 'openai/x': {} } }, 'prices: openai/x has no price'],
    [[], 'must be a JSON object'],
  ])('P10 %j is refused, and nothing is changed', async (body, sentence) => {
    const { patch, settings } = gateway('refused');
    const answer = await patch(body);
    const text = await answer.text();
    expect([answer.status, text]).toEqual([400, expect.stringContaining(sentence)]);
    expect(text).not.toContain('..');
    expect(Object.values(await settings()).every(({ source }) => source === 'deployment')).toBe(true);
  });

  it('P10 hold 16 KiB, and one character past it is refused', async () => {
    const { patch } = gateway('size');
    const models = (characters: number) => {
      const around = JSON.stringify({ allowed_models: [''] }).length;
      const parts = Array.from({ length: 106 }, () => 'm'.repeat(150));
      const rest = characters - around - parts.join('","').length - '","'.length;
      return { allowed_models: [...parts, 'm'.repeat(rest)] };
    };
    expect(JSON.stringify(models(16_384)).length).toBe(16_384);
    expect((await patch(models(16_384 + 1))).status).toBe(400);
    expect((await patch(models(16_384))).status).toBe(200);
  });

  it('P10 full of prices, they still go along to a session', async () => {
    const { set, refusal } = gateway('many-prices');
    const rows = Array.from({ length: 400 }, (_, n) => [`simulator/m${1000 + n}`, { usd_per_hour: 1 }]);
    expect(await set({ prices: Object.fromEntries(rows) })).toMatchObject({ prices: { source: 'gateway' } });
    expect(await refusal(SIMULATOR)).toEqual([101, '', '']);
  });

  it('P10 hold for the next connection at once, and for no session that runs', async () => {
    const { base, set, session, refusal } = gateway('at-once');
    const running = await open(`${base}/${SIMULATOR}&parley-session=shared`);
    await running.next();
    await set({ log: 'none', max_clients: 1, max_session_seconds: 60 });
    expect(await refusal(`${SIMULATOR}&parley-session=shared`)).toEqual([
      429,
      'too_many_clients',
      expect.stringContaining('max_clients of the gateway'),
    ]);
    const next = await open(`${base}/${SIMULATOR}`);
    await next.next();
    expect([(await session(running)).log, (await session(next)).log]).toEqual(['full', 'none']);
    await Promise.all([ended(running), ended(next)]);
  });

  it('P10 that list providers or models refuse all others, by a sentence that names the setting', async () => {
    const { set, refusal } = gateway('allowed');
    await set({ allowed_providers: ['openai', 'simulator'], allowed_models: ['sim-*', 'gpt-realtime'] });
    expect(await refusal('deepgram/v1/listen?model=nova-3')).toEqual([
      403,
      'not_allowed_here',
      'This gateway does not allow the provider deepgram; it allows openai, simulator. That is decided by allowed_providers of its settings (PATCH /v1/acct/allowed/settings), within PARLEY_ALLOWED_PROVIDERS.',
    ]);
    expect(await refusal('openai?model=gpt-realtime-mini')).toEqual([
      403,
      'not_allowed_here',
      expect.stringContaining('the model gpt-realtime-mini; it allows sim-*, gpt-realtime'),
    ]);
    expect(await refusal('openai/realtime?intent=transcription')).toEqual([
      403,
      'not_allowed_here',
      expect.stringContaining('allowed_models'),
    ]);
    expect(await refusal(SIMULATOR)).toEqual([101, '', '']);
    await set({ allowed_models: ['sim-support'] });
    expect((await refusal('simulator?model=sim-support-2'))[0]).toBe(403);
    await set({ allowed_models: null, allowed_providers: ['openai'] });
    expect((await refusal(SIMULATOR))[0]).toBe(403);
  });

  it('S-07 its origins take the place of the deployment’s', async () => {
    const { set, refusal } = gateway('origins');
    await set({ allowed_origins: ['https://shop.example'] });
    const from = async (origin: string) => {
      const answer = await call(`/v1/acct/origins/${SIMULATOR}`, {
        headers: { upgrade: 'websocket', 'cf-aig-authorization': ADMIN, origin },
      });
      if (answer.webSocket === null) return answer.status;
      const closed = new Promise<number>((resolve) => {
        answer.webSocket?.addEventListener('close', ({ code }) => resolve(code));
        answer.webSocket?.addEventListener('message', ({ data }) => {
          if (String(data).includes('session.created')) resolve(101);
        });
      });
      answer.webSocket.accept();
      const code = await closed;
      answer.webSocket.close();
      return code;
    };
    expect(await from('https://shop.example')).toBe(101);
    expect(await from('https://app.example')).toBe(4403);
    expect(await refusal(SIMULATOR)).toEqual([101, '', '']);
  });

  it('P3 its retention is what its sessions are deleted by', async () => {
    const { base, directory, set } = gateway('retention');
    const list = () => resultOf<SessionSummaryShape[]>(asAdmin(`${base}/sessions`));
    await directory.put(summaryWith('aged', { status: 'ended', startedAt: Date.now() - 3 * DAY_MS }));
    await set({ retention_days: 4 });
    await runDurableObjectAlarm(directory);
    expect(await list()).toMatchObject([{ id: 'aged' }]);
    await set({ retention_days: 2 });
    await runDurableObjectAlarm(directory);
    expect(await list()).toEqual([]);
  });

  it('P10 survive the object that holds them', async () => {
    const { directory, set, settings } = gateway('kept');
    await set({ grace_seconds: 5 });
    await evictDurableObject(directory);
    expect(await settings()).toMatchObject({ grace_seconds: { value: 5, source: 'gateway' } });
  });
});

describe('P10 a directory that does not answer', () => {
  it('P10 lets nobody in: 503, whoever asks', async () => {
    const { directory, refusal } = gateway('broken');
    await runInDurableObject(directory, (_, { storage }) => storage.sql.exec('DROP TABLE gateway_settings'));
    expect((await refusal(SIMULATOR)).slice(0, 2)).toEqual([503, 'storage_unavailable']);
  });

  it('P10 is waited for for 5 s and no longer', async () => {
    vi.useFakeTimers();
    const silent = { gateway: () => new Promise(() => {}) };
    // All that is looked at is the directory, and only what there is to ask.
    const broken = { ...env, DIRECTORY: { getByName: () => silent } } as unknown as Env;
    let outcome = 'waits';
    const asked = askGateway(
      broken,
      configuration(broken),
      { account: 'acct', gateway: 'silent' },
      { kind: 'admin' },
      null,
    ).catch((error: unknown) => {
      outcome = error instanceof BrokerError ? error.public.code : String(error);
    });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(outcome).toBe('waits');
    await vi.advanceTimersByTimeAsync(1);
    await asked;
    expect(outcome).toBe('storage_unavailable');
  });

  it('P10 nor does a setting that cannot be read count as none', async () => {
    const { directory, refusal, settings } = gateway('unreadable');
    await runInDurableObject(directory, (_, { storage }) =>
      storage.sql.exec(`INSERT INTO gateway_settings VALUES (1, '{"allowed_models":7}')`),
    );
    expect(await refusal(SIMULATOR)).toEqual([
      503,
      'bad_setting',
      expect.stringContaining('allowed_models must be'),
    ]);
    expect(await settings()).toBe(null);
    const mended = await asAdmin('/v1/acct/unreadable/settings', {
      method: 'PATCH',
      body: '{"allowed_models":null}',
    });
    expect(mended.status).toBe(200);
    expect((await refusal(SIMULATOR))[0]).toBe(101);
  });
});
