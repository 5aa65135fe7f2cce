/**
 * `npm run build`: the Worker in one file, dist/index.js, and the client class as plain JavaScript with its types, in
 * dist/client/. Needs neither a network nor an account.
 */
import { spawnSync } from 'node:child_process';
import { build, BuildError, ROOT } from './wrangler.ts';

try {
  await build();
  console.log('built dist/index.js');
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error);
  process.exit(1);
}

const compiler = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.client.json'], {
  cwd: ROOT,
  encoding: 'utf8',
  // On Windows it is a .cmd.
  shell: process.platform === 'win32',
});
if (compiler.status !== 0) {
  console.error(`The client could not be built:\n${compiler.stdout}${compiler.stderr}`);
  process.exit(1);
}
console.log('built dist/client/parley-websocket.js');
