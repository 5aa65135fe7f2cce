/** What may be asked of a session's sound, and the outline that answers. */
import * as v from 'valibot';
import { whole } from './rest.ts';

const Channel = v.picklist(['left', 'right'], 'must be left (the users) or right (the model)');

export const AudioQuery = v.strictObject({ channel: v.optional(Channel) });

export const PeaksQuery = v.strictObject({
  channel: v.optional(Channel),
  /** Absent: 256, or as many as the session's length makes it take. Not beside `pixels`. */
  samples_per_pixel: v.optional(whole(1, 100_000_000)),
  pixels: v.optional(whole(1, 20_000)),
  bits: v.optional(v.picklist(['8', '16'], 'must be 8 or 16')),
});

/** The JSON of BBC's audiowaveform, version 2. */
export const PeaksShape = v.object({
  version: v.literal(2),
  channels: v.number(),
  sample_rate: v.number(),
  samples_per_pixel: v.number(),
  bits: v.picklist([8, 16]),
  /** Pixels. */
  length: v.number(),
  /** For each pixel, of each channel the least and the greatest sample. */
  data: v.array(v.number()),
});
