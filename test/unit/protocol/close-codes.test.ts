import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLOSE_REASON_MAX_BYTES,
  cutReason,
  isSendableCode,
  sendableClose,
} from '../../../protocol/close-codes.ts';

const bytes = (text: string) => new TextEncoder().encode(text).length;

describe('P1 close codes cross', () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4000, 4999])(
    'P1 %i crosses unchanged, with its reason',
    (code) => {
      expect(sendableClose(code, 'because', 'upstream')).toEqual({ code, reason: 'because' });
    },
  );

  it.each([999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000])(
    'P1 %i cannot be sent, and becomes 1011 with a reason',
    (code) => {
      const frame = sendableClose(code, '', 'upstream');
      expect(frame.code).toBe(1011);
      expect(frame.reason).toMatch(/^upstream /);
    },
  );

  it('P1 no code ever becomes a normal end that was not one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), fc.string(), (code, reason) => {
        const frame = sendableClose(code, reason, 'client');
        expect(isSendableCode(frame.code)).toBe(true);
        expect(frame.code === 1000).toBe(code === 1000);
        expect(bytes(frame.reason)).toBeLessThanOrEqual(CLOSE_REASON_MAX_BYTES);
      }),
    );
  });

  it('P10 a reason is cut at 123 bytes, never inside a character', () => {
    expect(cutReason('x'.repeat(123))).toBe('x'.repeat(123));
    expect(cutReason('x'.repeat(124))).toBe('x'.repeat(123));
    expect(cutReason('é'.repeat(62))).toBe('é'.repeat(61));
    expect(cutReason(`${'x'.repeat(121)}🚀`)).toBe('x'.repeat(121));
  });
});
