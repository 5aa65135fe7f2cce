import { describe, expect, it } from 'vitest';
import { readRedaction, replacer } from '../../../protocol/redaction.ts';
import { parseSettings } from '../../../protocol/settings.ts';

const problemsOf = (value: unknown) => {
  const read = readRedaction(value);
  return read.ok ? [] : read.problems;
};
const refusedFor = (value: unknown) => problemsOf(value).join(' ');

describe('P9 PARLEY_REDACT', () => {
  it('P9 is read from JSON text, or as it stands in [vars], and says what it left open', () => {
    const rules = {
      fields: ['session.instructions', { type: 'response.output_audio.delta', path: 'delta' }],
      patterns: ['card', { name: 'case-number', regex: 'CASE-[0-9]+' }],
    };
    expect(readRedaction(JSON.stringify(rules))).toEqual(readRedaction(rules));
    expect(readRedaction(rules)).toEqual({
      ok: true,
      redaction: {
        fields: [{ path: 'session.instructions' }, { type: 'response.output_audio.delta', path: 'delta' }],
        patterns: ['card', { name: 'case-number', regex: 'CASE-[0-9]+' }],
        replacement: '[redacted]',
        binary: 'keep',
      },
    });
  });

  it('P9 no rules are no redaction at all', () => {
    expect(parseSettings({})).toMatchObject({ ok: true, settings: { PARLEY_REDACT: null } });
    expect(readRedaction({ fields: [], patterns: [], replacement: 'x' })).toEqual({
      ok: true,
      redaction: null,
    });
    expect(readRedaction({ binary: 'drop' })).toMatchObject({ ok: true, redaction: { binary: 'drop' } });
  });

  it('P9 a bad rule is a sentence that names the setting, the place, and what may stand there', () => {
    expect(refusedFor('{')).toMatch(/^PARLEY_REDACT must be a JSON object with fields, patterns/);
    expect(refusedFor([])).toMatch(/^PARLEY_REDACT must be a JSON object/);
    expect(refusedFor({ field: ['a'] })).toMatch(/^PARLEY_REDACT: field is not known here/);
    expect(refusedFor({ fields: ['a..b'] })).toMatch(/^PARLEY_REDACT: fields → 0 must be a path/);
    expect(refusedFor({ patterns: ['cards'] })).toMatch(/patterns → 0 must be card, email, iban, phone, or/);
    expect(refusedFor({ binary: 'no' })).toBe('PARLEY_REDACT: binary must be keep or drop.');
    expect(parseSettings({ PARLEY_REDACT: '{' })).toMatchObject({ ok: false });
  });

  it('P10 rules, their length and their number have limits', () => {
    const path = (parts: number) => Array.from({ length: parts }, () => 'a').join('.');
    expect(problemsOf({ fields: [path(16)] })).toEqual([]);
    expect(refusedFor({ fields: [path(17)] })).toMatch(/at most 16 parts/);
    expect(problemsOf({ fields: Array.from({ length: 64 }, () => 'a') })).toEqual([]);
    expect(refusedFor({ fields: Array.from({ length: 65 }, () => 'a') })).toMatch(/64 fields at most/);
    expect(problemsOf({ patterns: Array.from({ length: 16 }, () => 'card') })).toEqual([]);
    expect(refusedFor({ patterns: Array.from({ length: 17 }, () => 'card') })).toMatch(/16 patterns at most/);
    const ofLength = (length: number) => ({ patterns: [{ name: 'long', regex: 'x'.repeat(length) }] });
    expect(problemsOf(ofLength(256))).toEqual([]);
    expect(refusedFor(ofLength(257))).toMatch(/at most 256 characters/);
    expect(problemsOf({ patterns: ['card'], replacement: 'x'.repeat(64) })).toEqual([]);
    expect(refusedFor({ replacement: 'x'.repeat(65) })).toMatch(/64 characters/);
    const long = (length: number) => ({ fields: Array.from({ length: 64 }, () => 'x'.repeat(length)) });
    expect(problemsOf(long(100))).toEqual([]);
    expect(refusedFor(long(130))).toMatch(/8192 characters/);
  });

  it.each(['(', '(?=a)b', '(a)\\1', 'a*', ''])(
    'P9 no pattern is %j: not of the syntax, or it matches nothing',
    (regex) => {
      expect(refusedFor({ patterns: [{ name: 'x', regex }] })).toMatch(/RE2/);
    },
  );

  it('P10 no text makes an expression run long: time grows with the text, not with its powers', () => {
    const replace = replacer('(a|aa|a*a)+b|[0-9]+[0-9]+[0-9]+c');
    const text = 'a'.repeat(50_000) + '1'.repeat(50_000);
    // A backtracking engine would not end within the life of this planet.
    expect(replace(text, '#')).toBe(text);
    expect(replace('xaaab $1', '$1')).toBe('x$1 $1');
  });
});
