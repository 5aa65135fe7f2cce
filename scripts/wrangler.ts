/** Runs this project's own wrangler, offline and quiet. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** No calls home, no log files: building and serving work without a network (measured 2026-10-23). */
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_WRITE_LOGS: 'false',
};

/** wrangler's own process: a signal to an `npx` in between would leave workerd behind, holding the port. */
export function wrangler(args: readonly string[], stdio: 'inherit' | 'pipe'): ChildProcess {
  return spawn(process.execPath, [`${ROOT}node_modules/wrangler/bin/wrangler.js`, ...args], {
    cwd: ROOT,
    stdio,
    env: { ...process.env, ...QUIET },
  });
}

/** The Worker's code or its configuration is at fault; the message holds what wrangler says of it. */
export class BuildError extends Error {}

/**
 * Bundles the Worker into dist/index.js: the file that Cloudflare and `npm start` serve alike. Throws BuildError.
 */
export async function build(): Promise<void> {
  const child = wrangler(['deploy', '--dry-run', '--outdir', 'dist'], 'pipe');
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new BuildError(`The Worker could not be built; wrangler says:\n${output.trim()}`);
}
