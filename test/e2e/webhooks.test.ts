import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeliveryShape, WebhookShape } from '../../protocol/webhook-shapes.ts';
import { type Client, connected } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, type ParleyProcess, startParley } from '../support/parley-process.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { get, sessionOf, untilEnded } from '../support/rest.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function start(
  endpoints: readonly { readonly url: string; readonly events?: readonly string[] }[],
  dataDir?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ParleyProcess> {
  const parley = await startParley({
    env: { PARLEY_WEBHOOKS: JSON.stringify(endpoints), ...env },
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  cleanUps.push(() => parley.stop());
  return parley;
}

async function receiver(...parameters: Parameters<typeof startReceiver>): Promise<Receiver> {
  const made = await startReceiver(...parameters);
  cleanUps.push(() => made.close());
  return made;
}

/** One turn of text with the simulator, in which the canary is said. */
async function talk(parley: ParleyProcess): Promise<Client> {
  const answered = Promise.withResolvers<void>();
  const client = await connected(parley, {
    query: 'model=sim-support',
    headers: { 'cf-aig-metadata': '{"team":"red"}' },
    ready: (socket) =>
      socket.on('message', (data: Buffer) => {
        if (data.toString().includes('"response.done"')) answered.resolve();
      }),
  });
  client.socket.send(
    '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"canary-words"}]}}',
  );
  client.socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}');
  await answered.promise;
  client.socket.close(1000);
  await client.closed;
  return client;
}

const deliveriesOf = (parley: ParleyProcess, query = '') =>
  get<DeliveryShape[]>(parley, `/v1/acct/gw/webhooks/deliveries${query}`);

function untilDeliveries(parley: ParleyProcess, count: number, status: string): Promise<DeliveryShape[]> {
  return eventually(`${count} deliveries are ${status}`, async () => {
    const deliveries = await deliveriesOf(parley, `?status=${status}`);
    return deliveries.length < count ? null : deliveries;
  });
}

interface Told {
  readonly type: string;
  readonly data: { readonly session: { readonly id: string } };
}
const toldBy = ({ body }: Received) => JSON.parse(body) as Told; // of the payload in docs/WEBHOOKS.md

describe('P3 webhooks', () => {
  it('P3 a receiver that fails twice gets both events, verified by the convention’s own library', async () => {
    const hook = await receiver((_request, received) => (received.length <= 2 ? 500 : 204));
    const parley = await start([{ url: `${hook.url}/in` }]);
    const [endpoint] = await get<WebhookShape[]>(parley, '/v1/acct/gw/webhooks');
    const verifier = new Webhook(endpoint?.secret ?? '');
    const { id } = await talk(parley);
    const session = await untilEnded(parley, 'acct/gw', id);
    const delivered = await untilDeliveries(parley, 2, 'delivered');
    expect(delivered.map(({ event, session: of }) => [event, of])).toEqual([
      ['session.ended', id],
      ['session.started', id],
    ]);
    expect(delivered.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(hook.received.length);
    expect(hook.received.length).toBeGreaterThan(2);
    const ended = hook.received.findLast((each) => toldBy(each).type === 'session.ended');
    expect(verifier.verify(ended?.body ?? '', ended?.headers as Record<string, string>)).toMatchObject({
      type: 'session.ended',
      timestamp: session.ended_at,
      data: {
        account: 'acct',
        gateway: 'gw',
        session: {
          id,
          status: 'ended',
          ended_reason: session.ended_reason,
          metadata: { team: 'red' },
          turns: 1,
          cost: { usd: session.cost.usd, complete: true },
        },
        usage: { reports: 1, tokens: { output_text: session.usage.response.tokens.output_text } },
      },
    });
    // An id stands for one event, however often it is sent.
    const ids = new Map(hook.received.map((each) => [each.headers['webhook-id'], toldBy(each).type]));
    expect([...ids.values()].toSorted()).toEqual(['session.ended', 'session.started']);
    const sent = JSON.stringify(hook.received);
    for (const canary of ['canary-words', parley.token]) expect(sent).not.toContain(canary);
  });

  it('P3 a kill -9 before the delivery: it is delivered after the restart', async () => {
    const dataDir = mkdtempSync(`${tmpdir()}/parley-hooks-`);
    cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/in`;
    // Nobody listens there yet.
    const parley = await startParley({ env: { PARLEY_WEBHOOKS: JSON.stringify([{ url }]) }, dataDir });
    const { id } = await talk(parley);
    await untilEnded(parley, 'acct/gw', id);
    expect(await untilDeliveries(parley, 2, 'pending')).toHaveLength(2);
    await parley.kill();
    const hook = await receiver(() => 204, port);
    await start([{ url }], dataDir);
    const received = await hook.until(2);
    expect(received.map((each) => `${toldBy(each).type} ${toldBy(each).data.session.id}`).toSorted()).toEqual(
      [`session.ended ${id}`, `session.started ${id}`],
    );
  });

  it('P10 a receiver that is down delays no session, and no redirect is followed', async () => {
    const port = await freePort();
    const away = await receiver(() => 302);
    const parley = await start([{ url: `http://127.0.0.1:${port}/` }, { url: `${away.url}/in` }]);
    const { id } = await talk(parley);
    expect(await sessionOf(parley, 'acct/gw', id)).toMatchObject({ status: 'ended' });
    await away.until(2);
    expect(new Set(away.received.map(({ path }) => path))).toEqual(new Set(['/in']));
    const down = await deliveriesOf(parley, '?status=pending&limit=1');
    expect(down).toHaveLength(1);
  });

  it('P9 the secret is given to whoever administers the gateway, and to nobody else', async () => {
    const hook = await receiver();
    const parley = await start([{ url: hook.url, events: ['session.ended'] }]);
    const mint = await fetch(`${parley.http}/v1/acct/gw/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${parley.token}` },
      body: '{"scope":["read","connect"]}',
    });
    const { result } = (await mint.json()) as { result: { token: string } };
    for (const path of ['webhooks', 'webhooks/deliveries']) {
      const refused = await fetch(`${parley.http}/v1/acct/gw/${path}`, {
        headers: { authorization: `Bearer ${result.token}` },
      });
      expect(refused.status).toBe(403);
    }
    await talk(parley);
    await hook.until(1);
    expect(hook.received.map((each) => toldBy(each).type)).toEqual(['session.ended']);
    expect(parley.output()).not.toContain('whsec_');
  });
});
