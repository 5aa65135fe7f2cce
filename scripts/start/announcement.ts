/** What `npm start` prints once Parley answers: where it is, how to get in, and what to try. */
import { relative } from 'node:path';
import { SIMULATED_BASE_URL } from '../../protocol/settings.ts';
import type { StartOptions } from './options.ts';

/** The parts of an adapter that say whether its provider can be used. */
export interface NamedProvider {
  readonly id: string;
  readonly settings: {
    readonly key: string | null;
    readonly baseUrl: string;
    readonly defaultBaseUrl: string | null;
  };
}

export interface Announced {
  readonly version: string;
  readonly options: StartOptions;
  readonly certFile: string;
  readonly providers: readonly NamedProvider[];
  /** Paths are printed as one would type them from here. */
  readonly directory: string;
}

/** Columns of a list beside its title. */
const LIST_WIDTH = 100;

/** The token is in it only when it was made just now: what is printed ends up in logs. */
export function announcement({ version, options, certFile, providers, directory }: Announced): string {
  const http = httpUrl(options);
  const https = http.replace('http:', 'https:').replace(`:${options.port}`, `:${options.tlsPort}`);
  const shown = (path: string): string => {
    const short = relative(directory, path);
    return short.startsWith('..') ? path : short;
  };
  const keys = providers.map((provider) => `${provider.id} ${readiness(provider, options.values)}`);
  return `
  Parley ${version}
  HTTP        ${http}
  HTTPS       ${https}   self-signed; trust it by NODE_EXTRA_CA_CERTS=${shown(certFile)}
  WebSocket   ${http.replace('http', 'ws')}/v1/{account}/{gateway}/openai?model=sim-support
  Sessions    curl -H "Authorization: Bearer <token>" ${http}/v1/{account}/{gateway}/sessions
  Token       ${tokenHint(options, shown(options.settingsFile))}
  Providers   ${wrapped(keys)}
  Log         ${options.values['PARLEY_LOG'] ?? 'full'}, in ${shown(options.dataDir)}
  Try         npm run demo
`;
}

/** As many a line as there is room for, under the first. */
function wrapped(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length > LIST_WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${line}   ${word}`;
  }
  return lines.join(`\n${' '.repeat('  Providers   '.length)}`);
}

/** Whether a provider can be used with what is set, and else what is missing. */
function readiness({ settings }: NamedProvider, values: StartOptions['values']): string {
  const { key, baseUrl, defaultBaseUrl } = settings;
  const address = values[baseUrl] ?? defaultBaseUrl;
  if (defaultBaseUrl === SIMULATED_BASE_URL) return '✓ built in';
  if (address === SIMULATED_BASE_URL) return '✓ simulated';
  const missing = [key !== null && values[key] === undefined ? key : null, address === null ? baseUrl : null];
  const names = missing.filter((name) => name !== null);
  return names.length === 0 ? '✓' : `– no ${names.join(', no ')}`;
}

function tokenHint({ adminToken, tokenFrom }: StartOptions, settingsFile: string): string {
  switch (tokenFrom) {
    case 'made':
      return `${adminToken}  (made now, kept in ${settingsFile})`;
    case 'file':
      return `PARLEY_ADMIN_TOKEN in ${settingsFile}`;
    case 'environment':
      return 'PARLEY_ADMIN_TOKEN from the environment';
  }
}

/** Where this machine reaches it. */
export function httpUrl({ host, port }: Pick<StartOptions, 'host' | 'port'>): string {
  const name =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
