/**
 * Ids that a provider makes as it goes, of one kind in their order: what the recorded client said of them must be said of
 * others when the conversation runs anew.
 */
import type { MadeId } from '../providers/adapter.ts';

export class MadeIds {
  readonly #most: number;
  readonly #ofKind = new Map<string, string[]>();
  readonly #seen = new Set<string>();

  /** @param most ids that are kept; later ones are not mapped */
  constructor(most: number) {
    this.#most = most;
  }

  add({ kind, id }: MadeId): void {
    if (this.#seen.has(id) || this.#seen.size >= this.#most) return;
    this.#seen.add(id);
    const known = this.#ofKind.get(kind);
    if (known === undefined) this.#ofKind.set(kind, [id]);
    else known.push(id);
  }

  /** Ids here, and those in `other` of the same kind and place. */
  *pairs(other: MadeIds): Generator<readonly [string, string]> {
    for (const [kind, ids] of this.#ofKind) {
      const others = other.#ofKind.get(kind) ?? [];
      for (const [index, id] of ids.entries()) {
        const counterpart = others[index];
        if (counterpart !== undefined && counterpart !== id) yield [id, counterpart];
      }
    }
  }
}

/** A whole JSON string without anything escaped in it, as ids and names of models are written. */
const PLAIN_STRING = /"([^"\\]{1,256})"/g;

export interface Rename {
  /** As it was recorded. */
  readonly from: string;
  readonly to: string;
}

/**
 * A client's frame with the ids of now. All else in it keeps its very characters. A model's name may stand at the end of
 * a path.
 */
export function renamed(text: string, ids: ReadonlyMap<string, string>, model: Rename | null): string {
  if (ids.size === 0 && model === null) return text;
  return text.replace(PLAIN_STRING, (whole, value: string) => {
    const id = ids.get(value);
    if (id !== undefined) return `"${id}"`;
    if (model === null) return whole;
    if (value === model.from) return `"${model.to}"`;
    return value.endsWith(`/${model.from}`)
      ? `"${value.slice(0, value.length - model.from.length)}${model.to}"`
      : whole;
  });
}
