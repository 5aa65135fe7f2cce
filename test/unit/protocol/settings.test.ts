import { describe, expect, it } from 'vitest';
import { fillSettings, namesIn } from '../../../protocol/settings.ts';

const TEXT = 'https://api.example/accounts/{AN_ACCOUNT}/run';

describe('P2 a provider’s address with a place for a setting', () => {
  it('P2 is filled from the environment, as one segment of the path', () => {
    expect(namesIn(TEXT)).toEqual(['AN_ACCOUNT']);
    expect(fillSettings(TEXT, { AN_ACCOUNT: 'a/../b' })).toEqual({
      text: 'https://api.example/accounts/a%2F..%2Fb/run',
      missing: [],
    });
  });

  it('P2 names what is missing, and leaves the place', () => {
    expect(fillSettings(TEXT, { AN_ACCOUNT: '' })).toEqual({ text: TEXT, missing: ['AN_ACCOUNT'] });
    expect(fillSettings('https://api.example', {})).toEqual({ text: 'https://api.example', missing: [] });
  });
});
