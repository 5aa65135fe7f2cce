/** A frame of the log as it goes over a socket. */
import type { Payload } from '../protocol/connect.ts';
import type { LoggedEvent } from '../storage/events.ts';

/** Null for what is no frame, or of which no payload was kept. */
export function payloadOf(event: LoggedEvent): Payload | null {
  if (event.kind !== 'frame') return null;
  if (event.text !== undefined) return event.text;
  return event.base64 === undefined ? null : Uint8Array.fromBase64(event.base64).buffer;
}
