/** `If-None-Match`, RFC 9110, section 13.1.2. */

/**
 * Whether a reader has what it asks for already. By the weak comparison, as it is for reads: caches mark what they compressed.
 *
 * @param etag strong, and without a comma in it; null: what it has may be of before
 */
export function isKnown(ifNoneMatch: string | null, etag: string | null): boolean {
  if (etag === null || ifNoneMatch === null) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
