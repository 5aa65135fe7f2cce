import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editJson, type JsonVisitor } from '../../../protocol/json-edit.ts';

/** Hides what stands under `secret`, turns every `x` of a text into `yy`, and the number 7 into "seven". */
const visitor: JsonVisitor<boolean> = {
  enter: (_parent, key) => key === 'secret',
  hides: (isSecret) => isSecret,
  hidden: () => '"#"',
  string: (text) => text.replaceAll('x', 'yy'),
  literal: (raw) => (raw === '7' ? '"seven"' : raw),
};
const nothing: JsonVisitor<null> = {
  enter: () => null,
  hides: () => false,
  hidden: (raw) => raw,
  string: (text) => text,
  literal: (raw) => raw,
};

/** The same, on the value that the text means. */
function changed(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('x', 'yy');
  if (value === 7) return 'seven';
  if (Array.isArray(value)) return value.map(changed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.replaceAll('x', 'yy'),
      key === 'secret' ? '#' : changed(each),
    ]),
  );
}

const key = fc.oneof(fc.constantFrom('secret', 'x', 'a\\"b', ''), fc.string());
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(7, 70, -7, null, true, 'x', '\\', '"', '\\"x', '}]{['),
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('value')),
    fc.dictionary(key, tie('value')),
  ),
})).value;
const space = fc.constantFrom(undefined, 1, '\t', '\n');

describe('P9 editing JSON in place', () => {
  it('P9 says of any JSON what the same change of its value says', () => {
    fc.assert(
      fc.property(json, space, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(JSON.parse(editJson(text, false, visitor))).toEqual(
          JSON.parse(JSON.stringify(changed(value))),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('P3 leaves every character that it does not replace', () => {
    fc.assert(
      fc.property(json, space, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(editJson(text, null, nothing)).toBe(text);
      }),
    );
    const odd = ' { "n" : 1.0e+2 , "big":123456789012345678901, "s":"\\u0061\\/", "secret":"a", "n":2 } ';
    expect(editJson(odd, false, visitor)).toBe(odd.replace('"a"', '"#"'));
  });

  it('P9 reaches a key that comes twice, and text behind escapes', () => {
    expect(editJson('{"secret":1,"secret":[2,{"a":"]"}],"a":"\\u0078"}', false, visitor)).toBe(
      '{"secret":"#","secret":"#","a":"yy"}',
    );
  });

  it('P10 takes depth as it comes', () => {
    const depth = 200_000;
    const text = `${'[{"a":'.repeat(depth)}"x"${'}]'.repeat(depth)}`;
    expect(editJson(text, false, visitor)).toBe(text.replace('"x"', '"yy"'));
  });
});
