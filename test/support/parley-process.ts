/** Parley as a user runs it: `scripts/start.ts` in a process of its own, on free ports and a data directory of its own. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { workerdOf } from '../../scripts/start/data-dir.ts';
import { WORKER_SETTINGS } from '../../scripts/start/options.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const TOKEN = 'e2e-admin-token-0123456789abcdef';

export interface ParleyProcess {
  /** http://127.0.0.1:PORT */
  readonly http: string;
  readonly https: string;
  readonly ws: string;
  readonly token: string;
  readonly dataDir: string;
  readonly certFile: string;
  readonly pid: number;
  readonly workerdPid: number;
  output(): string;
  /** The exit code, once it ends. */
  readonly exited: Promise<number | null>;
  /** Resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** kill -9 of workerd and of what started it, as a power cut would. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Kept when given; else a temporary one, gone after stop(). */
  readonly dataDir?: string;
}

export async function startParley(options: StartOptions = {}): Promise<ParleyProcess> {
  const dataDir = options.dataDir ?? mkdtempSync(`${tmpdir()}/parley-`);
  mkdirSync(dataDir, { recursive: true });
  const [port, tlsPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [`${ROOT}scripts/start.ts`], {
    cwd: ROOT,
    // By the channel it learns that a test run was killed, and stops.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...foreignEnvironment(),
      PORT: String(port),
      TLS_PORT: String(tlsPort),
      PARLEY_DATA_DIR: dataDir,
      PARLEY_DEV_VARS: `${dataDir}/dev.vars`,
      PARLEY_ADMIN_TOKEN: TOKEN,
      ...(existsSync(`${ROOT}dist/index.js`) ? { PARLEY_SKIP_BUILD: '1' } : {}),
      ...options.env,
    },
  });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('npm run demo')) resolve();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    void exited.then((code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  const workerdPid = workerdOf(dataDir);
  if (workerdPid === null) throw new Error(`npm start did not note its workerd in ${dataDir}`);
  const cleanUp = (): void => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  return {
    http: `http://127.0.0.1:${port}`,
    https: `https://127.0.0.1:${tlsPort}`,
    ws: `ws://127.0.0.1:${port}`,
    token: TOKEN,
    dataDir,
    certFile: `${dataDir}/tls/cert.pem`,
    pid: child.pid ?? 0,
    workerdPid,
    output: () => output,
    exited,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      const code = await exited;
      cleanUp();
      return code;
    },
    kill: async () => {
      process.kill(workerdPid, 'SIGKILL');
      child.kill('SIGKILL');
      await exited;
      await gone(workerdPid);
    },
  };
}

/** This environment without the settings in it: a developer's keys must not change what is tested. */
export function foreignEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !WORKER_SETTINGS.includes(name) && name !== 'HOST'),
  );
}

/** Below those that the system gives to whoever asks for any, so that none of them is taken in between. */
const FIRST_PORT = 10_000;
const PORTS_EACH = 200;
/** Test files run beside each other, and whole runs do: each has ports of its own. Between a look and its use another would take it. */
let nextPort =
  FIRST_PORT + ((process.ppid + Number(process.env['VITEST_WORKER_ID'] ?? 0)) % 100) * PORTS_EACH;

/** A port on which nobody listens; another one each time. */
export async function freePort(): Promise<number> {
  const port = nextPort;
  nextPort += 1;
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!isFree) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A killed process keeps its port until the kernel has let it go. */
async function gone(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (isZombie(pid)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Dead, with nothing left but its exit code, which whoever inherited it has not asked for yet. */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    // Gone meanwhile, or a system without /proc.
    return false;
  }
}
