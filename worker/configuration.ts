/** The deployment's settings as one request sees them. */
import type { Env } from '../durable-objects/environment.ts';
import { BrokerError } from '../protocol/errors.ts';
import { parseSettings, type Settings, SIMULATED_BASE_URL } from '../protocol/settings.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';

/** Settings that can be served with. Without an admin token there is no unauthenticated mode: nothing is served. */
export interface Configuration extends Settings {
  readonly PARLEY_ADMIN_TOKEN: string;
}

/** Throws BrokerError `bad_setting` or `not_configured`. */
export function configuration(env: Env): Configuration {
  const parsed = parseSettings(env);
  if (!parsed.ok) throw new BrokerError('bad_setting', { problem: parsed.problems.join(' ') });
  const { PARLEY_ADMIN_TOKEN } = parsed.settings;
  if (PARLEY_ADMIN_TOKEN === null) throw new BrokerError('not_configured');
  return { ...parsed.settings, PARLEY_ADMIN_TOKEN };
}

/** The deployment's own key for a provider, or null. */
export function storedKey(env: Env, adapter: ProviderAdapter): string | null {
  if (adapter.settings.key === null) return null;
  const value = env[adapter.settings.key];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Whether the deployment has a provider played by its built-in simulator, whatever the model. */
export function isSimulated(env: Env, adapter: ProviderAdapter): boolean {
  return adapter.settings.key === null || env[adapter.settings.baseUrl] === SIMULATED_BASE_URL;
}

/** Where a provider is dialled: http(s), without a trailing slash. Throws BrokerError `bad_setting`. */
export function providerBaseUrl(env: Env, adapter: ProviderAdapter): string {
  const { baseUrl: setting, defaultBaseUrl } = adapter.settings;
  const value = env[setting];
  const isUrl = typeof value === 'string' && value !== '' && value !== SIMULATED_BASE_URL;
  const text = isUrl ? value : defaultBaseUrl;
  // workerd dials WebSockets through http(s) URLs.
  const url = text.replace(/^ws(s?):/, 'http$1:').replace(/\/+$/, '');
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new BrokerError('bad_setting', {
      problem: `${setting} must be an http(s) or ws(s) URL, or ${SIMULATED_BASE_URL}.`,
    });
  }
  return url;
}
