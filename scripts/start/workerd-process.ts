/** The workerd that serves: started with what it needs and no more, and never left behind. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { codeOf, StartError } from './start-error.ts';

/** Besides Parley's own settings: where the system keeps its certificates, when that is not the usual place. */
const INHERITED = ['PATH', 'HOME', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
/** A live session takes some seven file descriptors (measured 2026-11-22). */
const FILES_PER_SESSION = 7;
const ENOUGH_FILES = 4_096;

/** @param values what the configuration binds from the environment */
export function startWorkerd(
  configFile: string,
  objectsDir: string,
  values: Readonly<Record<string, string>>,
): ChildProcess {
  const binary = createRequire(import.meta.url).resolve('workerd/bin/workerd');
  const args = ['serve', configFile, '--directory-path', `objects=${objectsDir}`];
  const env: Record<string, string> = { ...values };
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  const child =
    process.platform === 'win32'
      ? spawn(process.execPath, [binary, ...args], { env, stdio: [...stdio] })
      : // Shells often allow 1,024 open files: all that may be had are taken.
        spawn(
          'sh',
          ['-c', 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"', 'sh', nativeBinary(binary), ...args],
          {
            env,
            stdio: [...stdio],
            // Ctrl-C goes to the whole group of a terminal; workerd must outlive it for the drain.
            detached: true,
          },
        );
  child.on('error', (error) => {
    console.error(`workerd cannot be started (${codeOf(error)}). Run npm ci again.`);
    process.exit(1);
  });
  endTogether(child);
  return child;
}

/** However this process ends, workerd does not stay behind with the port and the data. */
function endTogether(workerd: ChildProcess): void {
  let gone = false;
  workerd.once('exit', () => (gone = true));
  process.once('exit', () => {
    if (!gone) workerd.kill('SIGKILL');
  });
  if (process.platform === 'win32' || workerd.pid === undefined) return;
  // A kill -9 leaves no time for the above: the pipe to this shell then closes, and the shell does it.
  const guard = spawn('sh', ['-c', 'read -r _ || kill -9 "$1" 2>/dev/null', 'sh', String(workerd.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  // A line tells it that there is nothing left to kill: the number may belong to another process soon.
  workerd.once('exit', () => guard.stdin.end('\n'));
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

/** A sentence when this system allows too few open files for a busy Parley, or null. */
export function fewFilesWarning(allowed: number | null = openFilesAllowed()): string | null {
  if (allowed === null || allowed >= ENOUGH_FILES) return null;
  return `This system allows ${allowed} open files, enough for some ${Math.floor(allowed / FILES_PER_SESSION)} live sessions. For more, raise its hard limit (ulimit -Hn) before npm start.`;
}

/** Null: no limit, or none that could be told. */
function openFilesAllowed(): number | null {
  try {
    const allowed = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }));
    return Number.isInteger(allowed) ? allowed : null;
  } catch {
    return null;
  }
}
