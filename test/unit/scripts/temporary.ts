import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';

/** A directory for the running test, gone after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(`${tmpdir()}/parley-unit-`);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
