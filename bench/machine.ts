/** On what a run was made. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { WORKERD_VERSION } from './bare-relay/start.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_mib: Math.round(totalmem() / 1024 ** 2),
    system: `${platform()} ${release()}`,
    load_before: loadavg()[0] ?? 0,
    node: process.version,
    workerd: WORKERD_VERSION,
    ws: versionOf(createRequire(import.meta.url).resolve('ws/package.json')),
    parley: versionOf(`${ROOT}package.json`),
    commit: commit(),
  };
}

function versionOf(file: string): string {
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown }; // a package.json; checked below
  return typeof version === 'string' ? version : 'unknown';
}

/** With a mark when the checkout differs from it, since then it is not the commit that was measured. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}
