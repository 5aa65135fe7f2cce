/** What a gateway lets nobody use, whoever asks. */
import { BrokerError } from '../protocol/errors.ts';
import { isAllowed } from '../protocol/gateway-settings.ts';
import type { Connection } from './connect.ts';

/**
 * Throws BrokerError `not_allowed_here`.
 *
 * @param model null: the request names none, and what a frame will name is not known yet; a list of models lets it not in
 */
export function checkAllowed(
  { settings, adapter, account, gateway }: Pick<Connection, 'settings' | 'adapter' | 'account' | 'gateway'>,
  model: string | null,
): void {
  const { PARLEY_ALLOWED_PROVIDERS: providers, PARLEY_ALLOWED_MODELS: models } = settings;
  const refuse = (what: string, allowed: readonly string[] | null, name: string): BrokerError =>
    new BrokerError('not_allowed_here', {
      what,
      allowed: allowed?.join(', ') ?? '',
      name,
      setting: `PARLEY_${name.toUpperCase()}`,
      account,
      gateway,
    });
  if (!isAllowed(providers, adapter.id))
    throw refuse(`the provider ${adapter.id}`, providers, 'allowed_providers');
  if (models !== null && (model === null || !isAllowed(models, model)))
    throw refuse(
      model === null ? 'a connection whose URL names no model' : `the model ${model}`,
      models,
      'allowed_models',
    );
}
