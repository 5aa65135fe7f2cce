/** The name that was probably meant, for an error that helps. */

/** Of `names`, which are short and at least one, the one that is most like `name`. */
export function nearestName(name: string, names: readonly string[]): string {
  const [first = '', ...others] = names;
  return others.reduce((best, each) => (distance(name, each) < distance(name, best) ? each : best), first);
}

/** Names come from outside, of any length; no name that is known is longer. */
const CHARACTERS = 64;

/** Edits between two names (Levenshtein). */
function distance(given: string, b: string): number {
  const a = given.slice(0, CHARACTERS);
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
