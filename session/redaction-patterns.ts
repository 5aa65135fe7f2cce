/** Looks for what patterns of a redaction name, in text that came from outside. */
import { type BuiltInPattern, type PatternRule, replacer } from '../protocol/redaction.ts';
import { withoutCards, withoutIbans } from './known-numbers.ts';

/** What a pattern finds becomes `replacement`; a text without any stays the same string. */
type Replace = (text: string, replacement: string) => string;

interface Pattern {
  readonly replace: Replace;
  /** False where a bare number would be found too often: ids and times are numbers as well. */
  readonly inNumbers: boolean;
}

/**
 * Longer runs of nothing but the characters of base64 are taken for audio or pictures, not for text: patterns would find
 * numbers in them that are none.
 */
const ENCODED_FROM = 128;
const WHOLE = /^\d+$/;
const ENCODED = /^[A-Za-z0-9+/_=-]+$/;

export function isEncoded(text: string): boolean {
  return text.length >= ENCODED_FROM && ENCODED.test(text);
}

export class PatternSearch {
  readonly #patterns: readonly Pattern[];
  readonly #numeric: readonly Pattern[];
  readonly #replacement: string;

  constructor(rules: readonly PatternRule[], replacement: string) {
    this.#patterns = rules.map((rule) =>
      typeof rule === 'string' ? BUILT_IN[rule] : { replace: replacer(rule.regex), inNumbers: true },
    );
    this.#numeric = this.#patterns.filter(({ inNumbers }) => inNumbers);
    this.#replacement = replacement;
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** The text without what the patterns find; the same string where they find nothing. */
  text(text: string): string {
    if (this.isEmpty || text === '' || isEncoded(text)) return text;
    return this.#without(text, this.#patterns);
  }

  /** The same for a JSON number, as it is written. Fractions are measurements, whatever their digits. */
  number(digits: string): string {
    return WHOLE.test(digits) ? this.#without(digits, this.#numeric) : digits;
  }

  #without(text: string, patterns: readonly Pattern[]): string {
    return patterns.reduce((rest, { replace }) => replace(rest, this.#replacement), text);
  }
}

const APART = '\\s@<>"\'(),;:';
const EMAIL = new RegExp(`[^${APART}]{1,64}@[^${APART}]{1,255}\\.[^${APART}.]{2,63}`, 'g');
/** 9 to 15 digits; within a word they are part of an id. */
const PHONE = /(?<!\w)(?:\+ ?|\()?\d(?:[ ()./-]{0,2}\d){8,14}(?!\w)/g;

const BUILT_IN: Readonly<Record<BuiltInPattern, Pattern>> = {
  card: { replace: withoutCards, inNumbers: true },
  email: {
    replace: (text, by) => (text.includes('@') ? text.replace(EMAIL, () => by) : text),
    inNumbers: false,
  },
  iban: { replace: withoutIbans, inNumbers: false },
  phone: { replace: (text, by) => text.replace(PHONE, () => by), inNumbers: false },
};
