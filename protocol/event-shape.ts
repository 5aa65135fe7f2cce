/** One event of the frame log as REST shows it, for the types and for `/openapi.json`. */
import * as v from 'valibot';
import { Count, GAP_REASONS, Time } from './rest.ts';

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
    base64: v.optional(v.string()),
    omitted: v.optional(v.literal(true)),
  }),
  v.looseObject({
    kind: v.literal('gap'),
    seq: Count,
    at: Time,
    reason: v.picklist(GAP_REASONS),
  }),
  v.object({ kind: v.literal('corrupt'), seq: Count, to_seq: Count }),
]);
