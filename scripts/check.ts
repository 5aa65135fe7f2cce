/** `npm run check`: everything that can be told without running Parley. One line each; the tool's own words on failure. */
import { spawn } from 'node:child_process';
import { ROOT } from './wrangler.ts';

const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ['format', ['node_modules/.bin/oxfmt', '--check', '.']],
  ['lint', ['node_modules/.bin/oxlint', '--type-aware']],
  ['types: worker', ['node_modules/.bin/tsc', '-p', '.']],
  ['types: node', ['node_modules/.bin/tsc', '-p', 'tsconfig.node.json']],
  ['types: tests in workerd', ['node_modules/.bin/tsc', '-p', 'tsconfig.workers-test.json']],
  ['dead code', ['node_modules/.bin/knip']],
  ['openapi.json is current', [process.execPath, 'scripts/openapi.ts', '--check']],
  ['asyncapi.json is current and valid', [process.execPath, 'scripts/asyncapi.ts', '--check']],
];

const results = await Promise.all(CHECKS.map(([name, command]) => run(name, command)));
if (results.includes(false)) process.exit(1);

async function run(name: string, [program = '', ...args]: readonly string[]): Promise<boolean> {
  const startedAt = Date.now();
  const child = spawn(program, args, { cwd: ROOT, stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // A tool that is not there fails its own check, and no other.
  child.on('error', (error) => (output += `${error.message}. Run npm ci.`));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  console.log(`${code === 0 ? '✓' : '✕'} ${name}  ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  if (code !== 0) console.log(output);
  return code === 0;
}
