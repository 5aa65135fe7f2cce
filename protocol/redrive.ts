/** What a re-drive may be asked for, and what is answered. */
import * as v from 'valibot';
import { Count, Metadata } from './rest.ts';

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(256));

export const RedriveRequest = v.strictObject({
  /** One that speaks the same wire. Absent: the recorded one. */
  provider: v.optional(Text),
  /** Absent: the recorded one. */
  model: v.optional(Text),
  /** The provider's path. Absent: the recorded one; of another provider its short form. */
  path: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(512),
      v.regex(/^(?!.*\.\.)[\w.~:@!$&'()*+,;=/-]*$/, 'must be a path of the provider, such as v1/listen'),
    ),
  ),
  /** The provider's query, beside the model: the record does not keep it. */
  query: v.optional(
    v.record(
      v.pipe(
        v.string(),
        v.minLength(1),
        v.maxLength(64),
        v.regex(/^(?!parley-|cf-aig-)/, 'must be of the provider, not of Parley'),
      ),
      v.pipe(v.string(), v.maxLength(1024)),
    ),
    {},
  ),
  /** `lockstep`: what had been answered in the record is answered before the next frame goes. */
  mode: v.optional(v.picklist(['paced', 'lockstep'], 'must be paced or lockstep'), 'lockstep'),
  speed: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(1000)), 1),
  /** How long an answer is waited for; then the next frame goes without it. */
  wait: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(600)), 60),
  /** After which the new session is closed. */
  max_seconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(86_400)), 3600),
  /** The new session's tags. */
  metadata: v.optional(Metadata),
});
export type RedriveRequest = v.InferOutput<typeof RedriveRequest>;

export const RedriveShape = v.object({
  /** The new session's id. */
  id: v.string(),
  redrive_of: v.string(),
  provider: v.string(),
  model: v.nullable(v.string()),
  /** Frames that its client will send, as far as they are recorded. */
  frames: Count,
});
export type RedriveShape = v.InferOutput<typeof RedriveShape>;
