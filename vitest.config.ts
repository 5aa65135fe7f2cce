import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import { WORKER_SETTINGS } from './scripts/start/options.ts';
import { PATIENCE_MS } from './test/support/eventually.ts';
import LongestFirst from './test/support/longest-first.ts';

/** What a deployment would hold as secrets, and nothing of the .dev.vars here: that is read too, and comes before these. */
const SECRETS = {
  ...Object.fromEntries(WORKER_SETTINGS.map((name) => [name, ''])),
  PARLEY_ADMIN_TOKEN: 'test-admin-token-0123456789abcdef',
  OPENAI_API_KEY: 'sk-stored-key-of-the-deployment',
  PARLEY_ALLOWED_ORIGINS: 'https://app.example',
};

export default defineConfig({
  test: {
    reporters: ['default', './test/support/count-reporter.ts'],
    // Vitest's own default leaves a core idle: on two, that is half of the machine.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'node',
          include: ['test/unit/**/*.test.ts'],
          setupFiles: ['./test/support/properties.ts'],
          testTimeout: 60_000,
          // Pure code: no file leaves anything for the next, and importing it all anew for each takes as long as the tests.
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [
          cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings: SECRETS } }),
        ],
        test: {
          name: 'workers',
          include: ['test/workers/**/*.test.ts'],
          testTimeout: 60_000,
          // One workerd for many files, and one storage: each test asks for sessions of its own only.
          isolate: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: PATIENCE_MS } },
          sequence: { groupOrder: 3 },
          // Each file runs a server of its own, and spends half of its time waiting for what takes its time.
          maxWorkers: 2,
        },
      },
    ],
  },
});
