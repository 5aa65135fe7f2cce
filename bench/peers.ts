/** What is measured side by side, each in front of the same upstream. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startBareRelay } from './bare-relay/start.ts';
import { answersOk, type Child, freePort, startChild, untilReady } from './children.ts';
import type { Target } from './connection.ts';
import { processTree } from './process-cost.ts';

export const PEER_NAMES = ['direct', 'haproxy', 'bare', 'parley-none', 'parley-full'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export interface Peer extends Target {
  readonly name: PeerName;
  /** The process that carries the frames; null where there is none between client and upstream. */
  readonly pid: number | null;
}

/** A peer that cannot be measured here, and why. */
export class SkippedPeer extends Error {}

const READY_MS = 10_000;
/** `npm start` builds first. */
const PARLEY_READY_MS = 90_000;
/** `npm start` ends sessions and flushes logs when it is stopped. */
const PARLEY_STOP_MS = 16_000;
const STOP_MS = 1000;
const PATH = '/v1/acct/bench/openai?model=gpt-realtime';
const START_SCRIPT = fileURLToPath(new URL('../scripts/start.ts', import.meta.url));

export async function startUpstream(): Promise<{ readonly port: number; readonly child: Child }> {
  const script = fileURLToPath(new URL('echo-upstream.ts', import.meta.url));
  const child = startChild(process.execPath, [script], { graceMs: STOP_MS });
  let port = 0;
  await untilReady(
    child,
    () => {
      port = Number(/^listening ([0-9]+)$/m.exec(child.output())?.[1] ?? 0);
      return port !== 0;
    },
    READY_MS,
  );
  return { port, child };
}

/** Throws SkippedPeer where it cannot be had. */
export async function startPeer(name: PeerName, upstreamPort: number, directory: string): Promise<Peer> {
  switch (name) {
    case 'direct':
      return { name, url: `ws://127.0.0.1:${upstreamPort}${PATH}`, headers: {}, pid: null };
    case 'haproxy':
      return startHaproxy(upstreamPort, directory);
    case 'bare':
      return startBare(upstreamPort, directory);
    case 'parley-none':
      return startParley(name, 'none', upstreamPort, directory);
    case 'parley-full':
      return startParley(name, 'full', upstreamPort, directory);
  }
}

async function startHaproxy(upstreamPort: number, directory: string): Promise<Peer> {
  const program = findProgram('haproxy');
  if (program === null) throw new SkippedPeer('haproxy is not installed');
  const port = await freePort();
  const config = `${directory}/haproxy.cfg`;
  writeFileSync(config, haproxyConfig(port, upstreamPort));
  const child = startChild(program, ['-db', '-f', config], { graceMs: STOP_MS });
  await ready(child, `http://127.0.0.1:${port}/healthz`, READY_MS);
  return { name: 'haproxy', url: `ws://127.0.0.1:${port}${PATH}`, headers: {}, pid: child.pid };
}

function haproxyConfig(port: number, upstreamPort: number): string {
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend in
  bind 127.0.0.1:${port}
  monitor-uri /healthz
  default_backend upstream
backend upstream
  server echo 127.0.0.1:${upstreamPort}
`;
}

async function startBare(upstreamPort: number, directory: string): Promise<Peer> {
  const port = await freePort();
  const child = startBareRelay(directory, port, `http://127.0.0.1:${upstreamPort}`);
  await ready(child, `http://127.0.0.1:${port}/healthz`, READY_MS);
  return { name: 'bare', url: `ws://127.0.0.1:${port}${PATH}`, headers: {}, pid: child.pid };
}

/** Parley as its users run it. */
async function startParley(
  name: PeerName,
  log: 'none' | 'full',
  upstreamPort: number,
  directory: string,
): Promise<Peer> {
  if (!existsSync(START_SCRIPT)) throw new SkippedPeer('scripts/start.ts does not exist');
  const port = await freePort();
  const tlsPort = await freePort();
  const token = randomBytes(32).toString('base64url');
  const child = startChild(process.execPath, [START_SCRIPT], {
    graceMs: PARLEY_STOP_MS,
    env: {
      PORT: String(port),
      TLS_PORT: String(tlsPort),
      PARLEY_DATA_DIR: `${directory}/${name}`,
      // There is no such file: the one of this checkout must not change what is measured.
      PARLEY_DEV_VARS: `${directory}/${name}.vars`,
      PARLEY_ADMIN_TOKEN: token,
      PARLEY_LOG: log,
      OPENAI_BASE_URL: `http://127.0.0.1:${upstreamPort}/v1`,
      OPENAI_API_KEY: 'sk-bench',
    },
  });
  await ready(child, `http://127.0.0.1:${port}/healthz`, PARLEY_READY_MS);
  const workerd = processTree(child.pid).find(({ command }) => command === 'workerd');
  return {
    name,
    url: `ws://127.0.0.1:${port}${PATH}`,
    headers: { 'cf-aig-authorization': `Bearer ${token}` },
    pid: workerd?.pid ?? null,
  };
}

async function ready(child: Child, url: string, limitMs: number): Promise<void> {
  try {
    await untilReady(child, () => answersOk(url), limitMs);
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => `${folder}/${name}`).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
