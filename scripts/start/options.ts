/** What `npm start` serves, and where: `wrangler.toml [vars]`, then `.dev.vars`, then the environment, the last one wins. */
import { join, resolve } from 'node:path';
import { namesIn, parseSettings, SETTING_NAMES, SIMULATED_BASE_URL } from '../../protocol/settings.ts';
import { customProblems, PROVIDERS, providersOf } from '../../providers/registry.ts';
import { addAdminToken, readSettingsFile } from './settings-file.ts';
import { StartError } from './start-error.ts';
import type { WranglerConfig } from './wrangler-config.ts';

export interface StartOptions {
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly dataDir: string;
  readonly settingsFile: string;
  /** Settings and secrets for the Worker, by name; those that are set. */
  readonly values: Readonly<Record<string, string>>;
  readonly adminToken: string;
  /** Where the token came from; `made` = just now. */
  readonly tokenFrom: 'environment' | 'file' | 'made';
}

/** Names of settings of these providers. */
function settingsOf(providers: typeof PROVIDERS): readonly string[] {
  return providers.flatMap(({ settings: { key, baseUrl, defaultBaseUrl } }) => [
    ...(key === null ? [] : [key]),
    baseUrl,
    ...namesIn(defaultBaseUrl ?? ''),
  ]);
}

/** Every name that the Worker reads, but for those of custom providers. */
export const WORKER_SETTINGS: readonly string[] = [...SETTING_NAMES, ...settingsOf(PROVIDERS)];

/** Every name that the Worker reads under these settings: custom providers bring their own. */
export function workerSettings(values: Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set([...SETTING_NAMES, ...settingsOf(providersOf(values))])];
}

/** What only `npm start` reads. */
const START_SETTINGS = ['HOST', 'PORT', 'TLS_PORT', 'PARLEY_DATA_DIR'];

/**
 * Throws StartError with one sentence for each thing that must be mended; only then is a missing admin token made.
 * @param root where the default files are; paths that are given start from the current directory, as in any command
 */
export function readOptions(
  environment: Readonly<Record<string, string | undefined>>,
  vars: WranglerConfig['vars'],
  root: string,
): StartOptions {
  const settingsFile = resolve(given(environment['PARLEY_DEV_VARS']) ?? join(root, '.dev.vars'));
  const fromFile = readSettingsFile(settingsFile);
  const sources = [vars, fromFile, environment];
  // Which settings there are depends on one of them.
  const names = workerSettings(merge(sources, WORKER_SETTINGS));
  const merged = merge(sources, [...names, ...START_SETTINGS]);
  const problems = [...portProblems(merged), ...urlProblems(merged)];
  const parsed = parseSettings(merged);
  problems.push(...(parsed.ok ? customProblems(parsed.settings.PARLEY_CUSTOM_PROVIDERS) : parsed.problems));
  if (problems.length > 0) throw new StartError(problems.join('\n'));

  const ready = merged['PARLEY_ADMIN_TOKEN'];
  const adminToken = ready ?? addAdminToken(settingsFile);
  merged['PARLEY_ADMIN_TOKEN'] = adminToken;
  return {
    host: merged['HOST'] ?? '127.0.0.1',
    port: portOf(merged, 'PORT'),
    tlsPort: portOf(merged, 'TLS_PORT'),
    dataDir: resolve(merged['PARLEY_DATA_DIR'] ?? join(root, '.parley')),
    settingsFile,
    values: only(merged, names),
    adminToken,
    tokenFrom:
      ready === undefined ? 'made' : ready === environment['PARLEY_ADMIN_TOKEN'] ? 'environment' : 'file',
  };
}

/** Later sources win. */
function merge(
  sources: readonly Readonly<Record<string, string | number | boolean | undefined>>[],
  names: readonly string[],
): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const name of names) {
    for (const source of sources) {
      const value = given(source[name]);
      if (value !== undefined) merged[name] = String(value);
    }
  }
  return merged;
}

/** An empty value is none: container tools pass one for every variable that is not set. */
function given<T>(value: T): T | undefined {
  return value === '' ? undefined : value;
}

function only(merged: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(merged).filter(([name]) => names.includes(name)));
}

const DEFAULT_PORTS = { PORT: 8787, TLS_PORT: 8788 } as const;
type PortSetting = keyof typeof DEFAULT_PORTS;

function portOf(merged: Readonly<Record<string, string>>, name: PortSetting): number {
  return Number(merged[name] ?? DEFAULT_PORTS[name]);
}

function portProblems(merged: Readonly<Record<string, string>>): string[] {
  const problems = (['PORT', 'TLS_PORT'] as const).flatMap((name) => {
    const text = merged[name] ?? '';
    const isPort = text === '' || (/^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535);
    return isPort
      ? []
      : [
          `${name} is '${text}', which is no port. Use a number from 1 to 65535, such as ${DEFAULT_PORTS[name]}.`,
        ];
  });
  const port = portOf(merged, 'PORT');
  if (problems.length === 0 && port === portOf(merged, 'TLS_PORT')) {
    problems.push(`PORT and TLS_PORT are both ${port}. Give them two different ports.`);
  }
  return problems;
}

function urlProblems(merged: Readonly<Record<string, string>>): string[] {
  return providersOf(merged).flatMap(({ settings: { baseUrl: name } }) => {
    const text = merged[name];
    const isUsable =
      text === undefined ||
      text === SIMULATED_BASE_URL ||
      (/^(https?|wss?):\/\//.test(text) && URL.canParse(text));
    return isUsable ? [] : [`${name} must be an http(s) or ws(s) URL, or ${SIMULATED_BASE_URL}.`];
  });
}
