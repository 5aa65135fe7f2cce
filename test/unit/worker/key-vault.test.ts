import { describe, expect, it } from 'vitest';
import { seal, unseal } from '../../../worker/key-vault.ts';

const PLACE = { account: 'a', gateway: 'g', provider: 'openai', alias: 'default' };
const KEY = 'sk-a-key-of-some-length-0123456789';

/** Secrets of a deployment; the admin token is the same in all. */
const secrets = (current: string | null, previous: string | null = null) => ({
  PARLEY_ADMIN_TOKEN: 'an-admin-token-of-some-length',
  PARLEY_ENCRYPTION_KEY: current,
  PARLEY_ENCRYPTION_KEY_PREVIOUS: previous,
});

const OLD = 'the-old-secret-of-thirty-two-characters';
const NEW = 'the-new-secret-of-thirty-two-characters';

describe('P9 provider keys at rest', () => {
  it('P9 are opened by the secret that sealed them, and by no other', async () => {
    const sealed = await seal(KEY, PLACE, secrets(OLD));
    expect(await unseal(sealed, PLACE, secrets(OLD))).toEqual({ key: KEY, isCurrent: true });
    expect(await unseal(sealed, PLACE, secrets(NEW))).toBe(null);
    expect(await unseal(sealed, PLACE, secrets(null))).toBe(null);
  });

  it('P9 the previous secret still opens them, and says that it is not the current one', async () => {
    const sealed = await seal(KEY, PLACE, secrets(OLD));
    expect(await unseal(sealed, PLACE, secrets(NEW, OLD))).toEqual({ key: KEY, isCurrent: false });
  });

  it('P9 without a secret of its own the admin token stands in, and may be the previous one', async () => {
    const sealed = await seal(KEY, PLACE, secrets(null));
    expect(await unseal(sealed, PLACE, secrets(null))).toEqual({ key: KEY, isCurrent: true });
    const later = secrets(NEW, secrets(null).PARLEY_ADMIN_TOKEN);
    expect(await unseal(sealed, PLACE, later)).toEqual({ key: KEY, isCurrent: false });
  });

  it.each([
    ['account', 'b'],
    ['gateway', 'h'],
    ['provider', 'xai'],
    ['alias', 'other'],
  ])('P9 a ciphertext that was moved to another %s does not open there', async (part, value) => {
    const sealed = await seal(KEY, PLACE, secrets(OLD));
    expect(await unseal(sealed, { ...PLACE, [part]: value }, secrets(OLD))).toBe(null);
  });

  it('P9 no place is taken for another whose names run together alike', async () => {
    const sealed = await seal(KEY, { ...PLACE, account: 'a","g', gateway: 'x' }, secrets(OLD));
    expect(await unseal(sealed, { ...PLACE, account: 'a', gateway: 'g","x' }, secrets(OLD))).toBe(null);
  });

  it('P9 a byte that was changed anywhere opens nothing, nor do fewer bytes', async () => {
    const sealed = await seal(KEY, PLACE, secrets(OLD));
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect(await unseal(changed, PLACE, secrets(OLD))).toBe(null);
      expect(await unseal(sealed.slice(0, at), PLACE, secrets(OLD))).toBe(null);
    }
  });

  it('P9 the same key is never sealed into the same bytes', async () => {
    const [one, two] = [await seal(KEY, PLACE, secrets(OLD)), await seal(KEY, PLACE, secrets(OLD))];
    expect(Buffer.from(one).equals(Buffer.from(two))).toBe(false);
    expect(Buffer.from(one).includes(KEY)).toBe(false);
  });
});
