/** Keys made from the deployment's secrets, one for each purpose: none of them tells anything about another. */

/** Deriving costs more than using; an isolate serves one deployment, whose few secrets are remembered. */
const derived = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

/** 256 bits by HKDF. `purpose` is a constant of ours, and never changes: what was made with it would be lost. */
export function derivedKey(secret: string, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  const name = `${purpose}\n${secret}`;
  const known = derived.get(name) ?? derive(secret, purpose);
  derived.set(name, known);
  return known;
}

async function derive(secret: string, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ]);
  const info = encoder.encode(purpose);
  const bits = await crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info },
    material,
    256,
  );
  return new Uint8Array(bits);
}
