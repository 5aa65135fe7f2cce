/** The processes that a run starts. None outlives it, whether it ends, fails or is interrupted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type AddressInfo } from 'node:net';
import { processTree } from './process-cost.ts';

const KEPT_OUTPUT = 4096;

export interface Child {
  readonly pid: number;
  /** The last of what it printed. */
  output(): string;
  /** How it ended, or null while it runs. */
  ended(): string | null;
  stop(): Promise<void>;
}

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** After a SIGTERM, time until the SIGKILL. */
  readonly graceMs: number;
}

const running = new Map<number, () => Promise<void>>();

/** With a clean environment: settings of the shell that started the run must not change what is measured. */
export function startChild(command: string, args: readonly string[], { env = {}, graceMs }: Options): Child {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? 0;
  let output = '';
  let ended: string | null = null;
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => (ended ??= error.message));
  child.on('exit', (code, signal) => {
    ended ??= signal ?? `exit code ${code}`;
    running.delete(pid);
  });
  const stop = (): Promise<void> => (ended === null ? stopTree(child, pid, graceMs) : Promise.resolve());
  if (pid !== 0) running.set(pid, stop);
  return { pid, output: () => output.trim(), ended: () => ended, stop };
}

/** Polls until the probe is true; throws with the child's own words when it ends or does not get there in time. */
export async function untilReady(
  child: Child,
  probe: () => Promise<boolean> | boolean,
  limitMs: number,
): Promise<void> {
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    const ended = child.ended();
    if (ended !== null) throw new Error(`it ended (${ended}): ${child.output()}`);
    if (await probe()) return;
    await sleep(50);
  }
  throw new Error(`it was not ready within ${limitMs / 1000} s: ${child.output()}`);
}

export async function answersOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => null);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a TCP server has no other kind of address
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Politely, and by force where that does not help within each one's own time. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running.values()].map((stop) => stop()));
}

/** What a polite stop did not reach; synchronous, for the last moment of this process. */
export function killRemaining(): void {
  for (const pid of running.keys()) for (const { pid: each } of processTree(pid)) kill(each, 'SIGKILL');
}

async function stopTree(child: ChildProcess, pid: number, graceMs: number): Promise<void> {
  // Taken now: the children of a process that is gone can no longer be told.
  const tree = processTree(pid);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  kill(pid, 'SIGTERM');
  const timer = setTimeout(() => {
    for (const each of tree) kill(each.pid, 'SIGKILL');
  }, graceMs);
  await gone;
  clearTimeout(timer);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, which is what was wanted.
  }
}
