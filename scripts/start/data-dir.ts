/** The data directory: writable, and used by one Parley at a time. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { codeOf, StartError } from './options.ts';

interface Holder {
  readonly pid: number;
  readonly workerd: number;
}

/** Makes the directory and takes it; throws StartError when that cannot be. */
export function takeDataDir(dir: string): void {
  try {
    for (const part of [dir, `${dir}/objects`, `${dir}/tls`]) {
      mkdirSync(part, { recursive: true, mode: 0o700 });
      accessSync(part, constants.W_OK);
    }
    const holder = readHolder(dir);
    if (holder !== null) {
      const pid = [holder.pid, holder.workerd].find(isAlive);
      if (pid !== undefined) {
        throw new StartError(
          `Another Parley (process ${pid}) uses ${dir}. Stop it (kill ${pid}), or start this one elsewhere: PARLEY_DATA_DIR=./other npm start`,
        );
      }
    }
    note(dir, { pid: process.pid, workerd: 0 });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The data directory ${dir} cannot be written (${codeOf(error)}). Give this user the right to write there, or choose another: PARLEY_DATA_DIR=./data npm start`,
    );
  }
}

export function noteWorkerd(dir: string, workerd: number): void {
  note(dir, { pid: process.pid, workerd });
}

export function releaseDataDir(dir: string): void {
  rmSync(lockFile(dir), { force: true });
}

function note(dir: string, holder: Holder): void {
  writeFileSync(lockFile(dir), JSON.stringify(holder));
}

function lockFile(dir: string): string {
  return `${dir}/parley.pid`;
}

function readHolder(dir: string): Holder | null {
  if (!existsSync(lockFile(dir))) return null;
  try {
    const { pid, workerd } = JSON.parse(readFileSync(lockFile(dir), 'utf8')) as Partial<Holder>; // our own file; checked below
    return typeof pid === 'number' && typeof workerd === 'number' ? { pid, workerd } : null;
  } catch {
    // Cut off by a crash while it was written: nobody holds the directory.
    return null;
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
