import { describe, expect, it } from 'vitest';
import type { Env } from '../../durable-objects/environment.ts';
import { azureOpenai } from '../../providers/azure-openai.ts';
import { openai } from '../../providers/openai.ts';
import { simulator } from '../../providers/simulator.ts';
import { configuration, isSimulated, providerBaseUrl } from '../../worker/configuration.ts';

/** Settings alone: nothing here looks at the objects. */
const envOf = (settings: Readonly<Record<string, string>>) => settings as unknown as Env;

describe('P2 where a provider is dialled', () => {
  it('P2 at its own address, or where its setting says, without a trailing slash and by http(s)', () => {
    expect(providerBaseUrl(envOf({}), openai, false)).toBe('https://api.openai.com/v1');
    expect(providerBaseUrl(envOf({ OPENAI_BASE_URL: 'wss://x.example/v1/' }), openai, false)).toBe(
      'https://x.example/v1',
    );
  });

  it('P2 one without an address of its own needs its setting, and the error names it', () => {
    expect(() => providerBaseUrl(envOf({}), azureOpenai, false)).toThrow(/AZURE_OPENAI_BASE_URL is not set/);
    expect(() => providerBaseUrl(envOf({ AZURE_OPENAI_BASE_URL: 'res' }), azureOpenai, false)).toThrow(
      /must be an http/,
    );
  });

  it('P2 a simulator plays one without an address, and what is simulated is said by the address alone', () => {
    expect(providerBaseUrl(envOf({}), azureOpenai, true)).toMatch(/^https:/);
    expect([simulator, openai, azureOpenai].map((each) => isSimulated(envOf({}), each))).toEqual([
      true,
      false,
      false,
    ]);
    expect(isSimulated(envOf({ OPENAI_BASE_URL: 'simulator' }), openai)).toBe(true);
  });

  it('P2 nothing is served with a custom provider that nobody can speak', () => {
    const env = envOf({
      PARLEY_ADMIN_TOKEN: 'a-token-of-sixteen-or-more',
      PARLEY_CUSTOM_PROVIDERS: '{"x":{"base_url":"https://x.example","dialect":"klingon"}}',
    });
    expect(() => configuration(env)).toThrow(/the dialect of x must be one of opaque/);
  });
});
