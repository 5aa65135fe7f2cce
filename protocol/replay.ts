/** How a recorded session is played again: what a client may ask for, in the query or in the parameter `parley-replay`. */
import * as v from 'valibot';
import { whole } from './rest.ts';

const SPEED = 'must be a number from 0.1 to 1000';
const FLAG = 'must be true or false';

const Flag = v.pipe(
  v.picklist(['true', 'false'], FLAG),
  v.transform((text) => text === 'true'),
);

const DAYS_MS = 366 * 24 * 3600 * 1000;

export const ReplayQuery = v.strictObject({
  /** How many times faster than it was recorded. */
  speed: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[0-9]{1,4}(\.[0-9]{1,3})?$/, SPEED),
      v.transform(Number),
      v.minValue(0.1, SPEED),
      v.maxValue(1000, SPEED),
    ),
    '1',
  ),
  /** ms since the session's `started_at`: what came before is left out. Absent: from the first frame on. */
  from: v.optional(whole(0, DAYS_MS)),
  /** ms since `started_at`: what came later is left out. */
  to: v.optional(whole(0, DAYS_MS)),
  /** `lockstep`: the recording stands still until the client has sent what the recorded one had. WebSocket only. */
  mode: v.optional(v.picklist(['paced', 'lockstep'], 'must be paced or lockstep'), 'paced'),
  /** In lockstep: a frame that is not the one awaited closes the socket. */
  strict: v.optional(Flag, 'false'),
  /** In lockstep: seconds for which a frame is awaited. */
  wait: v.optional(whole(1, 600), '30'),
  /** In lockstep: the one recorded client whose frames are awaited, such as c1. Absent: those of all. */
  client: v.optional(
    v.pipe(v.string(), v.regex(/^c[0-9]{1,9}$/, 'must be a client of the session, such as c1')),
  ),
});
export type ReplayQuery = v.InferOutput<typeof ReplayQuery>;

/** A query that was checked already. */
export function replayOptions(parameters: URLSearchParams): ReplayQuery {
  return v.parse(ReplayQuery, Object.fromEntries(parameters));
}

/** `<session>`, or `<session>;speed=10;mode=lockstep`: the value of `parley-replay`, with the names of `ReplayQuery`. */
export function readReplayParameter(value: string): {
  readonly session: string;
  readonly options: readonly (readonly [string, string])[];
} {
  const [session = '', ...rest] = value.split(';').map((part) => part.trim());
  return {
    session,
    options: rest.map((part) => {
      const at = part.indexOf('=');
      return at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
    }),
  };
}

/** Told on the control channel, in lockstep: the client sent something before what the recorded client had sent. */
export interface ReplayUnexpected {
  readonly type: 'parley.replay.unexpected';
  /** The number in the log of the frame that is awaited, and what it is called. */
  readonly seq: number;
  readonly awaited: string;
  readonly got: string;
}
