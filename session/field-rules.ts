/** Follows the paths of field rules down a JSON value, all of them at once, in steps that cost the same at any depth. */
import type { FieldRule } from '../protocol/redaction.ts';

/** How far each path has come that may still lead to a field: positions of the rules' parts, one after another. */
export type Ways = readonly number[];

const NOWHERE: Ways = [];
/** Stands after a rule's last part. */
const FIELD = Symbol('field');

export class FieldRules {
  readonly #rules: readonly FieldRule[];
  readonly #starts: readonly number[];
  /** The parts of all rules, each rule closed by FIELD. */
  readonly #parts: readonly (string | typeof FIELD)[];

  constructor(rules: readonly FieldRule[]) {
    this.#rules = rules;
    const parts = rules.map(({ path }) => [...path.split('.'), FIELD] as const);
    this.#parts = parts.flat();
    let next = 0;
    this.#starts = parts.map(({ length }) => (next += length) - length);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The ways into a frame whose own `type` is this. */
  begin(type: string | null): Ways {
    const ways: number[] = [];
    this.#rules.forEach((rule, index) => {
      if (appliesTo(rule, type)) this.#add(ways, this.#starts[index] ?? 0);
    });
    return ways;
  }

  /** The ways on, under a key. */
  enter(ways: Ways, key: string): Ways {
    if (ways.length === 0) return NOWHERE;
    const next: number[] = [];
    for (const at of ways) {
      const part = this.#parts[at];
      if (part === '**') this.#add(next, at);
      else if (part === '*' || part === key) this.#add(next, at + 1);
    }
    return next;
  }

  /** Whether one of the ways has come to its field. */
  isField(ways: Ways): boolean {
    return ways.some((at) => this.#parts[at] === FIELD);
  }

  #add(ways: number[], at: number): void {
    if (ways.includes(at)) return;
    ways.push(at);
    // It may stand for nothing at all.
    if (this.#parts[at] === '**') this.#add(ways, at + 1);
  }
}

function appliesTo({ type: wanted, exceptType }: FieldRule, type: string | null): boolean {
  if (wanted !== undefined && (type === null || !isLike(type, wanted))) return false;
  return exceptType === undefined || type === null || !isLike(type, exceptType);
}

function isLike(type: string, wanted: string): boolean {
  const [atStart, atEnd] = [wanted.startsWith('*'), wanted.endsWith('*')];
  const middle = wanted.slice(atStart ? 1 : 0, atEnd ? -1 : undefined);
  if (atStart && atEnd) return type.includes(middle);
  if (atStart) return type.endsWith(middle);
  return atEnd ? type.startsWith(middle) : type === middle;
}
