/** Signatures of webhooks, by the Standard Webhooks convention, version 1 (symmetric). */
import type { SessionAddress } from '../protocol/connect.ts';
import { derive } from './signing-keys.ts';

/** A secret's form: this, and its bytes in base64. */
const SECRET_PREFIX = 'whsec_';

/**
 * The secret of an endpoint, by which its receiver checks signatures. It is derived anew each time, and stored nowhere;
 * knowing it says nothing of the key, or of another endpoint's.
 */
export async function webhookSecret(
  signingKey: Uint8Array,
  { account, gateway }: Pick<SessionAddress, 'account' | 'gateway'>,
  url: string,
): Promise<string> {
  const endpoint = new TextEncoder().encode(JSON.stringify([account, gateway, url]));
  const salt = new Uint8Array(await crypto.subtle.digest('SHA-256', endpoint));
  return SECRET_PREFIX + toBase64(await derive(signingKey, salt, 'parley webhooks'));
}

/** The convention's headers of one attempt, signed with each of these secrets. */
export async function signatureHeaders(
  secrets: readonly string[],
  id: string,
  body: string,
  now: number,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000));
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures = await Promise.all(secrets.map((secret) => signature(secret, content)));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

async function signature(secret: string, content: Uint8Array): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.slice(SECRET_PREFIX.length)), (each) => each.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return `v1,${toBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, content)))}`;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
