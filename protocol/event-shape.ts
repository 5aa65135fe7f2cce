/** One event of the frame log as REST shows it, and what may be asked of the log. */
import * as v from 'valibot';
import { Count, GAP_REASONS, Text, Time, whole } from './rest.ts';

/** With words for the API's document. */
function told<T extends v.GenericSchema>(schema: T, words: string) {
  return v.optional(v.pipe(schema, v.description(words)));
}

export const EventsQuery = v.strictObject({
  after: told(whole(0, Number.MAX_SAFE_INTEGER), 'Events with a higher number only.'),
  before: told(whole(1, Number.MAX_SAFE_INTEGER), 'Events with a lower number only.'),
  direction: told(
    v.picklist(['up', 'down'], 'must be up (client to provider) or down'),
    'up: client to provider. down: provider to clients.',
  ),
  type: told(Text, 'The frame’s own JSON type; a trailing * matches any rest.'),
  client: told(Text, 'c1, c2, …'),
  limit: told(
    whole(1, Number.MAX_SAFE_INTEGER),
    'At most so many events; a JSON page has 1,000 unless it says fewer.',
  ),
  payload: told(
    v.picklist(['text', 'parsed', 'base64'], 'must be text, parsed or base64'),
    'text: binary frames as base64. parsed: JSON values, also of binary frames. base64: all of them.',
  ),
  fold: told(
    v.picklist(['audio'], 'must be audio'),
    'Runs of frames that carry nothing but sound become one event.',
  ),
});

/** As the number of the last event: a stream that ended at its `limit` has no more for whoever comes back. */
export const LIMIT_REACHED = 'limit';

export const EventShape = v.union([
  v.object({
    kind: v.literal('frame'),
    seq: Count,
    at: Time,
    /** `up`: client to provider. `down`: provider to clients. */
    direction: v.picklist(['up', 'down']),
    client: v.nullable(v.string()),
    opcode: v.picklist(['text', 'binary']),
    bytes: Count,
    type: v.nullable(v.string()),
    translated: v.optional(v.literal(true)),
    /** The payload is what was stored, not what was relayed; `bytes` is its length. */
    redacted: v.optional(v.literal(true)),
    text: v.optional(v.string()),
    /** The JSON value that the frame holds, with `payload=parsed`. */
    parsed: v.optional(v.unknown()),
    base64: v.optional(v.string()),
    omitted: v.optional(v.literal(true)),
  }),
  /** With `fold=audio`: frames from `seq` to `to_seq` that carry nothing but sound. */
  v.object({
    kind: v.literal('audio'),
    seq: Count,
    to_seq: Count,
    at: Time,
    until: Time,
    streams: v.array(
      v.object({
        direction: v.picklist(['up', 'down']),
        client: v.nullable(v.string()),
        frames: Count,
        /** Of the frames. */
        bytes: Count,
        /** Decoded. */
        audio_bytes: Count,
        /** How long it sounds; null: of a format that is compressed, or not known. */
        ms: v.nullable(Count),
      }),
    ),
  }),
  v.looseObject({
    kind: v.literal('gap'),
    seq: Count,
    at: Time,
    reason: v.picklist(GAP_REASONS),
  }),
  v.object({ kind: v.literal('corrupt'), seq: Count, to_seq: Count }),
]);
