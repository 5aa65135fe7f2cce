/** What `npm start` is to do: settings of wrangler.toml, then .dev.vars, then the process environment. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { parseSettings, SETTING_NAMES } from '../../protocol/settings.ts';
import { PROVIDERS } from '../../providers/registry.ts';
import { ROOT } from '../wrangler.ts';

/** A mistake of whoever starts it: printed as a sentence, without a stack. */
export class StartError extends Error {}

export interface StartOptions {
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly dataDir: string;
  /** Settings and secrets for the Worker, by name. */
  readonly values: Readonly<Record<string, string>>;
  readonly adminToken: string;
  /** Where the token came from; `made` = just now. */
  readonly tokenFrom: 'environment' | 'file' | 'made';
}

/** Every name that the Worker reads. */
export const WORKER_SETTINGS: readonly string[] = [
  ...SETTING_NAMES,
  ...PROVIDERS.flatMap(({ settings }) =>
    settings.key === null ? [settings.baseUrl] : [settings.key, settings.baseUrl],
  ),
];

/** Throws StartError with one sentence for each thing that must be mended. */
export function readOptions(environment: NodeJS.ProcessEnv): StartOptions {
  const file = resolve(environment['PARLEY_DEV_VARS'] ?? `${ROOT}.dev.vars`);
  const fromFile = readDevVars(file);
  const merged: Record<string, string> = { ...tomlVars(), ...fromFile };
  for (const name of [...WORKER_SETTINGS, 'HOST', 'PORT', 'TLS_PORT', 'PARLEY_DATA_DIR']) {
    const value = environment[name];
    if (value !== undefined) merged[name] = value;
  }
  const port = portOf(merged, 'PORT', 8787);
  const tlsPort = portOf(merged, 'TLS_PORT', 8788);
  if (port === tlsPort)
    throw new StartError(`PORT and TLS_PORT are both ${port}. Give them two different ports.`);
  const tokenFrom = originOf('PARLEY_ADMIN_TOKEN', environment, fromFile);
  if (tokenFrom === 'made') merged['PARLEY_ADMIN_TOKEN'] = makeToken(file);
  const parsed = parseSettings(merged);
  if (!parsed.ok) throw new StartError(parsed.problems.join('\n'));
  const values = Object.fromEntries(
    WORKER_SETTINGS.flatMap((name) => (merged[name] === undefined ? [] : [[name, merged[name]]])),
  );
  return {
    host: merged['HOST'] ?? '127.0.0.1',
    port,
    tlsPort,
    dataDir: resolve(merged['PARLEY_DATA_DIR'] ?? `${ROOT}.parley`),
    values,
    adminToken: merged['PARLEY_ADMIN_TOKEN'] ?? '',
    tokenFrom,
  };
}

function originOf(
  name: string,
  environment: NodeJS.ProcessEnv,
  fromFile: Readonly<Record<string, string>>,
): StartOptions['tokenFrom'] {
  if ((environment[name] ?? '') !== '') return 'environment';
  return (fromFile[name] ?? '') === '' ? 'made' : 'file';
}

function portOf(merged: Readonly<Record<string, string>>, name: string, fallback: number): number {
  const text = merged[name];
  if (text === undefined || text === '') return fallback;
  const port = Number(text);
  if (/^[0-9]+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new StartError(
    `${name} is '${text}', which is no port. Use a number from 1 to 65535, such as ${fallback}.`,
  );
}

function readDevVars(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  const parsed = parseEnv(readFileSync(file, 'utf8'));
  return Object.fromEntries(
    Object.entries(parsed).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The string values under [vars]: wrangler reads the same file, this only serves to show them to workerd. */
function tomlVars(): Record<string, string> {
  const text = readFileSync(`${ROOT}wrangler.toml`, 'utf8');
  const section = /^\[vars\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(text)?.[1] ?? '';
  const vars: Record<string, string> = {};
  for (const line of section.split('\n')) {
    const match = /^([A-Z][A-Z0-9_]*)\s*=\s*(?:"([^"]*)"|([0-9]+))\s*(?:#.*)?$/.exec(line.trim());
    if (match?.[1] !== undefined) vars[match[1]] = match[2] ?? match[3] ?? '';
  }
  return vars;
}

/** Appends a new admin token to .dev.vars, which only its owner may read. */
function makeToken(file: string): string {
  const token = randomBytes(32).toString('base64url');
  try {
    const before = existsSync(file)
      ? readFileSync(file, 'utf8')
          .replace(/^PARLEY_ADMIN_TOKEN=\s*$/m, '')
          .trimEnd()
      : '';
    writeFileSync(file, `${before === '' ? '' : `${before}\n`}PARLEY_ADMIN_TOKEN=${token}\n`, {
      mode: 0o600,
    });
    chmodSync(file, 0o600);
  } catch (error) {
    throw new StartError(
      `The new admin token cannot be written to ${file} (${codeOf(error)}). Set PARLEY_ADMIN_TOKEN yourself.`,
    );
  }
  return token;
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
