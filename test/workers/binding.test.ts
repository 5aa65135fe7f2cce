/** The binding that opens a provider's socket in place of a URL. */
import { describe, expect, it } from 'vitest';
import { dialUpstream } from '../../durable-objects/opening.ts';
import type { Env } from '../../durable-objects/environment.ts';
import type { ConnectPlan } from '../../protocol/connect.ts';
import { workersAi as adapter } from '../../providers/workers-ai.ts';
import { hasBinding } from '../../worker/configuration.ts';

function dialWith(credential: string | null, runs: unknown[][]) {
  const env = {
    AI: {
      run: (...values: unknown[]) => {
        runs.push(values);
        const pair = new WebSocketPair();
        return Promise.resolve(new Response(null, { status: 101, webSocket: pair[0] }));
      },
    },
  } as unknown as Env; // this dial reads no other binding
  const request = {
    path: '',
    query: [
      ['model', '@cf/deepgram/flux'],
      ['encoding', 'linear16'],
    ],
    headers: {},
    subprotocols: [],
    baseUrl: 'https://api.example/ai/run',
    credential,
  } as const;
  const plan = { request, simulated: false, dialTimeoutMs: 1000 } as unknown as ConnectPlan; // all that a dial reads
  const refuse = () => Promise.resolve(new Response('no', { status: 401 }));
  return {
    bound: hasBinding(env, adapter),
    dialled: dialUpstream(
      { adapter, plan, state: adapter.begin(request), cancels: false },
      refuse,
      env,
      () => undefined,
    ),
  };
}

describe('P2 a provider with a binding', () => {
  it('P2 is opened by the binding, with the model, its parameters and websocket: true', async () => {
    const runs: unknown[][] = [];
    const { bound, dialled } = dialWith(null, runs);
    expect([bound, (await dialled).kind]).toEqual([true, 'open']);
    expect(runs).toEqual([['@cf/deepgram/flux', { encoding: 'linear16' }, { websocket: true }]]);
  });

  it('P2 a request with a key of its own goes to the URL with it', async () => {
    const runs: unknown[][] = [];
    expect(await dialWith('cf-key', runs).dialled).toMatchObject({
      failure: { reason: 'provider_refused', detail: { status: 401 } },
    });
    expect(runs).toEqual([]);
  });
});
