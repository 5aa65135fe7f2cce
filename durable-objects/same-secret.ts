/** Tells no more than the length by the time it takes. */
export function isSameSecret(given: string, wanted: unknown): boolean {
  if (typeof wanted !== 'string') return false;
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(given), encoder.encode(wanted)];
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
}
