/** The data directory: writable, and used by one Parley at a time. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { codeOf, StartError } from './start-error.ts';

/** A process, told apart from a later one that was given the same number: containers count from 1 at each start. */
const Process = v.object({ pid: v.number(), since: v.string() });
type Process = v.InferOutput<typeof Process>;

const Holder = v.object({ start: Process, workerd: v.nullable(Process) });
type Holder = v.InferOutput<typeof Holder>;

/** Makes the directory and takes it; throws StartError when that cannot be. */
export function takeDataDir(dir: string): void {
  try {
    for (const part of [dir, `${dir}/objects`, `${dir}/tls`]) {
      mkdirSync(part, { recursive: true, mode: 0o700 });
      accessSync(part, constants.W_OK);
    }
    const holder = readHolder(dir);
    const living = [holder?.start, holder?.workerd].find((each) => each != null && isAlive(each));
    if (living != null) throw taken(dir, living.pid);
    rmSync(lockFile(dir), { force: true });
    // `wx`: of two that start at the same moment, one finds the file there.
    write(dir, { start: processOf(process.pid), workerd: null }, 'wx');
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (codeOf(error) === 'EEXIST' && existsSync(lockFile(dir))) throw taken(dir, readHolder(dir)?.start.pid);
    throw new StartError(
      `The data directory ${dir} cannot be written (${codeOf(error)}). Give this user the right to write there, or choose another: PARLEY_DATA_DIR=./data npm start`,
    );
  }
}

/** From now on the directory is also taken for as long as this workerd lives. */
export function noteWorkerd(dir: string, workerd: number | undefined): void {
  if (workerd === undefined) return;
  write(dir, { start: processOf(process.pid), workerd: processOf(workerd) }, 'w');
}

/** Who serves from the directory, or null. */
export function workerdOf(dir: string): number | null {
  return readHolder(dir)?.workerd?.pid ?? null;
}

export function releaseDataDir(dir: string): void {
  rmSync(lockFile(dir), { force: true });
}

function taken(dir: string, pid: number | undefined): StartError {
  const [who, how] = pid === undefined ? ['', ''] : [` (process ${pid})`, `: kill ${pid}`];
  return new StartError(
    `Another Parley${who} uses ${dir}. Stop it${how}; or start this one elsewhere: PARLEY_DATA_DIR=./other npm start`,
  );
}

function lockFile(dir: string): string {
  return `${dir}/parley.pid`;
}

function write(dir: string, holder: Holder, flag: 'w' | 'wx'): void {
  writeFileSync(lockFile(dir), JSON.stringify(holder), { flag });
}

function readHolder(dir: string): Holder | null {
  if (!existsSync(lockFile(dir))) return null;
  try {
    return v.parse(Holder, JSON.parse(readFileSync(lockFile(dir), 'utf8')));
  } catch {
    // Cut off by a crash while it was written: nobody holds the directory.
    return null;
  }
}

function processOf(pid: number): Process {
  return { pid, since: startOf(pid) };
}

function isAlive({ pid, since }: Process): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if (codeOf(error) !== 'EPERM') return false;
  }
  return startOf(pid) === since;
}

/** When a process started, as its system counts it; '' where that cannot be told, and then the number must do. */
function startOf(pid: number): string {
  try {
    // The name, in brackets, may hold anything: fields are counted from the last bracket. Field 22 is the start.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? 'ended, and not yet cleared away' : (fields[18] ?? '');
  } catch {
    return startByPs(pid);
  }
}

function startByPs(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}
