/** `npm start`: Parley on plain workerd, with nothing else. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { providersOf } from '../providers/registry.ts';
import { announcement, httpUrl } from './start/announcement.ts';
import { certificate } from './start/certificate.ts';
import { noteWorkerd, releaseDataDir, takeDataDir } from './start/data-dir.ts';
import { readOptions, type StartOptions } from './start/options.ts';
import { whenOrphaned } from './start/orphaned.ts';
import { requirePort } from './start/ports.ts';
import { StartError } from './start/start-error.ts';
import { fewFilesWarning, startWorkerd } from './start/workerd-process.ts';
import { workerdConfig } from './start/workerd-config.ts';
import { readWranglerConfig } from './start/wrangler-config.ts';
import { build, BuildError, ROOT } from './wrangler.ts';

const READY_MS = 15_000;
const DRAIN_MS = 12_000;
const TERM_MS = 1_500;
const SECOND_SIGNAL_MS = 1_000;

const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }; // our own file

// Whoever reads our output may go first, as a closed terminal does: that is no reason to leave sessions cut off.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError || error instanceof BuildError ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const wrangler = readWranglerConfig(`${ROOT}wrangler.toml`);
  const options = readOptions(process.env, wrangler.vars, ROOT);
  takeDataDir(options.dataDir);
  process.on('exit', () => releaseDataDir(options.dataDir));
  await requirePort(options.host, options.port, 'PORT');
  await requirePort(options.host, options.tlsPort, 'TLS_PORT');
  const bundle = `${ROOT}dist/index.js`;
  if (process.env['PARLEY_SKIP_BUILD'] !== '1' || !existsSync(bundle)) await build();
  const tls = await certificate(options.dataDir, options.host);
  const configFile = `${options.dataDir}/workerd.capnp`;
  writeFileSync(configFile, workerdConfig(configFile, { options, bundle, tls, wrangler }));
  const warning = fewFilesWarning();
  if (warning !== null) console.error(warning);
  const workerd = startWorkerd(configFile, `${options.dataDir}/objects`, options.values);
  noteWorkerd(options.dataDir, workerd.pid);
  const isStopping = stopOnSignals(workerd, options);
  workerd.on('exit', (code, signal) => {
    if (isStopping()) return;
    console.error(
      `workerd stopped by itself (${signal ?? `exit code ${code}`}). What it printed above says why; then npm start again.`,
    );
    process.exit(1);
  });
  await untilReady(options, isStopping);
  if (isStopping()) return;
  console.log(
    announcement({
      version,
      options,
      certFile: tls.certFile,
      providers: providersOf(options.values),
      directory: process.cwd(),
    }),
  );
}

/** The answer tells whether it is stopping. */
function stopOnSignals(workerd: ChildProcess, options: StartOptions): () => boolean {
  let signalledAt: number | null = null;
  const onSignal = (): void => {
    if (signalledAt === null) {
      signalledAt = Date.now();
      void stop(workerd, options);
    } else if (Date.now() - signalledAt > SECOND_SIGNAL_MS) {
      // A terminal and npm may both send one Ctrl-C on: only a later one is a second wish.
      workerd.kill('SIGKILL');
    }
  };
  // SIGHUP: its terminal was closed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const onGone = (): void => {
    if (signalledAt === null) onSignal();
  };
  whenOrphaned(onGone);
  // A program that started it and talks to it by Node's channel, as the tests do, is gone: nobody else would stop it.
  process.once('disconnect', onGone);
  return () => signalledAt !== null;
}

async function untilReady(options: StartOptions, isStopping: () => boolean): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until && !isStopping()) {
    const answer = await fetch(`${httpUrl(options)}/readyz`).catch(() => null);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (isStopping()) return;
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
