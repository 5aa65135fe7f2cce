/** The deployment's settings as one request sees them. */
import type { Env } from '../durable-objects/environment.ts';
import { BrokerError } from '../protocol/errors.ts';
import { fillSettings, parseSettings, type Settings, SIMULATED_BASE_URL } from '../protocol/settings.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import { customProblems } from '../providers/registry.ts';

/** Settings that can be served with. Without an admin token there is no unauthenticated mode: nothing is served. */
export interface Configuration extends Settings {
  readonly PARLEY_ADMIN_TOKEN: string;
}

/** Throws BrokerError `bad_setting` or `not_configured`. */
export function configuration(env: Env): Configuration {
  const parsed = parseSettings(env);
  const problems = parsed.ok ? customProblems(parsed.settings.PARLEY_CUSTOM_PROVIDERS) : parsed.problems;
  if (!parsed.ok || problems.length > 0)
    throw new BrokerError('bad_setting', { problem: problems.join(' ') });
  const { PARLEY_ADMIN_TOKEN } = parsed.settings;
  if (PARLEY_ADMIN_TOKEN === null) throw new BrokerError('not_configured');
  return { ...parsed.settings, PARLEY_ADMIN_TOKEN };
}

/** The deployment's own key for a provider, or null. */
export function storedKey(env: Env, adapter: ProviderAdapter): string | null {
  if (adapter.settings.key === null) return null;
  return text(env[adapter.settings.key]);
}

/** Whether the deployment has a provider played by its built-in simulator, whatever the model. */
export function isSimulated(env: Env, adapter: ProviderAdapter): boolean {
  return (text(env[adapter.settings.baseUrl]) ?? adapter.settings.defaultBaseUrl) === SIMULATED_BASE_URL;
}

/** What is dialled where a simulator plays a provider that has no address; it is never looked up. */
const SIMULATED_HOST = 'https://simulator.parley.internal';

/** Whether the deployment has the Workers binding that opens this provider's sockets. */
export function hasBinding(env: Env, adapter: ProviderAdapter): boolean {
  const { binding } = adapter.settings;
  return binding !== undefined && typeof env[binding] === 'object' && env[binding] !== null;
}

/**
 * Where a provider is dialled: http(s), without a trailing slash. Throws BrokerError `bad_setting`.
 *
 * @param within true when it is reached within this deployment, so that its address need not be there or complete
 */
export function providerBaseUrl(env: Env, adapter: ProviderAdapter, within: boolean): string {
  const { baseUrl: setting, defaultBaseUrl } = adapter.settings;
  const pattern = [text(env[setting]), defaultBaseUrl].find(
    (each) => each !== SIMULATED_BASE_URL && each !== null,
  );
  if (pattern === undefined || pattern === null) {
    if (within) return SIMULATED_HOST;
    throw new BrokerError('bad_setting', {
      problem: `${setting} is not set, and ${adapter.id} has no address of its own. Set it to an http(s) or ws(s) URL, or to ${SIMULATED_BASE_URL}.`,
    });
  }
  const { text: address, missing } = fillSettings(pattern, env);
  if (missing.length > 0 && !within) {
    throw new BrokerError('bad_setting', {
      problem: `${missing.join(', ')} is not set, and ${adapter.id} is dialled with it. Set it, or ${setting}.`,
    });
  }
  // workerd dials WebSockets through http(s) URLs.
  const url = address.replace(/^ws(s?):/, 'http$1:').replace(/\/+$/, '');
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new BrokerError('bad_setting', {
      problem: `${setting} must be an http(s) or ws(s) URL, or ${SIMULATED_BASE_URL}.`,
    });
  }
  return url;
}

/** A setting that has a value. */
function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
