/** `npm run build`: the Worker in one file, dist/index.js. Needs neither a network nor an account. */
import { build, BuildError } from './wrangler.ts';

try {
  await build();
  console.log('built dist/index.js');
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error);
  process.exit(1);
}
