import { describe, expect, it } from 'vitest';
import {
  beyondDeployment,
  GatewaySettingsPatch,
  isAllowed,
  readGatewaySettings,
  shownSettings,
  withGateway,
} from '../../../protocol/gateway-settings.ts';
import type { JsonObject, JsonValue } from '../../../protocol/json.ts';
import { parseSettings, SETTING_NAMES } from '../../../protocol/settings.ts';

function deployment(env: Readonly<Record<string, string>> = {}) {
  const parsed = parseSettings(env);
  if (!parsed.ok) throw new Error(parsed.problems.join(' '));
  return parsed.settings;
}

function own(stored: JsonObject) {
  const read = readGatewaySettings(stored);
  if (!read.ok) throw new Error(read.problems.join(' '));
  return read.settings;
}

function problemsOf(value: JsonValue): readonly string[] {
  const read = readGatewaySettings(value);
  return read.ok ? [] : read.problems;
}

const PRICES = { 'openai/gpt-realtime': { usd_per_request: 1 } };

describe('P10 what a gateway may set', () => {
  it('P10 has the names of the deployment’s settings, without PARLEY_ and in lower case', () => {
    for (const name of Object.keys(GatewaySettingsPatch.entries))
      expect(SETTING_NAMES).toContain(`PARLEY_${name.toUpperCase()}`);
  });

  it.each([
    ['log', 'everything', 'log must be full, metadata or none.'],
    ['retention_days', 0, 'retention_days must be a whole number from 1 to 3650.'],
    ['retention_days', 3651, 'retention_days must be a whole number from 1 to 3650.'],
    ['grace_seconds', true, 'grace_seconds must be a whole number from 0 to 86400.'],
    ['max_clients', 1.5, 'max_clients must be a whole number from 1 to 10000.'],
    ['allowed_origins', ['app.example'], 'allowed_origins must be exact origins'],
    ['allowed_origins', 7, 'allowed_origins must be exact origins'],
    ['allowed_providers', [], 'allowed_providers must be names of providers'],
    ['allowed_providers', ['openai*'], 'allowed_providers must be names of providers'],
    ['allowed_models', ['gpt-*-mini'], 'allowed_models must be names of models'],
    ['prices', { 'openai/x': { usd_per_day: 1 } }, 'prices: openai/x → usd_per_day is not known here'],
  ])('P10 %s: %j is refused by its own name', (name, value, sentence) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(sentence)]);
  });

  it('P10 a name that is not known is refused with the nearest that is', () => {
    expect(problemsOf({ retention_day: 3 })).toEqual([
      expect.stringContaining('"retention_day" is not a setting of a gateway. Did you mean retention_days?'),
    ]);
    for (const value of [null, [], 'log', 3]) expect(problemsOf(value)).toHaveLength(1);
  });

  it('P10 the limits themselves are taken', () => {
    expect(problemsOf({ retention_days: 1, max_clients: 10_000, grace_seconds: 0 })).toEqual([]);
    expect(problemsOf({ retention_days: 3650, log: null, prices: PRICES, allowed_models: ['*'] })).toEqual(
      [],
    );
  });
});

