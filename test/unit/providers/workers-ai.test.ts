import { describe, expect, it } from 'vitest';
import type { ConnectRequest } from '../../../providers/adapter.ts';
import { workersAi } from '../../../providers/workers-ai.ts';
import { providerContract, readFixtures } from '../../contract/provider-contract.ts';

const query = (model: string) =>
  [
    ['model', model],
    ['encoding', 'linear16'],
    ['sample_rate', '16000'],
  ] as const;

providerContract(workersAi, readFixtures('deepgram/listen', { 'two-utterances': { seconds: 6 } }), {
  query: query('@cf/deepgram/nova-3'),
});
providerContract(workersAi, readFixtures('deepgram/flux', { 'two-turns': { seconds: 2.5 } }), {
  query: query('@cf/deepgram/flux'),
});
providerContract(workersAi, readFixtures('deepgram/speak', { 'two-speeches': { characters: 32 } }), {
  query: query('@cf/deepgram/aura-1'),
});

describe('P2 dialling Workers AI', () => {
  const dial = (model: string, credential: string | null = 'cf-key') => {
    const request: ConnectRequest = {
      path: '',
      query: query(model),
      headers: {},
      subprotocols: [],
      baseUrl: 'https://api.cloudflare.com/client/v4/accounts/acc/ai/run',
      credential,
    };
    return workersAi.dial(request, workersAi.begin(request));
  };

  it('P2 the model in the path, its parameters in the query, the key as Bearer', () => {
    expect(dial('@cf/deepgram/nova-3')).toMatchObject({
      url: 'https://api.cloudflare.com/client/v4/accounts/acc/ai/run/@cf/deepgram/nova-3?encoding=linear16&sample_rate=16000',
      headers: { Authorization: 'Bearer cf-key' },
      subprotocols: [],
    });
  });

  it('P2 the binding is run as Cloudflare documents it, without a key', () => {
    const { binding, headers } = dial('@cf/deepgram/flux', null);
    expect(binding).toEqual([
      '@cf/deepgram/flux',
      { encoding: 'linear16', sample_rate: '16000' },
      { websocket: true },
    ]);
    expect(headers).toEqual({});
  });

  it('P9 a model’s name cannot lead the key elsewhere', () => {
    const path = (model: string) => new URL(dial(model).url).pathname;
    expect(path('../../../../zones')).toBe('/client/v4/accounts/acc/ai/run/zones');
    expect(path('@cf/a?b#c/%2e%2e/d')).toBe('/client/v4/accounts/acc/ai/run/@cf/a%3Fb%23c/%252e%252e/d');
  });

  it('P2 the wire is that of the model', () => {
    const wire = (model: string) =>
      workersAi.begin({
        path: '',
        query: query(model),
        headers: {},
        subprotocols: [],
        baseUrl: '',
        credential: null,
      });
    expect(
      ['@cf/deepgram/nova-3', '@cf/deepgram/flux', '@cf/deepgram/aura-2-en'].map((name) => wire(name)),
    ).toMatchObject([{ wire: 'listen' }, { wire: 'flux' }, { wire: 'speak' }]);
    expect(workersAi.accepts('v1/listen')).toMatchObject({ ok: false });
  });
});
