import { describe, expect, it } from 'vitest';
import type { Redaction } from '../../../protocol/redaction.ts';
import { Redactor } from '../../../session/redactor.ts';

const CARD = '4111 1111 1111 1111';
const redactor = (rules: Partial<Redaction>, pieces: Redaction['fields'] = []) =>
  new Redactor({ fields: [], patterns: [], replacement: '#', binary: 'keep', ...rules }, pieces);
const byField = (...paths: string[]) => redactor({ fields: paths.map((path) => ({ path })) });
const binary = (text: string) => new TextEncoder().encode(text).buffer;

describe('P9 field rules', () => {
  const frame =
    '{"type":"a","item":{"content":[{"transcript":"one","n":1},{"transcript":"two"}],"email":"x"},"email":"y","n":1.0}';

  it.each([
    ['item.content.*.transcript', frame.replace('"one"', '"#"').replace('"two"', '"#"')],
    ['item.content.1.transcript', frame.replace('"two"', '"#"')],
    ['**.email', frame.replace('"x"', '"#"').replace('"y"', '"#"')],
    ['*.email', frame.replace('"x"', '"#"')],
    ['email', frame.replace('"y"', '"#"')],
    ['item.**.n', frame.replace('"n":1}', '"n":"#"}')],
    ['item.content', frame.replace(/\[.*\]/, '"#"')],
    ['**.item.**.transcript', frame.replace('"one"', '"#"').replace('"two"', '"#"')],
    ['n', frame.replace('1.0', '"#"')],
  ])('P9 %s', (path, stored) => {
    expect(byField(path).stored(frame)).toBe(stored);
  });

  it.each(['transcript', 'item', 'itemx.a.*.x', 'email.**.x', '*.*.*.*'])(
    'P3 %s, where there is no such field',
    (path) => {
      expect(byField(path).stored('{"itemx":{"a":[1.0]},"email":null}')).toBeUndefined();
    },
  );

  it('P3 a field that is empty is left as it is', () => {
    expect(byField('**').stored('null')).toBeUndefined();
    expect(byField('a', 'b').stored('{"a":null,"b":""}')).toBeUndefined();
  });

  it('P9 may be for one type of frame alone', () => {
    const rules = redactor({
      fields: [
        { type: 'a.*', path: 'delta' },
        { type: 'b', path: 'x' },
      ],
    });
    expect(rules.stored('{"type":"a.delta","delta":"t"}')).toBe('{"type":"a.delta","delta":"#"}');
    expect(rules.stored('{"type":"c.delta","delta":"t"}')).toBeUndefined();
    expect(rules.stored('{"type":"b","delta":"t","x":[1,{"a":"}"}]}')).toBe(
      '{"type":"b","delta":"t","x":"#"}',
    );
    expect(rules.stored('{"delta":"t","x":1}')).toBeUndefined();
  });

  it('P10 follow many wildcards down any depth in no time', () => {
    const depth = 50_000;
    const text = `${'{"a":'.repeat(depth)}{"b":"secret"}${'}'.repeat(depth)}`;
    expect(byField('**.a.**.a.**.a.**.b').stored(text)).toBe(text.replace('"secret"', '"#"'));
  });
});

