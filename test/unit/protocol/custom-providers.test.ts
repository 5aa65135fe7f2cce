import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { customSettings, readCustomProviders } from '../../../protocol/custom-providers.ts';
import { parseSettings } from '../../../protocol/settings.ts';

const read = (value: unknown) =>
  readCustomProviders(typeof value === 'string' ? value : JSON.stringify(value));

describe('the custom providers of a deployment', () => {
  it.each([undefined, null, '', '{}'])('there are none when the setting is %o', (value) => {
    expect(readCustomProviders(value)).toEqual({ ok: true, providers: [] });
  });

  it('a base URL is enough: a bearer key, and nothing is read', () => {
    expect(read({ echo: { base_url: 'wss://echo.example/v1' } })).toEqual({
      ok: true,
      providers: [
        { slug: 'echo', baseUrl: 'wss://echo.example/v1', auth: { in: 'bearer' }, dialect: 'opaque' },
      ],
    });
  });

  it.each([
    ['none', { in: 'none' }],
    ['header:X-Api-Key', { in: 'header', name: 'x-api-key' }],
    ['query:api_key', { in: 'query', name: 'api_key' }],
  ])('the key may go to %s', (auth, place) => {
    expect(read({ a: { base_url: 'https://a.example', auth } })).toMatchObject({
      providers: [{ auth: place }],
    });
  });

  it('JSON in [vars] is taken as it stands', () => {
    const value = { a: { base_url: 'https://a.example', dialect: 'openai' } };
    expect(readCustomProviders(value)).toMatchObject({ ok: true, providers: [{ dialect: 'openai' }] });
  });

  it('each has settings of its own', () => {
    expect(customSettings('my-box-2')).toEqual({
      key: 'CUSTOM_MY_BOX_2_API_KEY',
      baseUrl: 'CUSTOM_MY_BOX_2_BASE_URL',
    });
  });

  const URL_RULE = 'must be an http(s) or ws(s) URL without credentials, query or fragment.';
  const AUTH_RULE = 'must be bearer, header:<name>, query:<name> or none.';
  it.each([
    [
      '{',
      'PARLEY_CUSTOM_PROVIDERS must be a JSON object such as {"echo":{"base_url":"https://echo.example"}}.',
    ],
    [
      '[]',
      'PARLEY_CUSTOM_PROVIDERS must be a JSON object such as {"echo":{"base_url":"https://echo.example"}}.',
    ],
    [
      { My_Box: { base_url: 'https://a.example' } },
      "PARLEY_CUSTOM_PROVIDERS: 'My_Box' is no name; use 1 to 40 of a-z, 0-9 and -, with a letter or digit at both ends.",
    ],
    [
      { a: 'https://a.example' },
      'PARLEY_CUSTOM_PROVIDERS: a must be an object with base_url, and auth and dialect if it needs them.',
    ],
    [{ a: {} }, `PARLEY_CUSTOM_PROVIDERS: the base_url of a ${URL_RULE}`],
    [{ a: { base_url: 'a.example' } }, `PARLEY_CUSTOM_PROVIDERS: the base_url of a ${URL_RULE}`],
    [
      { a: { base_url: 'https://u:canary@a.example' } },
      `PARLEY_CUSTOM_PROVIDERS: the base_url of a ${URL_RULE}`,
    ],
    [
      { a: { base_url: 'https://a.example?key=canary' } },
      `PARLEY_CUSTOM_PROVIDERS: the base_url of a ${URL_RULE}`,
    ],
    [
      { a: { base_url: 'https://a.example', api_key: 'canary' } },
      "PARLEY_CUSTOM_PROVIDERS: a has 'api_key', which is not one of base_url, auth, dialect. Its key goes into CUSTOM_A_API_KEY.",
    ],
    [
      { a: { base_url: 'https://a.example', auth: 'basic' } },
      `PARLEY_CUSTOM_PROVIDERS: the auth of a ${AUTH_RULE}`,
    ],
    [
      { a: { base_url: 'https://a.example', auth: 'header:sec-websocket-key' } },
      `PARLEY_CUSTOM_PROVIDERS: the auth of a ${AUTH_RULE}`,
    ],
    [
      { a: { base_url: 'https://a.example', dialect: 7 } },
      "PARLEY_CUSTOM_PROVIDERS: the dialect of a must be a provider's name, or opaque.",
    ],
  ])('P9 %j is refused with a sentence that repeats no secret', (value, sentence) => {
    expect(read(value)).toEqual({ ok: false, problems: [sentence] });
    expect(
      parseSettings({ PARLEY_CUSTOM_PROVIDERS: typeof value === 'string' ? value : JSON.stringify(value) }),
    ).toEqual({
      ok: false,
      problems: [sentence],
    });
    expect(sentence).not.toContain('canary');
  });

  it('P10 at most 64', () => {
    const many = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`p${index}`, { base_url: 'https://a.example' }]),
      );
    expect(read(many(64)).ok).toBe(true);
    expect(read(many(65))).toMatchObject({
      problems: ['PARLEY_CUSTOM_PROVIDERS has 65 providers; at most 64.'],
    });
  });

  it('P10 reading never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.json(), fc.dictionary(fc.string(), fc.jsonValue())), (value) => {
        expect(readCustomProviders(value)).toHaveProperty('ok');
      }),
    );
  });
});
