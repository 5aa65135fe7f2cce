import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DirectoryObject } from '../../durable-objects/directory-object.ts';
import { directoryObjectName } from '../../protocol/connect.ts';
import { NO_SUMS } from '../../protocol/usage-sums.ts';
import type { DeliveryShape } from '../../protocol/webhook-shapes.ts';
import { summaryWith } from '../support/summary.ts';
import { asAdmin, errorOf, resultOf } from './parley.ts';

const DAY_MS = 86_400_000;
const URL = 'https://hooks.example/in';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A gateway of its own, whose directory has a webhook; what is posted to it is answered by `status`. */
function gateway(name: string) {
  const posted: { readonly url: string; readonly body: string }[] = [];
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (typeof input === 'string' && typeof init?.body === 'string')
      posted.push({ url: input, body: init.body });
    return new Response(null, { status: 204 });
  });
  const stub = env.DIRECTORY.getByName(directoryObjectName('acct', name));
  /** In the object's own storage, as after a restart with the setting. */
  const inside = <T>(work: (directory: DirectoryObject, state: DurableObjectState) => Promise<T>) =>
    runInDurableObject(stub, (own, state) => {
      // The one without the setting leaves the alarm to the other.
      vi.spyOn(own, 'alarm').mockResolvedValue();
      const settings = { PARLEY_WEBHOOKS: JSON.stringify([{ url: URL }]) };
      return work(new DirectoryObject(state, { ...env, ...settings }), state);
    });
  return { posted, stub, inside, deliveries: `/v1/acct/${name}/webhooks/deliveries` };
}

const live = (id: string) => summaryWith(id, { startedAt: Date.now() });
const ended = (id: string, startedAt: number, revision: number) =>
  summaryWith(id, {
    startedAt,
    status: 'ended',
    endedAt: startedAt + 10,
    endedReason: 'x',
    sums: NO_SUMS,
    revision,
  });

describe('P3 webhooks in the directory', () => {
  it('P3 summaries that come twice, late, or after the end enqueue each event once', async () => {
    const { inside, deliveries } = gateway('hooks-once');
    const first = live('s1');
    await inside(async (directory) => {
      await directory.put(first);
      await directory.put(first);
      const end = ended('s1', first.startedAt, 3);
      await directory.put(end);
      await directory.put(end);
      await directory.put({ ...first, revision: 2 });
      await directory.put({ ...end, revision: 4, feedback: 1 });
    });
    const told = await resultOf<DeliveryShape[]>(asAdmin(deliveries));
    expect(told.map(({ event, status }) => [event, status])).toEqual([
      ['session.ended', 'pending'],
      ['session.started', 'pending'],
    ]);
  });

  it('P3 one alarm delivers and sweeps, each in its time', async () => {
    const { inside, posted } = gateway('hooks-alarm');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const startedAt = Date.now() - 1_000;
    await inside(async (directory, state) => {
      await directory.put(ended('s1', startedAt, 1));
      expect(await state.storage.getAlarm()).toBeLessThan(Date.now() + 1_000);
      await state.storage.deleteAlarm();
      await directory.alarm();
      expect(posted.map(({ url }) => url)).toEqual([URL, URL]);
      // Next is the sweep; what was delivered is forgotten later than that.
      const next = await state.storage.getAlarm();
      expect(next).toBeGreaterThan(Date.now());
      expect(next).toBeLessThanOrEqual(Date.now() + DAY_MS);
      vi.setSystemTime(startedAt + 31 * DAY_MS);
      await state.storage.deleteAlarm();
      await directory.alarm();
      expect(directory.list({ ...ANY }, null, 10)).toEqual([]);
      expect(directory.deliveries(null, null, 10)).toEqual([]);
      expect(posted).toHaveLength(2);
    });
  });

  it('P3 a budget’s event goes the same way, once for each key', async () => {
    const { inside, posted } = gateway('hooks-budget');
    await inside(async (directory) => {
      const event = {
        type: 'budget.exceeded',
        key: 'day 2026-11-25',
        session: null,
        at: Date.now(),
        data: { budget: 'day' },
      } as const;
      await directory.announce([event]);
      await directory.announce([event]);
      await directory.alarm();
    });
    expect(posted).toHaveLength(1);
    expect(JSON.parse(posted[0]?.body ?? '')).toMatchObject({
      type: 'budget.exceeded',
      data: { account: 'acct', gateway: 'hooks-budget', budget: 'day' },
    });
  });

  it('P10 without webhooks nothing is enqueued, and bad queries are refused', async () => {
    const { stub, deliveries, posted } = gateway('hooks-none');
    await stub.put(live('s1'));
    await runDurableObjectAlarm(stub);
    expect(await resultOf(asAdmin(deliveries))).toEqual([]);
    expect(posted).toEqual([]);
    for (const query of ['?status=lost', '?cursor=x', '?limit=101', '?limit=0']) {
      const answer = await asAdmin(deliveries + query);
      expect([answer.status, await errorOf(answer)]).toEqual([400, 'invalid_request']);
    }
  });

  it('P10 pages of deliveries have a cursor, and come to an end', async () => {
    const { inside, deliveries } = gateway('hooks-pages');
    await inside(async (directory) => {
      for (const id of ['s1', 's2', 's3']) await directory.put(live(id));
    });
    const seen: (string | null)[] = [];
    let cursor: string | null = '';
    for (let page = 0; cursor !== null && page < 9; page += 1) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const answer = await asAdmin(`${deliveries}?limit=2${query}`);
      const body = (await answer.json()) as {
        result: DeliveryShape[];
        result_info: { cursor: string | null };
      }; // the envelope of docs/openapi.json
      seen.push(...body.result.map(({ session }) => session));
      cursor = body.result_info.cursor;
    }
    expect(seen).toEqual(['s3', 's2', 's1']);
  });
});

const ANY = {
  status: null,
  provider: null,
  model: null,
  endedReason: null,
  since: null,
  until: null,
  minCostNano: null,
  redriveOf: null,
  metadata: [],
};
