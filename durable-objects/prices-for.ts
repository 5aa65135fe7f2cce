/** By which prices a session is charged. */
import { type ConnectPlan, SIMULATED_MODEL } from '../protocol/connect.ts';
import { parseSettings } from '../protocol/settings.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { PriceBasis } from '../session/cost.ts';
import type { Env } from './environment.ts';

export function pricesFor(plan: ConnectPlan, adapter: ProviderAdapter, env: Env): PriceBasis {
  const parsed = parseSettings(env);
  const isOwnModel = adapter.settings.key === null || plan.model?.startsWith(SIMULATED_MODEL) === true;
  return {
    provider: plan.provider,
    model: plan.model,
    simulated: !plan.simulated ? 'no' : isOwnModel ? 'free' : 'as_model',
    custom: plan.customCost,
    // The edge lets nobody in while a setting cannot be used.
    overrides: [...(plan.prices ?? []), ...(parsed.ok ? parsed.settings.PARLEY_PRICES : [])],
  };
}
