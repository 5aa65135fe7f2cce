/** Finds payment card numbers and IBANs in text by their check digits, wherever they begin and whatever follows them. */

const CARD_DIGITS = { least: 13, most: 19 } as const;
const IBAN_CHARACTERS = { least: 15, most: 34 } as const;
/** Its country and check digits. */
const IBAN_COUNTRY_CHARACTERS = 4;
/** Characters that may stand between two digits of one number, as it is written, or as speech recognition punctuates it. */
const BETWEEN_MOST = 2;
const BETWEEN = /[\s.,/_-]/;
const MAYBE_CARD = /\d(?:[\s.,/_-]{0,2}\d){12}/;
const IBAN_START = /(?<![A-Za-z0-9])[A-Z]{2}[ -]?\d[ -]?\d/gi;
const DIGIT = /\d/;
const LETTER_OR_DIGIT = /[A-Za-z0-9]/;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The text with `by` in place of each card number: 13 to 19 digits from 2 to 6 on, whose last one checks the others. */
export function withoutCards(text: string, by: string): string {
  return MAYBE_CARD.test(text) ? replaced(text, cardsIn(text), by) : text;
}

/** The text with `by` in place of each IBAN. */
export function withoutIbans(text: string, by: string): string {
  const found: Span[] = [];
  IBAN_START.lastIndex = 0;
  for (let match = IBAN_START.exec(text); match !== null; match = IBAN_START.exec(text)) {
    const end = ibanEnd(text, match.index);
    if (end !== null) found.push({ start: match.index, end });
    IBAN_START.lastIndex = end ?? match.index + 1;
  }
  return replaced(text, found, by);
}

function replaced(text: string, spans: readonly Span[], by: string): string {
  let out = '';
  let copied = 0;
  for (const { start, end } of spans) {
    out += text.slice(copied, start) + by;
    copied = end;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

function cardsIn(text: string): Span[] {
  const found: Span[] = [];
  let run = runFrom(text, 0, DIGIT, Number.POSITIVE_INFINITY);
  while (run.length > 0) {
    for (let first = 0; first + CARD_DIGITS.least <= run.length; first += 1) {
      const after = cardEnd(text, run, first);
      if (after === null) continue;
      found.push({ start: run[first] ?? 0, end: (run[after - 1] ?? 0) + 1 });
      first = after - 1;
    }
    run = runFrom(text, (run.at(-1) ?? text.length) + 1, DIGIT, Number.POSITIVE_INFINITY);
  }
  return found;
}

/** Where the next characters of one number stand, at or after `from`: no more than a little lies between two of them. */
function runFrom(text: string, from: number, wanted: RegExp, most: number): number[] {
  const places: number[] = [];
  for (let at = from; at < text.length && places.length < most; at += 1) {
    const character = text[at] ?? '';
    const last = places.at(-1);
    if (wanted.test(character)) places.push(at);
    else if (last !== undefined && (at - last > BETWEEN_MOST || !BETWEEN.test(character))) break;
  }
  return places;
}

/** The longest card number that begins with digit `first`: the digit after it; null for none. */
function cardEnd(text: string, digits: readonly number[], first: number): number | null {
  if (!/[2-6]/.test(text[digits[first] ?? 0] ?? '')) return null;
  for (
    let length = Math.min(CARD_DIGITS.most, digits.length - first);
    length >= CARD_DIGITS.least;
    length -= 1
  ) {
    const number = digits.slice(first, first + length).map((at) => Number(text[at]));
    if (isLuhn(number)) return first + length;
  }
  return null;
}

function isLuhn(digits: readonly number[]): boolean {
  const sum = digits.toReversed().reduce((total, digit, place) => {
    const counted = place % 2 === 0 ? digit : digit * 2;
    return total + (counted > 9 ? counted - 9 : counted);
  }, 0);
  return sum % 10 === 0;
}

/**
 * Where the longest IBAN that begins at `start` ends; null for none. ISO 13616: the first four characters go to the end,
 * letters count from 10, and the whole is 1 modulo 97.
 */
function ibanEnd(text: string, start: number): number | null {
  const places = runFrom(text, start, LETTER_OR_DIGIT, IBAN_CHARACTERS.most);
  const values = places.map((at) => Number.parseInt(text[at] ?? '', 36));
  const country = values.slice(0, IBAN_COUNTRY_CHARACTERS);
  let rest = 0;
  let end: number | null = null;
  for (let length = IBAN_COUNTRY_CHARACTERS + 1; length <= values.length; length += 1) {
    rest = withDigits(rest, values[length - 1] ?? 0);
    if (length >= IBAN_CHARACTERS.least && country.reduce(withDigits, rest) === 1)
      end = (places[length - 1] ?? 0) + 1;
  }
  return end;
}

function withDigits(rest: number, value: number): number {
  return (rest * (value > 9 ? 100 : 10) + value) % 97;
}
