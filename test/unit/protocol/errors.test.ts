import { expect, it } from 'vitest';
import { ERROR_CODES, publicError } from '../../../protocol/errors.ts';

it('P2 each error has a number of its own, which is never another’s', () => {
  const numbers = ERROR_CODES.map((code) => publicError(code).number);
  const twice = ERROR_CODES.filter((_, index) => numbers.indexOf(numbers[index] ?? 0) !== index);
  expect(twice).toEqual([]);
});
