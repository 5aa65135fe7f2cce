/** What Google gets to see of a dial: by a provider on a bare socket. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ParleyProcess, startParley } from '../support/parley-process.ts';
import { RawUpstream } from '../support/raw-upstream.ts';

const METHOD = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
const VERTEX = '/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent';

let upstream: RawUpstream;
let parley: ParleyProcess;

beforeAll(async () => {
  upstream = await RawUpstream.listen();
  const base = new URL(upstream.url).origin;
  parley = await startParley({
    env: {
      GOOGLE_BASE_URL: base,
      GOOGLE_API_KEY: 'AIza-stored',
      GOOGLE_VERTEX_BASE_URL: base,
      GOOGLE_VERTEX_API_KEY: 'ya29.stored',
    },
  });
});
afterAll(async () => {
  await parley.stop();
  upstream.close();
});

interface Dialled {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function dialled(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  protocols: readonly string[] = [],
): Promise<Dialled> {
  const socket = new WebSocket(`${parley.ws}/v1/acct/gw/${path}`, [...protocols], { headers });
  socket.on('error', () => undefined); // closed below, before or after it opened
  const connection = await upstream.next();
  socket.terminate();
  const everything = JSON.stringify([connection.path, connection.headers]);
  expect(everything).not.toContain(parley.token);
  expect(everything).not.toContain('cf-aig');
  return connection;
}

describe('P2 P9 what Google gets to see', () => {
  it('P2 the client’s own key, from wherever it stood, is Google’s key', async () => {
    const gateway = { 'cf-aig-authorization': `Bearer ${parley.token}` };
    const subprotocol = [`cf-aig-authorization.${parley.token}`];
    const places = [
      await dialled('google?api_key=AIza-own', {}, subprotocol),
      await dialled('google-ai-studio?key=AIza-own', gateway),
      await dialled('google', { ...gateway, 'x-goog-api-key': 'AIza-own' }),
      await dialled(`google/${METHOD}?key=AIza-own`, gateway),
    ];
    expect(places.map(({ path }) => path)).toEqual(places.map(() => `${METHOD}?key=AIza-own`));
    for (const { headers } of places)
      expect(headers['x-goog-api-key'] ?? headers['authorization']).toBeUndefined();
    const token = await dialled('google?access_token=auth_tokens/abc', gateway);
    expect(token.path).toBe(`${METHOD.replace('v1beta', 'v1alpha')}Constrained?access_token=auth_tokens/abc`);
  });

  it('P2 the gateway’s token, in any place for a key, stands for the stored key', async () => {
    const { token } = parley;
    const places = [
      await dialled(`google?key=${token}`),
      await dialled(`google?api_key=${token}`),
      await dialled(`google?access_token=${token}`),
      await dialled('google', { 'x-goog-api-key': token }),
      await dialled('google', { authorization: `Bearer ${token}` }),
    ];
    expect(places.map(({ path }) => path)).toEqual(places.map(() => `${METHOD}?key=AIza-stored`));
  });

  it('P2 Vertex: a token in the header, never in the URL', async () => {
    const stored = await dialled('google-vertex-ai?location=us-central1', { 'x-goog-api-key': parley.token });
    expect(stored).toMatchObject({ path: VERTEX, headers: { authorization: 'Bearer ya29.stored' } });
    const own = await dialled(`google-vertex-ai${VERTEX}`, {
      'x-goog-api-key': 'AQ.own',
      'cf-aig-authorization': parley.token,
    });
    expect(own.headers['x-goog-api-key']).toBe('AQ.own');
    expect(own.headers['authorization']).toBeUndefined();
  });

  it('P2 a model that is named sim-… goes to the simulator, whatever the base URL', async () => {
    const socket = new WebSocket(`${parley.ws}/v1/acct/sim/google?model=sim-support&key=${parley.token}`);
    const answer = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send('{"setup":{"model":"models/sim-support"}}'));
      socket.on('message', (data: Buffer) => resolve(data.toString()));
    });
    expect(JSON.parse(answer)).toEqual({ setupComplete: {} });
    socket.close();
  });
});
