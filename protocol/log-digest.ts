/**
 * The digest of a session's log: SHA-256 over its frames in order, each as a line of ASCII and the bytes of its payload:
 *
 *     <seq> SP <direction> SP <opcode> SP <bytes> LF payload
 *     <seq> SP <direction> SP <opcode> SP <bytes> SP "omitted" LF        where no payload is kept
 *
 * with the values that `GET …/events` tells of the frame: `up` or `down`, `text` or `binary`, decimal numbers. Text is
 * UTF-8. `bytes` is the length of the payload that follows, so no two logs are written the same; of an omitted one it is
 * that of the frame. Nothing else is in it: no times, no clients, no gaps, nothing at its end.
 */
import * as v from 'valibot';
import type { Direction } from './segment.ts';
import { Count } from './rest.ts';

/** Of a frame, as events tell it. */
export interface DigestedFrame {
  readonly seq: number;
  readonly direction: Direction;
  readonly opcode: 'text' | 'binary';
  readonly bytes: number;
  readonly omitted?: true;
}

/** What stands before the payload of each frame. */
export function digestHead({ seq, direction, opcode, bytes, omitted }: DigestedFrame): string {
  return `${seq} ${direction} ${opcode} ${bytes}${omitted === true ? ' omitted' : ''}\n`;
}

export const DigestShape = v.object({
  algorithm: v.literal('sha-256'),
  /** In hexadecimal, lower case. */
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** That are in it. */
  frames: Count,
  /** Of their payloads. */
  bytes: Count,
  /** The number of the last frame in it; 0: there is none. */
  last_seq: Count,
  /** True when it is over all that was relayed, as it was relayed: none of the counts below is more than 0, or null. */
  complete: v.boolean(),
  /** Frames that were relayed, and of which the log has nothing; null: how many is not known. */
  missing: v.nullable(Count),
  /** Frames without a payload. */
  omitted: Count,
  /** Frames that a rule took something out of: what is left is in it. */
  redacted: Count,
  /** Frames that went on otherwise than their sender sent them: as they were sent is in it, but for a key. */
  translated: Count,
});
export type DigestShape = v.InferOutput<typeof DigestShape>;
