/**
 * WebSocket close codes: which may be sent, and what stands in for those that may not.
 *
 * workerd (measured 2026-10-23): `close()` throws for < 1000, > 4999, 1004, 1005, 1006 and 1015, and for a reason over
 * 123 UTF-8 bytes. It does not throw for 1016-2999, but peers treat those as a protocol error, so they are not sent.
 */

/** RFC 6455 5.5: a control frame holds 125 bytes, two of which are the code. */
export const CLOSE_REASON_MAX_BYTES = 123;

export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  noStatus: 1005,
  abnormal: 1006,
  tooBig: 1009,
  internal: 1011,
  restart: 1012,
} as const;

export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

const UNSENDABLE_REASON: Readonly<Record<number, string>> = {
  1005: 'closed without a code',
  1006: 'connection lost without a close frame',
  1015: 'TLS failure',
};

/** RFC 6455 7.4 and the IANA registry: codes that an endpoint may put into a Close frame. */
export function isSendableCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/**
 * The Close frame that carries `code` and `reason` on to the other side. A code that cannot be sent becomes 1011 with a
 * reason that names it: an abnormal end must never look like a normal one.
 *
 * @param whose the side that closed, for the stand-in reason: "upstream" or "client"
 */
export function sendableClose(code: number, reason: string, whose: string): CloseFrame {
  if (isSendableCode(code)) return { code, reason: cutReason(reason) };
  const cause = UNSENDABLE_REASON[code] ?? `closed with the reserved code ${code}`;
  return {
    code: CLOSE.internal,
    reason: cutReason(reason === '' ? `${whose} ${cause}` : `${whose} ${cause}: ${reason}`),
  };
}

/** `reason` cut to 123 UTF-8 bytes, never inside a character. */
export function cutReason(reason: string): string {
  const encoder = new TextEncoder();
  if (reason.length * 3 <= CLOSE_REASON_MAX_BYTES) return reason;
  let cut = '';
  let bytes = 0;
  for (const character of reason) {
    bytes += encoder.encode(character).length;
    if (bytes > CLOSE_REASON_MAX_BYTES) break;
    cut += character;
  }
  return cut;
}
