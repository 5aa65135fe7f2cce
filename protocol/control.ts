/**
 * The control channel: what Parley says between a provider's frames to a client that asked for it, by the subprotocol
 * `parley.v1` or `parley-control: 1`. JSON text frames, whose `type` begins with `parley.`; none of them is counted by
 * `parley-after`, logged as a frame, or sent to a provider.
 */
import type { Role } from './connect.ts';

/** Offered by a client that wants the channel; the answer's choice only where nothing else is offered. */
export const CONTROL_SUBPROTOCOL = 'parley.v1';

const PREFIX = 'parley.';
const HEAD = `{"type":"${PREFIX}`;

export type ControlMessage =
  /** The first message. The next upstream frame is number `received` + 1, in this `epoch`. */
  | {
      readonly type: 'parley.session.joined';
      readonly session: string;
      readonly client: string;
      readonly role: Role;
      readonly phase: string;
      readonly received: number;
      readonly epoch: number;
      readonly clients: number;
    }
  /** `after`: what it follows, such as upstream_lost, idle, waking, rollover. */
  | { readonly type: 'parley.session.phase'; readonly phase: string; readonly after: string | null }
  /**
   * Upstream frames that this client does not get, by the number that `parley-after` counts; `to` null: how many is not known.
   * `not_kept`: it came back too late; the frame log may have them, GET …/events?direction=down. `interrupted`: the server lost
   * what was on its way.
   */
  | {
      readonly type: 'parley.session.gap';
      readonly reason: 'not_kept' | 'interrupted';
      readonly from: number;
      readonly to: number | null;
    }
  | { readonly type: 'parley.error'; readonly code: string; readonly message: string };

/** Whether a client's frame is for Parley: by its head, as JSON.stringify writes it, or by parsing what may be another form. */
export function isControlFrame(payload: string): boolean {
  if (payload.startsWith(HEAD)) return true;
  if (!payload.includes(PREFIX) && !payload.includes('\\')) return false;
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
