/** What a session that is created over REST is to be, and what its creation answers. */
import * as v from 'valibot';
import { CONTROLLER_LEAVES, FLOORS, ROLES } from './connect.ts';
import { Metadata, Name, TAGS_MAX, Time } from './rest.ts';

/** As `metadataBytes` and `tokenSeconds` of session/limits.ts, which this layer cannot see. */
const METADATA_CHARACTERS = 4096;
const DAY_SECONDS = 86_400;

const seconds = (least: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(DAY_SECONDS));

export const SessionRequest = v.strictObject({
  /** Absent: one is made. */
  id: v.optional(Name),
  provider: Name,
  /** After the provider's name, as its SDK has it, with its query. */
  path: v.optional(v.pipe(v.string(), v.maxLength(2048)), ''),
  /** Short for `model=` in the query of the path. */
  model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(256))),
  metadata: v.optional(
    v.pipe(
      Metadata,
      v.maxEntries(TAGS_MAX, `has at most ${TAGS_MAX} tags`),
      v.check(
        (tags) => JSON.stringify(tags).length <= METADATA_CHARACTERS,
        `must be under ${METADATA_CHARACTERS} characters`,
      ),
    ),
  ),
  /** Held down to the gateway's own, as are the next two. */
  max_clients: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  grace_seconds: v.optional(seconds(0)),
  idle_seconds: v.optional(seconds(1)),
  /** Who may speak: all that have the role for it, or one at a time. */
  floor: v.optional(v.picklist(FLOORS)),
  /** What becomes of it when its last controller leaves; absent: as the gateway has it. */
  on_controller_leave: v.optional(v.picklist(CONTROLLER_LEAVES)),
  /** Of the token in the answer. */
  role: v.optional(v.picklist(ROLES), 'controller'),
  /** Seconds, of the token and of the session's waiting for its first client. */
  expires_in: v.optional(seconds(1), 3600),
});
export type SessionRequest = v.InferOutput<typeof SessionRequest>;

/** What is kept until the first client comes, as JSON, and holds for every client. */
export type PlannedSession = Pick<
  SessionRequest,
  'provider' | 'metadata' | 'max_clients' | 'grace_seconds' | 'idle_seconds' | 'floor' | 'on_controller_leave'
> & { readonly path: string; readonly model: string | null };

export const CreatedSessionShape = v.object({
  id: v.string(),
  url: v.string(),
  /** Shown once. */
  token: v.string(),
  jti: v.string(),
  role: v.picklist(ROLES),
  /** When the token is good no more, and the session is forgotten if nobody has come. */
  expires_at: Time,
});
