/** `npm run dev`: wrangler's development server, for working on Parley itself. */
import { whenOrphaned } from './start/orphaned.ts';
import { wrangler } from './wrangler.ts';

const child = wrangler(['dev', '--show-interactive-dev-session=false', ...process.argv.slice(2)], 'inherit');
let stopping = false;
const stop = (signal: NodeJS.Signals): void => {
  stopping = true;
  child.kill(signal);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
whenOrphaned(() => stop('SIGTERM'));
// Stopped as it was asked to is no failure, whatever wrangler calls it.
child.on('close', (code) => process.exit(stopping ? 0 : (code ?? 1)));
