/**
 * Base64 over `btoa` and `atob`: `Uint8Array.prototype.toBase64` exists in workerd 1.20261023 but not in Node 24
 * (both tried on 2026-11-24).
 */

/** Arguments that one call may spread; engines limit the stack near 65,536. */
const SPREAD = 0x2000;

export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let start = 0; start < bytes.length; start += SPREAD) {
    binary += String.fromCharCode(...bytes.subarray(start, start + SPREAD));
  }
  return btoa(binary);
}

/** Null when the text is not base64. White space inside is accepted, as `atob` accepts it. */
export function decodeBase64(text: string): Uint8Array | null {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    // atob's only way of saying "not base64"; the caller answers the client.
    return null;
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
