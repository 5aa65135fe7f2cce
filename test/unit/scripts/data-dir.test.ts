import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { noteWorkerd, releaseDataDir, takeDataDir, workerdOf } from '../../../scripts/start/data-dir.ts';
import { temporaryDirectory } from './temporary.ts';

/** A process that does nothing. */
function idle(): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60_000)'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const lockOf = (directory: string): string => `${directory}/parley.pid`;

describe('the data directory', () => {
  it('is made, taken, and given back', () => {
    const directory = `${temporaryDirectory()}/a/b`;
    takeDataDir(directory);
    expect(() => takeDataDir(directory)).toThrow(`Another Parley (process ${process.pid}) uses ${directory}`);
    releaseDataDir(directory);
    takeDataDir(directory);
  });

  it('stays taken while its workerd lives, whatever became of what started it', async () => {
    const directory = temporaryDirectory();
    takeDataDir(directory);
    const workerd = idle();
    noteWorkerd(directory, workerd.pid);
    expect(workerdOf(directory)).toBe(workerd.pid);
    const lock = JSON.parse(readFileSync(lockOf(directory), 'utf8')) as { start: object }; // what noteWorkerd wrote
    writeFileSync(lockOf(directory), JSON.stringify({ ...lock, start: { pid: 2 ** 22 + 1, since: '' } }));
    expect(() => takeDataDir(directory)).toThrow(`kill ${workerd.pid};`);
    workerd.kill('SIGKILL');
    await once(workerd, 'exit');
    takeDataDir(directory);
  });

  it('is free when the number belongs to another process by now, as after a restart of a container', () => {
    const directory = temporaryDirectory();
    const process1 = { pid: process.pid, since: 'some other time' };
    writeFileSync(lockOf(directory), JSON.stringify({ start: process1, workerd: process1 }));
    takeDataDir(directory);
  });

  it('is free when the note was cut off by a crash', () => {
    const directory = temporaryDirectory();
    writeFileSync(lockOf(directory), '{"start":{"pi');
    takeDataDir(directory);
  });

  it('says which setting helps when it cannot be written', () => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/file`, '');
    expect(() => takeDataDir(`${directory}/file`)).toThrow(
      /cannot be written \((EEXIST|ENOTDIR)\).*PARLEY_DATA_DIR=/,
    );
  });
});
