/** `npm start`: Parley on plain workerd, with nothing else. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PROVIDERS } from '../providers/registry.ts';
import { certificate } from './start/certificate.ts';
import { noteWorkerd, releaseDataDir, takeDataDir } from './start/data-dir.ts';
import { codeOf, readOptions, StartError, type StartOptions } from './start/options.ts';
import { requirePort } from './start/ports.ts';
import { workerdConfig } from './start/workerd-config.ts';
import { build, ROOT } from './wrangler.ts';

const READY_MS = 15_000;
const DRAIN_MS = 12_000;
const TERM_MS = 1_500;
const SECOND_SIGNAL_MS = 1_000;

const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }; // our own file

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const options = readOptions(process.env);
  takeDataDir(options.dataDir);
  process.on('exit', () => releaseDataDir(options.dataDir));
  await requirePort(options.host, options.port, 'PORT');
  await requirePort(options.host, options.tlsPort, 'TLS_PORT');
  const bundle = `${ROOT}dist/index.js`;
  if (process.env['PARLEY_SKIP_BUILD'] !== '1' || !existsSync(bundle)) await build();
  const tls = await certificate(options.dataDir, options.host);
  const configFile = `${options.dataDir}/workerd.capnp`;
  writeFileSync(configFile, workerdConfig(configFile, options, bundle, tls, compatibilityDate()));
  const workerd = startWorkerd(configFile, options);
  noteWorkerd(options.dataDir, workerd.pid ?? 0);
  let stopping = false;
  let signalledAt = 0;
  workerd.on('exit', (code, signal) => {
    if (stopping) return;
    console.error(
      `workerd stopped by itself (${signal ?? `exit code ${code}`}). What it printed above says why; then npm start again.`,
    );
    process.exit(1);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) {
        // A terminal and npm may both send one Ctrl-C on: only a later one is a second wish.
        if (Date.now() - signalledAt > SECOND_SIGNAL_MS) workerd.kill('SIGKILL');
        return;
      }
      stopping = true;
      signalledAt = Date.now();
      void stop(workerd, options);
    });
  }
  await untilReady(options);
  if (!stopping) announce(options, tls.certFile);
}

function compatibilityDate(): string {
  const found = /^compatibility_date = "([0-9-]+)"$/m.exec(readFileSync(`${ROOT}wrangler.toml`, 'utf8'))?.[1];
  if (found === undefined) throw new StartError('wrangler.toml has no compatibility_date.');
  return found;
}

/** A live session takes some seven file descriptors, and shells often allow 1,024: all that may be had are taken. */
function startWorkerd(configFile: string, options: StartOptions): ChildProcess {
  const binary = createRequire(import.meta.url).resolve('workerd/bin/workerd');
  const args = ['serve', configFile, '--directory-path', `objects=${options.dataDir}/objects`];
  // Only what the Worker reads: the rest of this environment is none of its business.
  const env = { ...options.values, PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
  const child =
    process.platform === 'win32'
      ? spawn(process.execPath, [binary, ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] })
      : spawn(
          'sh',
          ['-c', 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"', 'sh', nativeBinary(binary), ...args],
          {
            env,
            stdio: ['ignore', 'inherit', 'inherit'],
            // Ctrl-C goes to the whole group of a terminal; workerd must outlive it for the drain.
            detached: true,
          },
        );
  child.on('error', (error) => {
    console.error(`workerd cannot be started (${codeOf(error)}). Run npm ci again.`);
    process.exit(1);
  });
  return child;
}

/** The package's `bin` is replaced by the native program at install; where it was not, it is a script that finds it. */
function nativeBinary(bin: string): string {
  const head = readFileSync(bin).subarray(0, 2).toString();
  if (head !== '#!') return bin;
  const require = createRequire(bin);
  const names: Readonly<Record<string, string>> = {
    'linux x64': '@cloudflare/workerd-linux-64/bin/workerd',
    'linux arm64': '@cloudflare/workerd-linux-arm64/bin/workerd',
    'darwin x64': '@cloudflare/workerd-darwin-64/bin/workerd',
    'darwin arm64': '@cloudflare/workerd-darwin-arm64/bin/workerd',
  };
  const name = names[`${process.platform} ${process.arch}`];
  if (name === undefined)
    throw new StartError(`workerd does not exist for ${process.platform} ${process.arch}.`);
  return require.resolve(name);
}

async function untilReady(options: StartOptions): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    const answer = await fetch(`${httpUrl(options)}/readyz`).catch(() => null);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new StartError(`workerd did not answer within ${READY_MS / 1000} s. What it printed above says why.`);
}

/** Sessions are ended and their logs flushed, then workerd goes; all of it takes less than 20 s. */
async function stop(workerd: ChildProcess, options: StartOptions): Promise<void> {
  console.log('stopping: ending sessions and flushing logs …');
  const gone = new Promise((resolve) => workerd.once('exit', resolve));
  const answer = await fetch(`${httpUrl(options)}/drain`, {
    method: 'POST',
    headers: { 'cf-aig-authorization': `Bearer ${options.adminToken}` },
    signal: AbortSignal.timeout(DRAIN_MS),
  }).catch(() => null);
  if (answer?.ok !== true)
    console.error('The drain did not finish; up to 1 s of the open sessions may be missing from their logs.');
  workerd.kill('SIGTERM');
  // workerd waits for sockets that linger, without end; everything is on disk already.
  const timer = setTimeout(() => workerd.kill('SIGKILL'), TERM_MS);
  await gone;
  clearTimeout(timer);
  console.log('stopped');
  process.exit(0);
}

function httpUrl({ host, port }: StartOptions): string {
  const name =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function announce(options: StartOptions, certFile: string): void {
  const http = httpUrl(options);
  const https = http.replace('http:', 'https:').replace(`:${options.port}`, `:${options.tlsPort}`);
  const keys = PROVIDERS.map(({ id, settings }) => {
    if (settings.key === null) return `${id} ✓ built in`;
    return (options.values[settings.key] ?? '') === '' ? `${id} – no ${settings.key}` : `${id} ✓`;
  });
  const token =
    options.tokenFrom === 'made'
      ? `${options.adminToken}  (made now, kept in .dev.vars)`
      : options.tokenFrom === 'file'
        ? 'PARLEY_ADMIN_TOKEN in .dev.vars'
        : 'PARLEY_ADMIN_TOKEN from the environment';
  console.log(`
  Parley ${version}
  HTTP        ${http}
  HTTPS       ${https}   self-signed; trust it by NODE_EXTRA_CA_CERTS=${certFile}
  WebSocket   ${http.replace('http', 'ws')}/v1/{account}/{gateway}/openai?model=sim-support
  Sessions    curl -H "Authorization: Bearer <token>" ${http}/v1/{account}/{gateway}/sessions
  Token       ${token}
  Providers   ${keys.join('   ')}
  Log         ${options.values['PARLEY_LOG'] ?? 'full'}, in ${options.dataDir}
  Try         npm run demo
`);
}
