/**
 * Money without rounding errors. Prices are decimal texts in US dollars, as price lists print them ("0.40"); what is
 * billed is counted in nano-dollars, whole numbers of a billionth of a dollar.
 */

const NANO_DIGITS = 9;
/** The finest price that can be given: an atto-dollar. */
const ATTO_DIGITS = 18;
const ATTO_PER_NANO = 10n ** BigInt(ATTO_DIGITS - NANO_DIGITS);
/** Quantities are taken to a millionth: a microsecond of audio. */
const MICRO = 1_000_000;

/** A price: so many dollars for so many units, such as 4.00 for 1,000,000 tokens, or 0.006 for 60 seconds. */
export interface Rate {
  readonly usd: string;
  readonly per: number;
}

/** A decimal text in atto-dollars; null when it is none, is negative, or is finer than an atto-dollar. */
export function attoDollars(text: string): bigint | null {
  const parts = /^([0-9]{1,15})(?:\.([0-9]{1,30}))?(?:e([+-]?[0-9]{1,2}))?$/i.exec(text);
  if (parts === null) return null;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const shift = ATTO_DIGITS + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : null;
}

/**
 * What quantities cost together, in nano-dollars: added up exactly, then rounded once, half up. Null when a quantity or
 * the sum is past what a number holds exactly.
 */
export function costNano(
  billed: readonly { readonly quantity: number; readonly rate: Rate }[],
): number | null {
  // As one fraction: rates may be for different numbers of units.
  let numerator = 0n;
  let denominator = BigInt(MICRO) * ATTO_PER_NANO;
  const base = denominator;
  for (const { quantity, rate } of billed) {
    const micro = Math.round(quantity * MICRO);
    const atto = attoDollars(rate.usd);
    if (!Number.isSafeInteger(micro) || atto === null) return null;
    const per = BigInt(rate.per);
    numerator = numerator * per + BigInt(micro) * atto * (denominator / base);
    denominator *= per;
  }
  const nano = Number((2n * numerator + denominator) / (2n * denominator));
  return Number.isSafeInteger(nano) ? nano : null;
}

/** Nano-dollars as dollars with all nine decimals: 1234567 is "0.001234567". */
export function dollars(nano: number): string {
  const digits = String(nano).padStart(NANO_DIGITS + 1, '0');
  return `${digits.slice(0, -NANO_DIGITS)}.${digits.slice(-NANO_DIGITS)}`;
}

/** Dollars in nano-dollars, up when finer than one; null when it is no decimal, or too large. */
export function nanoDollars(usd: string): number | null {
  const atto = attoDollars(usd);
  if (atto === null) return null;
  const nano = Number((atto + ATTO_PER_NANO - 1n) / ATTO_PER_NANO);
  return Number.isSafeInteger(nano) ? nano : null;
}
