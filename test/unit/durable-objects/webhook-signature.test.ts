import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signingKeys } from '../../../durable-objects/signing-keys.ts';
import { signatureHeaders, webhookSecret } from '../../../durable-objects/webhook-signature.ts';

const GATEWAY = { account: 'acct', gateway: 'gw' };
const URL = 'https://app.example/hooks';
const keyOf = (text: string) => new TextEncoder().encode(text);

describe('P9 webhook signatures', () => {
  it('P9 the convention’s own library verifies them, and nothing that was changed', async () => {
    const secret = await webhookSecret(keyOf('k'.repeat(32)), GATEWAY, URL);
    const body = JSON.stringify({ type: 'session.ended', data: { text: 'ünï' } });
    const headers = await signatureHeaders([secret], 'msg_1', body, Date.now());
    const receiver = new Webhook(secret);
    expect(receiver.verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => receiver.verify(`${body} `, headers)).toThrow();
    expect(() => receiver.verify(body, { ...headers, 'webhook-id': 'msg_2' })).toThrow();
    const old = await signatureHeaders([secret], 'msg_1', body, Date.now() - 3_600_000);
    expect(() => receiver.verify(body, old)).toThrow(/too old/);
  });

  it('P9 while a key is rotated, receivers with the new and the old secret both take a delivery', async () => {
    const settings = {
      PARLEY_ADMIN_TOKEN: 'a-token-of-sixteen-or-more',
      PARLEY_SIGNING_KEY: 'new-'.repeat(8),
      PARLEY_SIGNING_KEY_PREVIOUS: 'old-'.repeat(8),
    };
    const keys = await signingKeys(settings);
    const secrets = await Promise.all(keys.map((key) => webhookSecret(key, GATEWAY, URL)));
    const headers = await signatureHeaders(secrets, 'msg_1', '{}', Date.now());
    const before = await signingKeys({
      ...settings,
      PARLEY_SIGNING_KEY: settings.PARLEY_SIGNING_KEY_PREVIOUS,
      PARLEY_SIGNING_KEY_PREVIOUS: null,
    });
    const oldSecret = await webhookSecret(before[0] ?? keyOf(''), GATEWAY, URL);
    expect(secrets[1]).toBe(oldSecret);
    for (const secret of secrets) expect(new Webhook(secret).verify('{}', headers)).toEqual({});
  });

  it('P9 each endpoint of each gateway has a secret of its own, the same at any time, of 32 bytes', async () => {
    const key = keyOf('k'.repeat(32));
    const secrets = await Promise.all([
      webhookSecret(key, GATEWAY, URL),
      webhookSecret(key, GATEWAY, `${URL}/2`),
      webhookSecret(key, { account: 'acct', gateway: 'gw2' }, URL),
      webhookSecret(key, { account: 'acctgw', gateway: '' }, URL),
      webhookSecret(keyOf('j'.repeat(32)), GATEWAY, URL),
    ]);
    expect(new Set(secrets).size).toBe(secrets.length);
    expect(await webhookSecret(key, GATEWAY, URL)).toBe(secrets[0]);
    for (const secret of secrets)
      expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32);
  });
});
