import { build } from './wrangler.ts';

await build();
console.log('built dist/index.js');
