/** The keys that this deployment signs with: client tokens, and what webhooks are sent. */
import type { Settings } from '../protocol/settings.ts';
import { derivedKey } from './derived-key.ts';

export type KeySettings = Pick<
  Settings,
  'PARLEY_ADMIN_TOKEN' | 'PARLEY_SIGNING_KEY' | 'PARLEY_SIGNING_KEY_PREVIOUS'
>;

/** The current one first, then the one before it. Empty without an admin token: such a deployment serves nothing. */
export async function signingKeys(settings: KeySettings): Promise<readonly Uint8Array[]> {
  const encoder = new TextEncoder();
  if (settings.PARLEY_ADMIN_TOKEN === null) return [];
  const current =
    settings.PARLEY_SIGNING_KEY === null
      ? await derivedKey(settings.PARLEY_ADMIN_TOKEN, 'parley client tokens')
      : encoder.encode(settings.PARLEY_SIGNING_KEY);
  return settings.PARLEY_SIGNING_KEY_PREVIOUS === null
    ? [current]
    : [current, encoder.encode(settings.PARLEY_SIGNING_KEY_PREVIOUS)];
}

/** 32 bytes by HKDF with SHA-256. */
export async function derive(from: Uint8Array, salt: Uint8Array, purpose: string): Promise<Uint8Array> {
  const material = await crypto.subtle.importKey('raw', from, 'HKDF', false, ['deriveBits']);
  const info = new TextEncoder().encode(purpose);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, material, 256),
  );
}
