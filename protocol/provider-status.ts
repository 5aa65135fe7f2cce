/** What the HTTP status of a provider's answer means, wherever one is passed on. */

/** The key that it was asked with will not do. */
export const KEY_REJECTED: readonly number[] = [401, 403];

/** Answers that must not have a body. */
export const BODILESS: readonly number[] = [204, 205, 304];

/** True for a status that an answer of ours may have too; a provider may send any number. */
export function isFinal(status: number): boolean {
  return status >= FIRST_FINAL && status <= LAST;
}

const FIRST_FINAL = 200;
const LAST = 599;
