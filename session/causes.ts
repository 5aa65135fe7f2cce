/** Why sessions end: what the record says, and what each side hears. */
import { CLOSE, type CloseFrame, sendableClose } from '../protocol/close-codes.ts';
import { type ErrorCode, publicError, type PublicError } from '../protocol/errors.ts';
import type { ClosedBy } from '../protocol/recording.ts';

export interface Cause {
  readonly reason: string;
  readonly closedBy: ClosedBy;
  /** As it was seen: 1006 stays 1006 in the record. */
  readonly code: number;
  readonly closeReason: string;
  readonly toClients: CloseFrame;
  readonly toUpstream: CloseFrame;
}

/** The last client closed, or was lost. */
export function clientClosed(code: number, reason: string): Cause {
  const frame = sendableClose(code, reason, 'client');
  const seen = { closedBy: 'client', code, closeReason: reason, toClients: frame } as const;
  switch (code) {
    case CLOSE.abnormal:
      return { ...seen, reason: 'client_lost', toUpstream: frame };
    case CLOSE.tooBig:
      return { ...seen, reason: 'frame_too_big', toUpstream: closeFor('frame_too_big', { side: 'client' }) };
    default:
      return { ...seen, reason: 'client_closed', toUpstream: frame };
  }
}

export function upstreamClosed(code: number, reason: string): Cause {
  const frame = sendableClose(code, reason, 'upstream');
  return {
    reason: code === CLOSE.abnormal ? 'upstream_lost' : 'upstream_closed',
    closedBy: 'upstream',
    code,
    closeReason: reason,
    toClients: frame,
    toUpstream: frame,
  };
}

export function upstreamTooBig(): Cause {
  const frame = closeFor('frame_too_big', { side: 'provider' });
  return {
    ...parleyEnds('frame_too_big', frame),
    code: CLOSE.tooBig,
    toUpstream: { code: CLOSE.tooBig, reason: 'message too big' },
  };
}

/** The dial failed. Its clients got an HTTP answer, so the code is that of a client that could not read one. */
export function neverOpened(reason: ErrorCode): Cause {
  const frame = closeFor(reason);
  return {
    reason,
    closedBy: 'upstream',
    code: frame.code,
    closeReason: '',
    toClients: frame,
    toUpstream: frame,
  };
}

/** The broker ends it; for the provider that is a normal end. */
export function parleyEnds(reason: string, frame: CloseFrame): Cause {
  return {
    reason,
    closedBy: 'parley',
    code: frame.code,
    closeReason: frame.reason,
    toClients: frame,
    toUpstream: { code: CLOSE.normal, reason: '' },
  };
}

/** The session has lasted as long as it may. */
export function tooLong(maxMs: number): Cause {
  return parleyEnds('session_too_long', closeFor('session_too_long', { seconds: seconds(maxMs) }));
}

/** The upstream takes nothing any more. */
export function blocked(provider: string, ms: number): Cause {
  return parleyEnds('upstream_blocked', closeFor('upstream_blocked', { provider, seconds: seconds(ms) }));
}

/** The upstream owes an answer, and says nothing. */
export function silent(provider: string, ms: number): Cause {
  return parleyEnds('upstream_silent', closeFor('upstream_silent', { provider, seconds: seconds(ms) }));
}

function seconds(ms: number): string {
  return String(Math.round(ms / 1000));
}

/** The Close frame that says one of our own errors. */
export function closeFor(code: ErrorCode, values: Readonly<Record<string, string>> = {}): CloseFrame {
  return closeOf(publicError(code, values));
}

/** The same for an error whose sentence is filled already: a short code first, then as much of the sentence as fits. */
export function closeOf(error: PublicError): CloseFrame {
  return sendableClose(error.close, `${error.code}: ${error.message}`, 'parley');
}
