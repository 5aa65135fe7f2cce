import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WORKER_SETTINGS } from '../../../scripts/start/options.ts';
import { StartError } from '../../../scripts/start/start-error.ts';
import { workerdConfig } from '../../../scripts/start/workerd-config.ts';
import { readWranglerConfig } from '../../../scripts/start/wrangler-config.ts';
import { temporaryDirectory } from './temporary.ts';

const WRANGLER = readWranglerConfig('wrangler.toml');

function configFor(values: Record<string, string>, host = '127.0.0.1'): string {
  return workerdConfig('/data/workerd.capnp', {
    options: { host, port: 8787, tlsPort: 8788, values },
    bundle: '/app/dist/index.js',
    tls: { certFile: '/data/tls/cert.pem', keyFile: '/data/tls/key.pem' },
    wrangler: WRANGLER,
  });
}

describe('the configuration of workerd', () => {
  it('P9 binds settings and secrets from the environment, and holds none', () => {
    const secrets = { PARLEY_ADMIN_TOKEN: 'canary-admin-token', OPENAI_API_KEY: 'canary-key' };
    const config = configFor(secrets);
    expect(config).not.toContain('canary');
    for (const name of WORKER_SETTINGS)
      expect(config).toContain(`( name = "${name}", fromEnvironment = "${name}" )`);
  });

  it('serves what wrangler.toml describes', () => {
    const config = configFor({});
    expect(config).toContain('compatibilityFlags = ["no_web_socket_compression"]');
    expect(config).toContain(`compatibilityDate = "${WRANGLER.compatibility_date}"`);
    expect(config).toContain('( name = "RECORDER", durableObjectNamespace = "RecorderObject" )');
  });

  it('keeps the keys that the data on disk is filed under', () => {
    const keys = [...configFor({}).matchAll(/uniqueKey = "([^"]+)", enableSql = true/g)].map(
      ([, key]) => key,
    );
    expect(keys).toEqual(['parley-SessionObject', 'parley-RecorderObject', 'parley-DirectoryObject']);
  });

  it('dials private addresses only when a provider was pointed somewhere', () => {
    expect(configFor({ OPENAI_API_KEY: 'sk' })).toContain('allow = ["public"]');
    expect(configFor({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' })).toContain(
      'allow = ["public", "private"]',
    );
  });

  it('posts to private addresses only when webhooks or a collector are set', () => {
    expect(configFor({ OTEL_SERVICE_NAME: 'x' })).toContain('allow = ["public"]');
    for (const name of [
      'PARLEY_WEBHOOKS',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    ])
      expect(configFor({ [name]: 'http://127.0.0.1:1' })).toContain('allow = ["public", "private"]');
  });

  it('P9 binds the settings of custom providers, and dials them wherever they are', () => {
    const PARLEY_CUSTOM_PROVIDERS = '{"my-box":{"base_url":"http://10.0.0.7:8080"}}';
    const config = configFor({ PARLEY_CUSTOM_PROVIDERS, CUSTOM_MY_BOX_API_KEY: 'canary-key' });
    for (const name of ['CUSTOM_MY_BOX_API_KEY', 'CUSTOM_MY_BOX_BASE_URL'])
      expect(config).toContain(`( name = "${name}", fromEnvironment = "${name}" )`);
    expect(config).toContain('allow = ["public", "private"]');
    expect(config).not.toContain('canary');
    expect(configFor({ PARLEY_CUSTOM_PROVIDERS, CUSTOM_MY_BOX_BASE_URL: 'simulator' })).toContain(
      'allow = ["public"]',
    );
  });

  it('embeds files by their way from the configuration, and brackets IPv6', () => {
    const config = configFor({}, '::1');
    expect(config).toContain('embed "../app/dist/index.js"');
    expect(config).toContain('embed "tls/key.pem"');
    expect(config).toContain('address = "[::1]:8788"');
  });
});

describe('wrangler.toml', () => {
  it('holds no secret: its vars are settings that may be public', () => {
    expect(Object.keys(WRANGLER.vars).filter((name) => /KEY|TOKEN/.test(name))).toEqual([]);
    expect(readFileSync('wrangler.toml', 'utf8')).not.toContain('nodejs_compat');
  });

  it.each([
    ['broken = ', /cannot be used/],
    ['name = "parley"', /compatibility_date/],
  ])('is refused with a sentence when it is %s', (text, sentence) => {
    const file = `${temporaryDirectory()}/wrangler.toml`;
    writeFileSync(file, text);
    expect(() => readWranglerConfig(file)).toThrow(StartError);
    expect(() => readWranglerConfig(file)).toThrow(sentence);
  });
});