describe('P9 patterns', () => {
  it.each([
    ['card', `it is ${CARD} 12/27`, 'it is # 12/27'],
    ['card', 'it is 4111, 1111, 1111, 1111.', 'it is #.'],
    ['card', '4111-1111-1111-1111 and 378282246310005', '# and #'],
    ['card', 'card4111111111111111x', 'card#x'],
    ['card', 'order 4111111111111112, at 1795003600000', null],
    ['card', '6 7 8 9 10 11 12', null],
    ['email', 'write to jo.doe+x@mail.example.com.', 'write to #.'],
    ['email', 'jo@ex, @b.c', null],
    ['iban', 'DE89 3704 0044 0532 0130 00 is mine', '# is mine'],
    ['iban', 'no ab12 gb33bukb20201555555555', 'no ab12 #'],
    ['iban', 'DE88 3704 0044 0532 0130 00', null],
    ['phone', 'call +49 (170) 123-4567 now', 'call # now'],
    ['phone', '(555) 123-4567 ext. 12', '# ext. 12'],
    ['phone', '1234-5678', null],
    ['phone', 'at 2026-11-25T04:30:00Z, item_123456789012', null],
  ] as const)('P9 %s in %j', (pattern, text, stored) => {
    const frame = (of: string) => JSON.stringify({ text: of });
    expect(redactor({ patterns: [pattern] }).stored(frame(text))).toBe(
      stored === null ? undefined : frame(stored),
    );
  });

  it('P9 look into every string, key and whole number, behind escapes, and into text that is no JSON', () => {
    const { stored } = bound({ patterns: ['card', { name: 'case', regex: 'CASE-[0-9]+' }] });
    expect(
      stored(`{"a":["CASE-1 $1",{"CASE-2":4111111111111111}],"b":0.4111111111111111,"c":"\\u0043ASE-3"}`),
    ).toBe('{"a":["# $1",{"#":"#"}],"b":0.4111111111111111,"c":"#"}');
    expect(stored('data: CASE-77\n\n')).toBe('data: #\n\n');
    expect(stored('"CASE-1"')).toBe('"#"');
    expect(stored('{"args":"{\\"card\\":\\"4111 1111 1111 1111\\"}"}')).toBe(
      '{"args":"{\\"card\\":\\"#\\"}"}',
    );
  });

  it('P9 take long base64 for what it is', () => {
    const audio = `4111111111111111${'A'.repeat(200)}`;
    const { stored } = bound({ patterns: ['card'] });
    expect(stored(JSON.stringify({ audio }))).toBeUndefined();
    expect(stored(JSON.stringify({ audio: `${audio} ` }))).toBe(
      JSON.stringify({ audio: `#${'A'.repeat(200)} ` }),
    );
  });

  it('P3 leave a frame in which they find nothing as it is, byte for byte', () => {
    const { stored } = bound({ patterns: ['card', 'email', 'iban', 'phone'] });
    for (const text of ['{ "a" : 1.0, "b":"\\u00e9" }', 'plain', '', '{"expires_at":1795003600}'])
      expect(stored(text)).toBeUndefined();
    expect(stored(binary('{ "a" : 1.0 }'))).toBeUndefined();
  });
});

describe('P9 text that comes in pieces', () => {
  const pieces = [{ type: '*.delta', exceptType: '*audio.delta', path: 'delta' }];

  it('P9 is not stored where patterns look for something, since they could not see what is cut in two', () => {
    const { stored } = bound({ patterns: ['card'] }, pieces);
    expect(stored('{"type":"text.delta","delta":"4111 11"}')).toBe('{"type":"text.delta","delta":"#"}');
    expect(stored('{"type":"text.delta","delta":""}')).toBeUndefined();
    expect(stored('{"type":"audio.delta","delta":"AAAA"}')).toBeUndefined();
  });

  it('P3 is stored where only fields are named', () => {
    expect(
      redactor({ fields: [{ path: 'a' }] }, pieces).stored('{"type":"text.delta","delta":"4111"}'),
    ).toBeUndefined();
  });
});

describe('P9 binary frames', () => {
  it('P9 that are JSON are treated as such, and stay binary', () => {
    const stored = redactor({ fields: [{ path: 'a' }], binary: 'drop' }).stored(binary(' {"a":"é"}'));
    expect(new TextDecoder().decode(stored as ArrayBuffer)).toBe(' {"a":"#"}'); // a binary frame stays one
    expect(redactor({ fields: [{ path: 'b' }], binary: 'drop' }).stored(binary('{"a":1}'))).toBeUndefined();
  });

  it('P9 of any other kind are kept, or dropped if the rules say so', () => {
    for (const bytes of [new Uint8Array([0x7b, 0xff, 1]), new Uint8Array([0, 1]), new Uint8Array()]) {
      expect(redactor({ patterns: ['card'] }).stored(bytes.buffer)).toBeUndefined();
      expect(redactor({ binary: 'drop' }).stored(bytes.buffer)).toBeNull();
    }
    expect(redactor({ binary: 'drop' }).stored('text')).toBeUndefined();
  });
});

function bound(rules: Partial<Redaction>, pieces?: Redaction['fields']) {
  const made = redactor(rules, pieces);
  return { stored: (payload: string | ArrayBuffer) => made.stored(payload) };
}
