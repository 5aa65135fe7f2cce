/** What a deployment's settings and a client's token limit of new sessions. */
import type { AdmissionTerms, BudgetTerms } from '../protocol/admission.ts';
import { BrokerError } from '../protocol/errors.ts';
import { nanoDollars } from '../protocol/money.ts';
import type { CustomCost } from '../protocol/price-overrides.ts';
import type { Claims } from './authenticate.ts';
import type { Configuration } from './configuration.ts';

/**
 * Null when nothing is limited: then nobody is asked. Throws BrokerError `forbidden` for a client token whose holder would
 * set the price that its budget is counted by.
 *
 * @param claims null for the admin token
 */
export function admissionTerms(
  settings: Configuration,
  claims: Claims | null,
  customCost: CustomCost | null,
): AdmissionTerms | null {
  const budget = budgetTerms(settings, claims);
  if (budget !== null && claims !== null && customCost !== null)
    throw new BrokerError('forbidden', { why: 'there is a budget, so it may not bring cf-aig-custom-cost' });
  const terms = {
    maxSessions: settings.PARLEY_MAX_SESSIONS,
    sessionsPerMinute: settings.PARLEY_SESSIONS_PER_MINUTE,
    budget,
  };
  return Object.values(terms).every((each) => each === null) ? null : terms;
}

/** The token that the spending of `claims` counts to. */
export function spenderOf(claims: Claims): string {
  return claims.spends_as ?? claims.jti;
}

function budgetTerms(settings: Configuration, claims: Claims | null): BudgetTerms | null {
  const { PARLEY_BUDGET_MODE: mode } = settings;
  if (mode === 'off') return null;
  const given = {
    gateway_day: settings.PARLEY_BUDGET_USD_PER_DAY,
    token_day: claims === null ? null : settings.PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN,
    token: claims?.max_cost_usd === undefined ? null : nanoDollars(String(claims.max_cost_usd)),
  };
  const limits = Object.fromEntries(Object.entries(given).filter(([, limit]) => limit !== null));
  if (Object.keys(limits).length === 0) return null;
  return { mode, token: claims === null ? null : spenderOf(claims), limits };
}
