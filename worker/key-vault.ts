/** Encrypts provider keys before they are stored, and decrypts them where they are used. */
import type { Settings } from '../protocol/settings.ts';
import { derivedKey } from '../durable-objects/derived-key.ts';

/** What a key is for. It is bound to it: a ciphertext that was moved to another row does not decrypt there. */
export interface KeyPlace {
  readonly account: string;
  readonly gateway: string;
  readonly provider: string;
  readonly alias: string;
}

type Secrets = Pick<Settings, 'PARLEY_ENCRYPTION_KEY' | 'PARLEY_ENCRYPTION_KEY_PREVIOUS'> & {
  readonly PARLEY_ADMIN_TOKEN: string;
};

const PURPOSE = 'parley provider keys';
/** First byte of a sealed key: how the rest was made. */
const VERSION = 1;
/** 96 bits, by chance: a gateway's keys are far too few for two to meet. */
const NONCE_BYTES = 12;

/** Version, nonce, then AES-256-GCM's ciphertext and tag. */
export async function seal(key: string, place: KeyPlace, secrets: Secrets): Promise<Uint8Array> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const [secret = ''] = secretsOf(secrets);
  const sealed = await crypto.subtle.encrypt(
    algorithm(nonce, place),
    await aesKey(secret, 'encrypt'),
    new TextEncoder().encode(key),
  );
  return Uint8Array.from([VERSION, ...nonce, ...new Uint8Array(sealed)]);
}

export interface OpenedKey {
  readonly key: string;
  /** False: by PARLEY_ENCRYPTION_KEY_PREVIOUS, so that it is to be sealed again before that one goes. */
  readonly isCurrent: boolean;
}

/** Null when no secret of this deployment has sealed it for this place. */
export async function unseal(
  sealed: Uint8Array,
  place: KeyPlace,
  secrets: Secrets,
): Promise<OpenedKey | null> {
  if (sealed[0] !== VERSION) return null;
  const nonce = sealed.slice(1, 1 + NONCE_BYTES);
  const ciphertext = sealed.slice(1 + NONCE_BYTES);
  for (const [index, secret] of secretsOf(secrets).entries()) {
    try {
      const key = await crypto.subtle.decrypt(
        algorithm(nonce, place),
        await aesKey(secret, 'decrypt'),
        ciphertext,
      );
      return { key: new TextDecoder().decode(key), isCurrent: index === 0 };
    } catch {
      // Another secret sealed it, or another place: the next one may be right.
    }
  }
  return null;
}

/** The current secret first, then the one before it. */
function secretsOf({
  PARLEY_ADMIN_TOKEN: admin,
  PARLEY_ENCRYPTION_KEY: current,
  PARLEY_ENCRYPTION_KEY_PREVIOUS: previous,
}: Secrets): readonly string[] {
  return previous === null ? [current ?? admin] : [current ?? admin, previous];
}

async function aesKey(secret: string, use: 'encrypt' | 'decrypt') {
  return crypto.subtle.importKey('raw', await derivedKey(secret, PURPOSE), 'AES-GCM', false, [use]);
}

function algorithm(nonce: Uint8Array<ArrayBuffer>, { account, gateway, provider, alias }: KeyPlace) {
  const place = JSON.stringify([account, gateway, provider, alias]);
  return { name: 'AES-GCM', iv: nonce, additionalData: new TextEncoder().encode(place) };
}
