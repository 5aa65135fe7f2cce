import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { directoryObjectName, sessionObjectName } from '../../../protocol/connect.ts';

/** Of the very characters that names are put together with, so that a naive concatenation does collide. */
const part = fc.string({ unit: fc.constantFrom('a', '1', '2', ':', '/', '-'), minLength: 0, maxLength: 6 });
const triple = fc.tuple(part, part, part);

/** Cuts one text at two places, two ways: whatever joins parts without their lengths makes one name of both. */
const recut = fc
  .tuple(
    fc.string({ unit: fc.constantFrom('a', '1', ':', '/'), minLength: 2, maxLength: 12 }),
    fc.nat(),
    fc.nat(),
    fc.nat(),
    fc.nat(),
  )
  .map(([text, ...at]) => {
    const cut = (a: number, b: number): [string, string, string] => {
      const [from = 0, to = 0] = [a % (text.length + 1), b % (text.length + 1)].toSorted((x, y) => x - y);
      return [text.slice(0, from), text.slice(from, to), text.slice(to)];
    };
    return [cut(at[0] ?? 0, at[1] ?? 0), cut(at[2] ?? 0, at[3] ?? 0)] as const;
  });

const nameOf = ([account, gateway, id]: [string, string, string]) =>
  sessionObjectName({ account, gateway, id });

describe('S-06 names of objects', () => {
  it('S-06 two triples share a name only when they are the same', () => {
    fc.assert(
      fc.property(fc.oneof(recut, fc.tuple(triple, triple)), ([a, b]) => {
        expect(nameOf(a) === nameOf(b)).toBe(a.every((each, index) => each === b[index]));
        const same = a[0] === b[0] && a[1] === b[1];
        expect(directoryObjectName(a[0], a[1]) === directoryObjectName(b[0], b[1])).toBe(same);
      }),
      { numRuns: 20_000 },
    );
  });
});
