/** The API's reference page, and what points at it. */
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../protocol/errors.ts';
import { asAdmin, call } from './parley.ts';

describe('P3 the reference', () => {
  it('P3 is one page without anything from elsewhere, and lets nothing run', async () => {
    const page = await call('/docs');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; /);
    const html = await page.text();
    expect(html).not.toMatch(/<script|https?:\/\/|src=|@import|url\(/);
    const { paths }: { paths: Record<string, object> } = await (await asAdmin('/openapi.json')).json();
    for (const path of Object.keys(paths).filter((each) => !each.endsWith('.{suffix}')))
      expect(html).toContain(`<code>${path}</code>`);
  });

  it('P3 has a place for each error, and a problem points at its own', async () => {
    const html = await (await call('/docs')).text();
    for (const code of ERROR_CODES) expect(html.split(` id="${code}"`)).toHaveLength(2);
    const problem = await asAdmin('/nowhere', { headers: { accept: 'application/problem+json' } });
    expect(await problem.json()).toMatchObject({ type: '/docs#not_found', title: 'not_found' });
  });
});
