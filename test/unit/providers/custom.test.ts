import { describe, expect, it } from 'vitest';
import type { CustomAuth } from '../../../protocol/custom-providers.ts';
import type { ConnectRequest, ProviderAdapter } from '../../../providers/adapter.ts';
import { customAdapter } from '../../../providers/custom.ts';
import { opaque } from '../../../providers/opaque.ts';
import { openai } from '../../../providers/openai.ts';
import { customProblems, nearestProvider, providerFor, providersOf } from '../../../providers/registry.ts';
import { providerContract, readFixtures } from '../../contract/provider-contract.ts';

const ENV = {
  PARLEY_CUSTOM_PROVIDERS: JSON.stringify({
    echo: { base_url: 'wss://echo.example', auth: 'none' },
    local: { base_url: 'http://10.0.0.7:8080/v1', dialect: 'openai' },
  }),
};

const custom = (auth: CustomAuth, dialect: ProviderAdapter = opaque) =>
  customAdapter({ slug: 'box', baseUrl: 'https://box.example', auth, dialect: dialect.id }, dialect);

const fixtures = readFixtures('azure-openai', { 'preview-voice-turn': { input: 40, output: 20 } });
providerContract(custom({ in: 'header', name: 'x-key' }, openai), fixtures);
// Whatever comes is read as nothing.
providerContract(
  opaque,
  fixtures.map((fixture) => ({
    ...fixture,
    billed: { input: 0, output: 0, seconds: 0, characters: 0, requests: 0, items: 0 },
  })),
);

const REQUEST: ConnectRequest = {
  path: 'any/path',
  query: [
    ['model', 'sim-x'],
    ['b', '1 2'],
  ],
  headers: {},
  subprotocols: ['a.b', 'c'],
  baseUrl: 'https://box.example/base',
  credential: 'key',
};

describe('P2 custom providers by name', () => {
  it('P2 are found where the deployment has them, and nowhere else', () => {
    expect(providerFor('custom-echo', ENV)?.id).toBe('custom-echo');
    expect(providerFor('custom-echo', {})).toBeUndefined();
    expect(providerFor('echo', ENV)).toBeUndefined();
    expect(providersOf(ENV).map(({ id }) => id)).toEqual([
      ...providersOf({}).map(({ id }) => id),
      'custom-echo',
      'custom-local',
    ]);
    expect(nearestProvider('custom-ecko', ENV)).toBe('custom-echo');
  });

  it('P2 have settings of their own, and none for a key that they do not take', () => {
    expect(providerFor('custom-local', ENV)?.settings).toEqual({
      key: 'CUSTOM_LOCAL_API_KEY',
      baseUrl: 'CUSTOM_LOCAL_BASE_URL',
      defaultBaseUrl: 'http://10.0.0.7:8080/v1',
    });
    expect(providerFor('custom-echo', ENV)?.settings.key).toBeNull();
  });

  it('P2 one whose dialect nobody speaks is named, with the dialects that there are', () => {
    const entry = { slug: 'x', baseUrl: 'https://x.example', auth: { in: 'none' } as const };
    expect(
      customProblems([
        { ...entry, dialect: 'grok' },
        { ...entry, dialect: 'opaque' },
      ]),
    ).toEqual([]);
    expect(customProblems([{ ...entry, dialect: 'klingon' }])[0]).toMatch(
      /^PARLEY_CUSTOM_PROVIDERS: the dialect of x must be one of opaque, openai, /,
    );
  });
});

describe('P2 dialling a custom provider', () => {
  it('P2 opaque: path, query and subprotocols as they came', () => {
    expect(custom({ in: 'bearer' }).dial(REQUEST, null)).toEqual({
      url: 'https://box.example/base/any/path?model=sim-x&b=1%202',
      headers: { Authorization: 'Bearer key' },
      subprotocols: ['a.b', 'c'],
    });
    expect(custom({ in: 'query', name: 'k' }).dial({ ...REQUEST, path: '', query: [] }, null).url).toBe(
      'https://box.example/base?k=key',
    );
    expect(opaque.accepts('what/ever')).toEqual({ ok: true });
    expect(opaque.modelOf(REQUEST)).toBeNull();
  });

  const URL_ALONE = 'https://box.example/base/any/path?model=sim-x&b=1%202';
  it.each<[CustomAuth, { url: string; headers: object }]>([
    [
      { in: 'header', name: 'x-key' },
      { url: URL_ALONE, headers: { 'x-key': 'key' } },
    ],
    [
      { in: 'query', name: 'k' },
      { url: `${URL_ALONE}&k=key`, headers: {} },
    ],
    [{ in: 'none' }, { url: URL_ALONE, headers: {} }],
  ])('P9 the key goes by %j, and nowhere else', (auth, expected) => {
    expect(custom(auth).dial(REQUEST, null)).toEqual({ ...expected, subprotocols: ['a.b', 'c'] });
  });

  it('P9 a dialect’s own place for the key stays empty', () => {
    const adapter = custom({ in: 'header', name: 'x-key' }, openai);
    const request = { ...REQUEST, path: '', query: [] };
    expect(adapter.dial(request, adapter.begin(request))).toEqual({
      url: 'https://box.example/base/realtime',
      headers: { 'x-key': 'key' },
      subprotocols: [],
    });
  });

  it('P2 clients may put a key where the provider has it, and where the dialect’s SDKs do', () => {
    const { carriers } = custom({ in: 'query', name: 'k' }, openai);
    expect(carriers).toEqual([{ in: 'query', name: 'k' }, ...openai.carriers]);
  });
});
