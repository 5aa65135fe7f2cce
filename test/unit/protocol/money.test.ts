import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attoDollars, costNano, dollars, nanoDollars } from '../../../protocol/money.ts';

describe('P8 money is exact', () => {
  it.each([
    ['0', 0n],
    ['4.00', 4_000_000_000_000_000_000n],
    ['0.40', 400_000_000_000_000_000n],
    ['3.2e-7', 320_000_000_000n],
    ['1e2', 100_000_000_000_000_000_000n],
    ['0.000000000000000001', 1n],
    ['0.0000000000000000010', 1n],
  ])('P8 reads %s as a decimal', (text, atto) => {
    expect(attoDollars(text)).toBe(atto);
  });

  it.each(['', '-1', '+1', '.5', '1.', 'NaN', 'Infinity', '1,5', '0x10', '0.0000000000000000001', ' 1'])(
    'P8 takes %j for no price',
    (text) => {
      expect(attoDollars(text)).toBeNull();
    },
  );

  it('P8 rounds once, half up, after all was added up', () => {
    const rate = { usd: '0.000000001', per: 2 };
    expect(costNano([{ quantity: 1, rate }])).toBe(1);
    expect(costNano([{ quantity: 0.999998, rate }])).toBe(0);
    // Each by itself would round up: three halves are 1.5, not 3.
    expect(costNano([1, 1, 1].map((quantity) => ({ quantity, rate })))).toBe(2);
  });

  it('P8 adds rates for different numbers of units as one fraction', () => {
    const thirds = { quantity: 1, rate: { usd: '0.000000001', per: 3 } };
    const sixths = { quantity: 1, rate: { usd: '0.000000001', per: 6 } };
    // 1/3 + 1/6 = 1/2, which no binary fraction of thirds says.
    expect(costNano([thirds, sixths])).toBe(1);
  });

  it('P8 0.1 + 0.2 dollars are 0.3', () => {
    const rates = ['0.1', '0.2'].map((usd) => ({ quantity: 1, rate: { usd, per: 1 } }));
    expect(costNano(rates)).toBe(300_000_000);
  });

  it('P10 what a number does not hold exactly has no cost', () => {
    const rate = { usd: '1', per: 1 };
    expect(costNano([{ quantity: 9_007_199, rate }])).toBe(9_007_199_000_000_000);
    expect(costNano([{ quantity: 9_007_200, rate }])).toBeNull();
    for (const quantity of [1e300, Number.POSITIVE_INFINITY, Number.NaN])
      expect(costNano([{ quantity, rate }])).toBeNull();
  });

  it('P8 dollars and nano-dollars are one another’s', () => {
    expect(dollars(0)).toBe('0.000000000');
    expect(dollars(1_234_567)).toBe('0.001234567');
    expect(dollars(12_000_000_000)).toBe('12.000000000');
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (nano) => nanoDollars(dollars(nano)) === nano),
    );
  });

  it('P8 a bound that is finer than a nano-dollar lets nothing below it pass', () => {
    expect(nanoDollars('0.0000000001')).toBe(1);
    expect(nanoDollars('9007199.254740992')).toBeNull();
    expect(nanoDollars('x')).toBeNull();
  });
});
