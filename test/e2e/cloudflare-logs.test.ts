/** Cloudflare's own SDK, with nothing changed but its base URL, reads sessions as AI Gateway's logs. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import Cloudflare from 'cloudflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected } from '../support/client.ts';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { untilEnded } from '../support/rest.ts';

const GATEWAY = 'gw';
const IN_GATEWAY = { account_id: 'acct', gateway_id: GATEWAY };

let parley: ParleyProcess;
let cloudflare: Cloudflare;

beforeAll(async () => {
  parley = await startParley({ env: { OPENAI_BASE_URL: 'simulator', OPENAI_API_KEY: 'k' } });
  cloudflare = new Cloudflare({
    apiToken: parley.token,
    baseURL: `${parley.http}/client/v4`,
    maxRetries: 0,
  });
});
afterAll(() => parley.stop());

/** One turn by text, and the end; answers the session's id. */
async function talk(text: string, metadata: object, gateway = GATEWAY): Promise<string> {
  const done = Promise.withResolvers<void>();
  const { socket, id, closed } = await connected(parley, {
    gateway: `acct/${gateway}`,
    headers: { 'cf-aig-metadata': JSON.stringify(metadata) },
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        if (data.toString().includes('"response.done"')) done.resolve();
      }),
  });
  const content = [{ type: 'input_text', text }];
  socket.send(
    JSON.stringify({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } }),
  );
  socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
  await done.promise;
  socket.close(1000);
  await closed;
  await untilEnded(parley, `acct/${gateway}`, id);
  return id;
}

async function idsOf(params: Omit<Cloudflare.AIGateway.LogListParams, 'account_id'>): Promise<string[]> {
  const ids: string[] = [];
  // Fetches page after page.
  for await (const log of cloudflare.aiGateway.logs.list(GATEWAY, { account_id: 'acct', ...params }))
    ids.push(log.id);
  return ids;
}

describe('P2 the cloudflare SDK', () => {
  it('P2 lists, filters, gets, patches and deletes', async () => {
    const ids: string[] = [];
    for (const team of ['red', 'blue', 'red']) ids.push(await talk(`hello ${team}`, { team }));
    const [first = '', second = '', third = ''] = ids;

    const page = await cloudflare.aiGateway.logs.list(GATEWAY, {
      account_id: 'acct',
      per_page: 2,
      meta_info: true,
    });
    expect(page.result.map(({ id }) => id)).toEqual([third, second]);
    expect(page.result_info).toMatchObject({ page: 1, per_page: 2, count: 2, total_count: 3 });
    expect(page.result[0]).toMatchObject({
      provider: 'openai',
      model: 'gpt-realtime',
      path: 'realtime',
      success: true,
      cached: false,
      status_code: 101,
      request_type: 'websocket',
      metadata: '{"team":"red"}',
    });
    expect(await idsOf({ per_page: 2 })).toEqual([third, second, first]);
    expect(await idsOf({ order_by: 'created_at', order_by_direction: 'asc', per_page: 1 })).toEqual(ids);
    const red = [
      { key: 'metadata.key', operator: 'eq', value: ['team'] },
      { key: 'metadata.value', operator: 'eq', value: ['red'] },
      { key: 'tokens_out', operator: 'gt', value: [0] },
    ] as const;
    expect(await idsOf({ filters: red.map((filter) => ({ ...filter, value: [...filter.value] })) })).toEqual([
      third,
      first,
    ]);
    expect(await idsOf({ filters: [{ key: 'id', operator: 'eq', value: [first, second] }] })).toEqual([
      second,
      first,
    ]);
    expect(await idsOf({ search: 'blue', success: true })).toEqual([second]);

    const log = await cloudflare.aiGateway.logs.get(second, IN_GATEWAY);
    expect(log).toMatchObject({ id: second, tokens_out: expect.any(Number), request_head_complete: true });
    expect(log.request_head).toContain('hello blue');
    expect(log.response_size).toBeGreaterThan(0);
    const request = await cloudflare.aiGateway.logs.request(second, IN_GATEWAY);
    expect(request).toContain('response.create');
    expect(request).not.toContain('response.done');
    expect(await cloudflare.aiGateway.logs.response(second, IN_GATEWAY)).toContain('response.done');

    await cloudflare.aiGateway.logs.edit(second, {
      ...IN_GATEWAY,
      feedback: -1,
      score: 12,
      metadata: { team: 'green' },
    });
    expect(await idsOf({ filters: [{ key: 'feedback', operator: 'eq', value: [-1] }] })).toEqual([second]);
    expect(await idsOf({ search: 'green' })).toEqual([second]);

    const deleted = await cloudflare.aiGateway.logs.delete(GATEWAY, {
      account_id: 'acct',
      filters: [{ key: 'metadata.value', operator: 'eq', value: ['red'] }],
      order_by: 'created_at',
      order_by_direction: 'asc',
      limit: 1,
    });
    expect(deleted.success).toBe(true);
    expect(await idsOf({})).toEqual([third, second]);
    await expect(cloudflare.aiGateway.logs.get(first, IN_GATEWAY)).rejects.toMatchObject({ status: 404 });
  });

  it('P2 errors are read by the SDK: no good token is 401 with 2009, a bad filter 400', async () => {
    const stranger = new Cloudflare({
      apiToken: 'wrong-token-0123',
      baseURL: `${parley.http}/client/v4`,
      maxRetries: 0,
    });
    await expect(stranger.aiGateway.logs.list(GATEWAY, { account_id: 'acct' })).rejects.toMatchObject({
      status: 401,
      errors: [{ code: 2009 }],
    });
    await expect(
      cloudflare.aiGateway.logs.list(GATEWAY, {
        account_id: 'acct',
        filters: [{ key: 'tokens', operator: 'gt', value: ['many'] }],
      }),
    ).rejects.toMatchObject({ status: 400, errors: [{ message: expect.stringContaining("'many'") }] });
    await expect(cloudflare.aiGateway.logs.get('nobody', IN_GATEWAY)).rejects.toMatchObject({ status: 404 });
  });

  it('P9 what a deletion by filter found is gone from every file', async () => {
    const canary = 'canary-Qw83ErTy92';
    await talk(`remember ${canary}`, { team: 'canary' }, 'wiped');
    await talk('remember nothing', { team: 'other' }, 'wiped');
    expect(filesWith(canary)).not.toEqual([]);
    await cloudflare.aiGateway.logs.delete('wiped', {
      account_id: 'acct',
      filters: [{ key: 'metadata.value', operator: 'eq', value: ['canary'] }],
    });
    await expect.poll(() => filesWith(canary), { interval: 200 }).toEqual([]);
    const left = await cloudflare.aiGateway.logs.list('wiped', { account_id: 'acct' });
    expect(left.result.map(({ metadata }) => metadata)).toEqual(['{"team":"other"}']);
  });
});

function filesWith(text: string): string[] {
  return readdirSync(parley.dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => `${parley.dataDir}/${name}`)
    .filter((name) => {
      try {
        return statSync(name).isFile() && readFileSync(name).includes(text);
      } catch {
        // Deleted between the listing and the reading.
        return false;
      }
    });
}
