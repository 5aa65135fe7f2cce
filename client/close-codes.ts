/** What a close means to whoever was in a session: every code that Parley sends, and those that a runtime reports. */

export type CloseAnswer =
  /** The session may be there still: come back to it, and say how much was received. */
  | 'resume'
  /** This session is not to be had any more, or not now: a new one may be, in a while. */
  | 'anew'
  /** It is over: ended as it was meant to, or the same would be refused in the same way until its cause is mended. */
  | 'over';

const ANSWERS: Readonly<Record<number, CloseAnswer>> = {
  1000: 'over',
  /** The server goes away. */
  1001: 'resume',
  1002: 'over',
  1003: 'over',
  /** Closed without a code: somebody meant to. */
  1005: 'over',
  /** Lost, and nobody knows why. */
  1006: 'resume',
  1007: 'over',
  1008: 'over',
  /** A frame was too big, and would be again. */
  1009: 'over',
  1010: 'over',
  /** A side was lost, or something went wrong in between. */
  1011: 'resume',
  /** Restarting. */
  1012: 'resume',
  1013: 'resume',
  1014: 'anew',
  1015: 'over',
  /** The request, the credential, the right to it, the path. */
  4400: 'over',
  4401: 'over',
  4403: 'over',
  4404: 'over',
  4405: 'over',
  4406: 'over',
  /** A budget is spent. */
  4402: 'over',
  /** The longest duration of a session. */
  4408: 'anew',
  /** It has ended, is another provider's, or has gone on with a newer connection of this client. */
  4409: 'over',
  /** Ended or deleted over REST. */
  4410: 'anew',
  /** Too slow a reader, or too big a frame. */
  4413: 'over',
  4426: 'over',
  /** Too many clients, sessions, or beginnings. */
  4429: 'anew',
  /** The provider refuses, or cannot be reached. */
  4502: 'anew',
  /** The deployment cannot serve just now. */
  4503: 'resume',
  /** The provider does not answer. */
  4504: 'anew',
  /** The deployment's storage does not answer. */
  4507: 'resume',
};

/** Whether this table has the code. Others are the provider's own, or the application's: to Parley they are over. */
export function isKnownClose(code: number): boolean {
  return Object.hasOwn(ANSWERS, code);
}

/** What to do after a socket of a session was closed with `code`. */
export function answerTo(code: number): CloseAnswer {
  return ANSWERS[code] ?? 'over';
}
