/** Every provider, once: nothing else lists them. */
import type { ProviderAdapter } from './adapter.ts';
import { openai } from './openai.ts';
import { simulator } from './simulator.ts';

/**
 * The state's type is forgotten here: the broker keeps a state only to give it back to the adapter that made it, and the
 * interface's methods are written so that the compiler allows it.
 */
export const PROVIDERS: readonly ProviderAdapter[] = [openai, simulator];

/** A Map, so that a name from a URL cannot resolve to something inherited. */
const BY_NAME = new Map(
  PROVIDERS.flatMap((adapter) => [adapter.id, ...adapter.aliases].map((name) => [name, adapter])),
);

export function providerFor(name: string): ProviderAdapter | undefined {
  return BY_NAME.get(name);
}

/** The known name that is most like `name`, for an error that helps. */
export function nearestProvider(name: string): string {
  const [first = '', ...others] = BY_NAME.keys();
  return others.reduce((best, each) => (distance(name, each) < distance(name, best) ? each : best), first);
}

/** Edits between two names (Levenshtein); names are a URL segment long. */
function distance(a: string, b: string): number {
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
