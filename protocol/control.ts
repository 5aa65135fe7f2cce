/**
 * The control channel: what Parley says between a provider's frames to a client that asked for it, by the subprotocol
 * `parley.v1` or `parley-control: 1`. JSON text frames, whose `type` begins with `parley.`; none of them is counted by
 * `parley-after`, logged as a frame, or sent to a provider.
 */
/** Offered by a client that wants the channel; the answer's choice only where nothing else is offered. */
export const CONTROL_SUBPROTOCOL = 'parley.v1';

const PREFIX = 'parley.';
const HEAD = `{"type":"${PREFIX}`;

/** Whether a client's frame is for Parley: by its head, as JSON.stringify writes it, or by parsing what may be another form. */
export function isControlFrame(payload: string): boolean {
  if (payload.startsWith(HEAD)) return true;
  // Letters can be hidden by such escapes alone.
  if (!payload.includes(PREFIX) && !payload.includes('\\u00')) return false;
  try {
    const value: unknown = JSON.parse(payload);
    return (
      typeof value === 'object' &&
      value !== null &&
      'type' in value &&
      typeof value.type === 'string' &&
      value.type.startsWith(PREFIX)
    );
  } catch {
    return false;
  }
}
