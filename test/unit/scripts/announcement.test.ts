import { describe, expect, it } from 'vitest';
import { announcement, httpUrl, type NamedProvider } from '../../../scripts/start/announcement.ts';
import type { StartOptions } from '../../../scripts/start/options.ts';
import { fewFilesWarning } from '../../../scripts/start/workerd-process.ts';

const OPTIONS: StartOptions = {
  host: '127.0.0.1',
  port: 8787,
  tlsPort: 8788,
  dataDir: '/home/me/parley/.parley',
  settingsFile: '/home/me/parley/.dev.vars',
  values: { OPENAI_API_KEY: 'canary-key', PARLEY_LOG: 'metadata' },
  adminToken: 'canary-token',
  tokenFrom: 'file',
};

function provider(id: string, key: string | null, defaultBaseUrl: string | null): NamedProvider {
  const baseUrl = `${id.toUpperCase().replaceAll('-', '_')}_BASE_URL`;
  return { id, settings: { key, baseUrl, defaultBaseUrl } };
}

function printed(options: Partial<StartOptions> = {}): string {
  return announcement({
    version: '1.2.3',
    options: { ...OPTIONS, ...options },
    certFile: '/home/me/parley/.parley/tls/cert.pem',
    providers: [
      provider('simulator', null, 'simulator'),
      provider('openai', 'OPENAI_API_KEY', 'https://api.openai.com/v1'),
      provider('cartesia', 'CARTESIA_API_KEY', 'https://api.cartesia.ai'),
      provider('azure-openai', 'AZURE_OPENAI_API_KEY', null),
      provider('custom-echo', null, 'https://echo.example'),
    ],
    directory: '/home/me/parley',
  });
}

describe('what npm start prints', () => {
  it('says where it is, which keys there are, and what to try', () => {
    const text = printed();
    expect(text).toContain('Parley 1.2.3');
    expect(text).toContain(
      'https://127.0.0.1:8788   self-signed; trust it by NODE_EXTRA_CA_CERTS=.parley/tls/cert.pem',
    );
    expect(text).toContain('simulator ✓ built in   openai ✓   cartesia – no CARTESIA_API_KEY');
    expect(text).toContain(
      'azure-openai – no AZURE_OPENAI_API_KEY, no AZURE_OPENAI_BASE_URL   custom-echo ✓',
    );
    expect(printed({ values: { OPENAI_BASE_URL: 'simulator' } })).toContain('openai ✓ simulated');
    expect(text).toContain('metadata, in .parley\n');
    expect(text).toContain('npm run demo');
  });

  it('P9 shows the token only when it was made just now, and never a key', () => {
    expect(printed()).not.toContain('canary');
    expect(printed()).toContain('PARLEY_ADMIN_TOKEN in .dev.vars');
    expect(printed({ tokenFrom: 'environment' })).not.toContain('canary');
    expect(printed({ tokenFrom: 'made' })).toContain('canary-token  (made now, kept in .dev.vars)');
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1:8787'],
    ['::', 'http://[::1]:8787'],
    ['::1', 'http://[::1]:8787'],
    ['parley.example', 'http://parley.example:8787'],
  ])('reaches a server on %s at %s', (host, url) => {
    expect(httpUrl({ host, port: 8787 })).toBe(url);
  });

  it('warns when few files may be open, and only then', () => {
    expect(fewFilesWarning(1024)).toContain('allows 1024 open files, enough for some 146 live sessions');
    expect(fewFilesWarning(4096)).toBeNull();
    expect(fewFilesWarning(null)).toBeNull();
  });
});
