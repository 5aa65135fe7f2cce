import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../scripts/start/options.ts';
import { StartError } from '../../../scripts/start/start-error.ts';
import { temporaryDirectory } from './temporary.ts';

const TOKEN = 'a-token-of-sixteen-or-more';

/** The sentences that it refuses with. */
function problems(environment: Record<string, string>): string[] {
  const root = temporaryDirectory();
  try {
    readOptions({ PARLEY_ADMIN_TOKEN: TOKEN, ...environment }, {}, root);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    // A mistake elsewhere leaves nothing behind.
    expect(existsSync(`${root}/.dev.vars`)).toBe(false);
    return error.message.split('\n');
  }
  return [];
}

describe('the options of npm start', () => {
  it('has defaults for all but the token', () => {
    const root = temporaryDirectory();
    expect(readOptions({ PARLEY_ADMIN_TOKEN: TOKEN }, {}, root)).toEqual({
      host: '127.0.0.1',
      port: 8787,
      tlsPort: 8788,
      dataDir: `${root}/.parley`,
      settingsFile: `${root}/.dev.vars`,
      values: { PARLEY_ADMIN_TOKEN: TOKEN },
      adminToken: TOKEN,
      tokenFrom: 'environment',
    });
  });

  it('takes [vars], then .dev.vars, then the environment, the last one wins', () => {
    const root = temporaryDirectory();
    writeFileSync(
      `${root}/.dev.vars`,
      `PARLEY_ADMIN_TOKEN=${TOKEN}\nPARLEY_LOG="metadata"\nPARLEY_MAX_CLIENTS=7\nPORT=9001 # mine\n`,
    );
    const vars = { PARLEY_LOG: 'full', PARLEY_MAX_CLIENTS: 5, PARLEY_GRACE_SECONDS: 30 };
    const options = readOptions({ PARLEY_MAX_CLIENTS: '9', UNRELATED: 'x' }, vars, root);
    expect(options).toMatchObject({ port: 9001, tokenFrom: 'file', adminToken: TOKEN });
    expect(options.values).toEqual({
      PARLEY_ADMIN_TOKEN: TOKEN,
      PARLEY_LOG: 'metadata',
      PARLEY_MAX_CLIENTS: '9',
      PARLEY_GRACE_SECONDS: '30',
    });
  });

  it('takes an empty value for none, wherever it stands', () => {
    const root = temporaryDirectory();
    writeFileSync(`${root}/.dev.vars`, `PARLEY_ADMIN_TOKEN=${TOKEN}\nHOST=\n`);
    const empty = { PARLEY_ADMIN_TOKEN: '', HOST: '', PORT: '', PARLEY_DATA_DIR: '', PARLEY_DEV_VARS: '' };
    expect(readOptions(empty, { PARLEY_ALLOWED_ORIGINS: '' }, root)).toMatchObject({
      host: '127.0.0.1',
      port: 8787,
      dataDir: `${root}/.parley`,
      adminToken: TOKEN,
      tokenFrom: 'file',
      values: { PARLEY_ADMIN_TOKEN: TOKEN },
    });
  });

  it('makes a token once, for its owner alone, and keeps what else the file holds', () => {
    const root = temporaryDirectory();
    const file = `${root}/.dev.vars`;
    writeFileSync(file, '# mine\nPARLEY_ADMIN_TOKEN=\nOPENAI_API_KEY=sk-1', { mode: 0o644 });
    const made = readOptions({}, {}, root);
    expect(made.tokenFrom).toBe('made');
    expect(made.adminToken).toMatch(/^[\w-]{43}$/);
    expect(readFileSync(file, 'utf8')).toBe(
      `# mine\nOPENAI_API_KEY=sk-1\nPARLEY_ADMIN_TOKEN=${made.adminToken}\n`,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readOptions({}, {}, root)).toMatchObject({ tokenFrom: 'file', adminToken: made.adminToken });
  });

  it.each([
    [{ PORT: '0' }, "PORT is '0', which is no port. Use a number from 1 to 65535, such as 8787."],
    [
      { TLS_PORT: '65536' },
      "TLS_PORT is '65536', which is no port. Use a number from 1 to 65535, such as 8788.",
    ],
    [{ PORT: '8e3' }, "PORT is '8e3', which is no port. Use a number from 1 to 65535, such as 8787."],
    [{ PORT: '8788' }, 'PORT and TLS_PORT are both 8788. Give them two different ports.'],
    [{ PARLEY_LOG: 'all' }, 'PARLEY_LOG must be full, metadata or none.'],
    [
      { PARLEY_PRICES: '{"openai/gpt-realtime":' },
      'PARLEY_PRICES must be a JSON object of prices by "<provider>/<model>".',
    ],
    [{ OPENAI_BASE_URL: 'localhost:9000' }, 'OPENAI_BASE_URL must be an http(s) or ws(s) URL, or simulator.'],
  ])('refuses %o with a sentence', (environment, sentence) => {
    expect(problems(environment)).toEqual([sentence]);
  });

  it('takes the keys and addresses of custom providers, from wherever they are set', () => {
    const root = temporaryDirectory();
    writeFileSync(`${root}/.dev.vars`, 'CUSTOM_MY_BOX_API_KEY=key\n');
    const PARLEY_CUSTOM_PROVIDERS = '{"my-box":{"base_url":"https://box.example"}}';
    const environment = { PARLEY_ADMIN_TOKEN: TOKEN, PARLEY_CUSTOM_PROVIDERS, CUSTOM_OTHER_API_KEY: 'x' };
    expect(readOptions(environment, {}, root).values).toEqual({
      PARLEY_ADMIN_TOKEN: TOKEN,
      PARLEY_CUSTOM_PROVIDERS,
      CUSTOM_MY_BOX_API_KEY: 'key',
    });
  });

  it.each([
    ['{"a":{"base_url":"nowhere"}}', /^PARLEY_CUSTOM_PROVIDERS: the base_url of a must be/],
    [
      '{"a":{"base_url":"https://a.example","dialect":"x"}}',
      /^PARLEY_CUSTOM_PROVIDERS: the dialect of a must be/,
    ],
  ])('refuses the custom providers %s with a sentence', (PARLEY_CUSTOM_PROVIDERS, sentence) => {
    expect(problems({ PARLEY_CUSTOM_PROVIDERS })).toEqual([expect.stringMatching(sentence)]);
  });

  it('takes ports at both ends of their range', () => {
    expect(problems({ PORT: '1', TLS_PORT: '65535' })).toEqual([]);
  });

  it('tells of all mistakes at once', () => {
    expect(problems({ PORT: 'x', PARLEY_LOG: 'all', PARLEY_MAX_CLIENTS: '0' })).toHaveLength(3);
  });
});
