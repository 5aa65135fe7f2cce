import { describe, expect, it } from 'vitest';
import { fillSettings, namesIn, parseSettings } from '../../../protocol/settings.ts';

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

const days = (value: unknown) => {
  const parsed = parseSettings({ PARLEY_RETENTION_DAYS: value });
  return parsed.ok ? parsed.settings.PARLEY_RETENTION_DAYS : parsed.problems;
};

describe('P10 PARLEY_RETENTION_DAYS', () => {
  it.each([
    [undefined, 30],
    ['', 30],
    ['1', 1],
    [3650, 3650],
  ])('P10 %j is %j days', (value, expected) => {
    expect(days(value)).toBe(expected);
  });

  it.each(['0', '3651', '1.5', '-1', 'a month', ' '])('P10 %j is refused, by name', (value) => {
    expect(days(value)).toEqual(['PARLEY_RETENTION_DAYS must be a whole number from 1 to 3650.']);
  });
});
