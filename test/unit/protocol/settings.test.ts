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

describe('P10 limits and budgets', () => {
  const parsed = (env: Readonly<Record<string, unknown>>) => {
    const result = parseSettings(env);
    return result.ok ? result.settings : result.problems;
  };

  it('P10 are not set unless somebody sets them', () => {
    expect(parsed({})).toMatchObject({
      PARLEY_MAX_SESSIONS: null,
      PARLEY_SESSIONS_PER_MINUTE: null,
      PARLEY_BUDGET_USD_PER_DAY: null,
      PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN: null,
      PARLEY_BUDGET_MODE: 'enforce',
    });
  });

  it.each([
    ['25', 25_000_000_000],
    ['0.50', 500_000_000],
    [0.1, 100_000_000],
    ['0.000000001', 1],
  ])('P10 a budget of %j is %j nano-dollars', (value, nano) => {
    expect(parsed({ PARLEY_BUDGET_USD_PER_DAY: value })).toMatchObject({ PARLEY_BUDGET_USD_PER_DAY: nano });
  });

  it.each(['0', '-1', '$25', 'much', ' ', '1e30'])('P10 a budget of %j is refused, by name', (value) => {
    expect(parsed({ PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN: value })).toEqual([
      'PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN must be dollars, more than 0, such as 25 or 0.50; leave it unset for no budget.',
    ]);
  });

  it.each([
    ['0', null],
    ['1', 1],
    [1_000_000, 1_000_000],
  ])('P10 a limit of %j is %j', (value, limit) => {
    expect(parsed({ PARLEY_SESSIONS_PER_MINUTE: value })).toMatchObject({
      PARLEY_SESSIONS_PER_MINUTE: limit,
    });
  });

  it('P10 other values are refused, by name', () => {
    expect(parsed({ PARLEY_MAX_SESSIONS: '1000001', PARLEY_BUDGET_MODE: 'on' })).toEqual([
      'PARLEY_MAX_SESSIONS must be a whole number from 0 to 1000000.',
      'PARLEY_BUDGET_MODE must be off, warn or enforce.',
    ]);
  });
});