describe('P10 a gateway’s settings over the deployment’s', () => {
  it('P10 what it does not set stays; what it sets takes the place of the deployment’s', () => {
    const over = withGateway(
      deployment({ PARLEY_GRACE_SECONDS: '7', PARLEY_ALLOWED_ORIGINS: 'https://a.example' }),
      own({ retention_days: 400, allowed_origins: ['https://b.example'] }),
    );
    expect(over).toMatchObject({
      PARLEY_GRACE_SECONDS: 7,
      PARLEY_RETENTION_DAYS: 400,
      PARLEY_ALLOWED_ORIGINS: ['https://b.example'],
    });
    expect(withGateway(deployment(), {})).toEqual(deployment());
  });

  it.each([
    ['PARLEY_LOG', 'metadata', { log: 'none' }, 'none'],
    ['PARLEY_LOG', 'metadata', { log: 'full' }, 'metadata'],
    ['PARLEY_MAX_CLIENTS', '9', { max_clients: 3 }, 3],
    ['PARLEY_MAX_CLIENTS', '9', { max_clients: 10 }, 9],
    ['PARLEY_MAX_SESSION_SECONDS', '60', { max_session_seconds: 61 }, 60],
    ['PARLEY_ALLOWED_PROVIDERS', 'openai,xai', { allowed_providers: ['xai', 'fal'] }, ['xai']],
    ['PARLEY_ALLOWED_PROVIDERS', '', { allowed_providers: ['fal'] }, ['fal']],
    ['PARLEY_ALLOWED_MODELS', 'gpt-*', { allowed_models: ['gpt-realtime*', 'x'] }, ['gpt-realtime*']],
    ['PARLEY_ALLOWED_MODELS', 'gpt-realtime,y', { allowed_models: ['gpt-*'] }, ['gpt-realtime']],
  ] as const)(
    'P10 what protects the deployment is only tightened: %s=%s with %j',
    (name, value, set, holds) => {
      const settings = deployment({ [name]: value });
      expect(withGateway(settings, own(set))[name]).toEqual(holds);
      const [asked] = Object.values(set);
      expect(beyondDeployment(settings, own(set)).length).toBe(
        JSON.stringify(asked) === JSON.stringify(holds) ? 0 : 1,
      );
    },
  );

  it('P8 its prices come first, and the deployment’s stand behind them', () => {
    const env = {
      PARLEY_PRICES: '{"openai/gpt-realtime":{"usd_per_request":2},"xai/grok":{"usd_per_hour":3}}',
    };
    const rows = withGateway(deployment(env), own({ prices: PRICES })).PARLEY_PRICES;
    expect(rows.map(({ models: [model], price }) => [model, price.requests?.usd])).toEqual([
      ['gpt-realtime', '1'],
      ['gpt-realtime', '2'],
      ['grok', undefined],
    ]);
  });

  it('P9 what the deployment takes out before storage is taken out in every gateway', () => {
    const redact = { fields: ['a.b'], patterns: ['card'], binary: 'drop' };
    const both = withGateway(
      deployment({ PARLEY_REDACT: JSON.stringify(redact) }),
      own({ redact: { fields: ['c'], patterns: ['email'] } }),
    ).PARLEY_REDACT;
    expect(both?.fields.map(({ path }) => path)).toEqual(['a.b', 'c']);
    expect([both?.patterns, both?.binary]).toEqual([['card', 'email'], 'drop']);
  });

  it('P10 of limits and budgets the stricter holds, and a gateway may have them where the deployment has none', () => {
    const limits = { max_sessions: 5, budget_usd_per_day: 2, budget_mode: 'warn' };
    const free = withGateway(deployment({ PARLEY_BUDGET_MODE: 'off' }), own(limits));
    expect([free.PARLEY_MAX_SESSIONS, free.PARLEY_BUDGET_USD_PER_DAY, free.PARLEY_BUDGET_MODE]).toEqual([
      5,
      2_000_000_000,
      'warn',
    ]);
    const bound = { PARLEY_MAX_SESSIONS: '3', PARLEY_BUDGET_USD_PER_DAY: '1' };
    const held = withGateway(deployment(bound), own(limits));
    expect([held.PARLEY_MAX_SESSIONS, held.PARLEY_BUDGET_USD_PER_DAY, held.PARLEY_BUDGET_MODE]).toEqual([
      3,
      1_000_000_000,
      'enforce',
    ]);
    expect(beyondDeployment(deployment(bound), own(limits)).map(({ name }) => name)).toEqual([
      'max_sessions',
      'budget_usd_per_day',
      'budget_mode',
    ]);
  });

  it('P10 each is shown with its source, prices as they were written', () => {
    const env = { PARLEY_MAX_CLIENTS: '4', PARLEY_PRICES: JSON.stringify(PRICES) };
    const stored = { log: 'none', max_clients: 5 };
    const shown = shownSettings(deployment(env), own(stored), stored, env);
    expect(shown).toMatchObject({
      log: { value: 'none', source: 'gateway' },
      // The deployment has become stricter since.
      max_clients: { value: 4, source: 'deployment' },
      allowed_models: { value: null, source: 'deployment' },
      prices: { value: PRICES, source: 'deployment' },
    });
  });

  it('P10 a list allows what it names, by * what begins so, and nothing else', () => {
    expect(['a', 'ab', 'b'].map((name) => isAllowed(['a'], name))).toEqual([true, false, false]);
    expect(['a', 'ab', 'b'].map((name) => isAllowed(['a*'], name))).toEqual([true, true, false]);
    expect([isAllowed(null, 'x'), isAllowed(['*'], ''), isAllowed([], 'x')]).toEqual([true, true, false]);
  });
});
