import { describe, expect, it } from 'vitest';
import { answerTo, isKnownClose } from '../../../client/close-codes.ts';
import { CLOSE, isSendableCode } from '../../../protocol/close-codes.ts';
import { ERROR_CODES, publicError } from '../../../protocol/errors.ts';

describe('P5 what a client does after a close', () => {
  it.each(ERROR_CODES.map((code) => [code, publicError(code).close] as const))(
    'P5 %s, which closes with %i, has its answer',
    (_code, close) => {
      expect(isKnownClose(close)).toBe(true);
    },
  );

  it('P5 so has every code of the protocol: those that are sent, and those that are only seen', () => {
    const sent = Array.from({ length: 16 }, (_, n) => 1000 + n).filter(isSendableCode);
    const seen = [...Object.values(CLOSE), 1015];
    for (const code of [...sent, ...seen]) expect([code, isKnownClose(code)]).toEqual([code, true]);
  });

  it('P5 none of an error of Parley’s own that a session ended by is come back to', () => {
    const over = ['session_ended', 'superseded', 'ended_by_request', 'deleted', 'restore_failed'] as const;
    const answers = [...over, 'session_too_long' as const].map((code) => answerTo(publicError(code).close));
    expect(answers).not.toContain('resume');
    for (const code of ['restarting', 'interrupted', 'storage_unavailable'] as const)
      expect(answerTo(publicError(code).close)).toBe('resume');
  });

  it.each([3000, 3999, 4000, 4001, 4999])(
    'P5 %i, the provider’s or the application’s own, is over',
    (code) => {
      expect([isKnownClose(code), answerTo(code)]).toEqual([false, 'over']);
    },
  );
});
