/** `npm run dev`: wrangler's development server, for working on Parley itself. */
import { wrangler } from './wrangler.ts';

const child = wrangler(['dev', '--show-interactive-dev-session=false', ...process.argv.slice(2)], 'inherit');
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopping = true;
    child.kill(signal);
  });
}
// Stopped as it was asked to is no failure, whatever wrangler calls it.
child.on('close', (code) => process.exit(stopping ? 0 : (code ?? 1)));
