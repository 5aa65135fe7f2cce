/** `npm run dev`: wrangler's development server, for working on Parley itself. */
import { wrangler } from './wrangler.ts';

const child = wrangler(['dev', '--show-interactive-dev-session=false', ...process.argv.slice(2)], 'inherit');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code) => process.exit(code ?? 0));
