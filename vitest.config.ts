import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import { WORKER_SETTINGS } from './scripts/start/options.ts';

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
    projects: [
      {
        test: { name: 'unit', environment: 'node', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        plugins: [
          cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings: SECRETS } }),
        ],
        test: { name: 'workers', include: ['test/workers/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Each file runs a server of its own; two cores carry no more at a time.
          fileParallelism: false,
        },
      },
    ],
  },
});
