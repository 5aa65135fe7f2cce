/** The control channel, from Parley: the schema of each message, from which the types and the AsyncAPI document come. */
import * as v from 'valibot';
import { FLOORS, ROLES } from './connect.ts';

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** RFC 3339. */
const Time = v.pipe(v.string(), v.isoTimestamp());

export const ClientShape = v.object({
  client: v.pipe(v.string(), v.description('such as c2; it names the client in the record too')),
  name: v.pipe(v.nullable(v.string()), v.description('what it calls itself by parley-client')),
  role: v.picklist(ROLES),
});

const FloorShape = v.object({
  mode: v.picklist(FLOORS),
  holder: v.pipe(v.nullable(v.string()), v.description('the client that may speak; null: nobody has it')),
  waiting: v.pipe(v.array(v.string()), v.description('those that asked for it, in their order')),
});

const Joined = v.pipe(
  v.object({
    type: v.literal('parley.session.joined'),
    session: v.string(),
    ...ClientShape.entries,
    phase: v.string(),
    received: v.pipe(Count, v.description('the next frame of the provider is number received + 1')),
    epoch: v.pipe(Count, v.description('the life of the session in which received counts')),
    clients: v.pipe(v.array(ClientShape), v.description('everybody in the session, you among them')),
    floor: FloorShape,
    limits: v.object({
      clients: Count,
      frame_bytes: Count,
      control_message_bytes: Count,
    }),
  }),
  v.description('The first message, before any frame of the provider.'),
);

const ClientJoined = v.pipe(
  v.object({ type: v.literal('parley.client.joined'), ...ClientShape.entries }),
  v.description('Another client came.'),
);

const ClientLeft = v.pipe(
  v.object({ type: v.literal('parley.client.left'), client: v.string(), code: Count, reason: v.string() }),
  v.description('Another client left, or was taken out: the code and reason of its Close.'),
);

export const UPDATE_CAUSES = ['set', 'hand_over'] as const;

const ClientUpdated = v.pipe(
  v.object({
    type: v.literal('parley.client.updated'),
    client: v.string(),
    role: v.picklist(ROLES),
    before: v.picklist(ROLES),
    cause: v.picklist(UPDATE_CAUSES),
    by: v.pipe(v.nullable(v.string()), v.description('who changed it; null: Parley')),
  }),
  v.description('A client has another role now; sent to that client too.'),
);

const ClientFrame = v.pipe(
  v.object({
    type: v.literal('parley.client.frame'),
    client: v.string(),
    at: Time,
    text: v.exactOptional(v.string()),
    base64: v.exactOptional(v.string()),
  }),
  v.description(
    'What another client sent to the provider, for who asked with parley-control: 2. Keys are left out.',
  ),
);

const Phase = v.pipe(
  v.object({
    type: v.literal('parley.session.phase'),
    phase: v.pipe(v.string(), v.description('live, resting, parting, restoring, moving, closing or ended')),
    after: v.pipe(v.nullable(v.string()), v.description('such as upstream_lost, idle, waking, rollover')),
  }),
  v.description('What becomes of the provider’s socket.'),
);

const Gap = v.pipe(
  v.object({
    type: v.literal('parley.session.gap'),
    reason: v.string(),
    from: v.pipe(
      v.nullable(Count),
      v.description('the first frame of the provider that is missing, as received counts'),
    ),
    to: v.nullable(Count),
  }),
  v.description('Something of the session is lost, and will not come.'),
);

const Counted = v.pipe(
  v.object({
    type: v.literal('parley.session.counted'),
    frames: v.pipe(
      v.number(),
      v.integer(),
      v.description(
        'Positive: before the next frame of the provider, so many were another client’s alone, and did not come here; they count. Negative: so many before this were answers to this client alone, which do not count.',
      ),
    ),
  }),
  v.description('The count that parley-after takes is not what came here: add this to it.'),
);

const Usage = v.pipe(
  v.object({
    type: v.literal('parley.usage'),
    cost_usd: v.pipe(v.nullable(v.string()), v.description('of what has a price; null: nothing has')),
    cost_complete: v.boolean(),
    responses: Count,
    audio_in_ms: v.nullable(v.number()),
    audio_out_ms: v.nullable(v.number()),
    response: v.looseObject({ reports: Count }),
    transcription: v.looseObject({ reports: Count }),
  }),
  v.description('Running totals, when they have changed, at most once a second.'),
);

const FloorGranted = v.pipe(
  v.object({
    type: v.literal('parley.floor.granted'),
    client: v.string(),
    by: v.pipe(
      v.nullable(v.string()),
      v.description('the controller that granted it; null: it was asked for'),
    ),
  }),
  v.description('This client may speak now.'),
);

const FloorRequested = v.pipe(
  v.object({ type: v.literal('parley.floor.requested'), client: v.string(), waiting: v.array(v.string()) }),
  v.description('A client asks for the floor, and another has it.'),
);

export const FLOOR_ENDS = ['released', 'revoked', 'timeout', 'left'] as const;

const FloorReleased = v.pipe(
  v.object({
    type: v.literal('parley.floor.released'),
    client: v.string(),
    reason: v.picklist(FLOOR_ENDS),
  }),
  v.description('This client has the floor no longer.'),
);

const Failure = v.pipe(
  v.object({
    type: v.literal('parley.error'),
    code: v.string(),
    message: v.string(),
    field: v.exactOptional(v.pipe(v.string(), v.description('of your message, such as role'))),
    re: v.exactOptional(v.pipe(v.string(), v.description('the id of your message'))),
  }),
  v.description('What you sent was not done, and went nowhere.'),
);

const Ending = v.pipe(
  v.object({
    type: v.literal('parley.session.ending'),
    reason: v.string(),
    within_ms: v.pipe(Count, v.description('0: your socket is closed right after this')),
  }),
  v.description('The session will be over.'),
);

const Pong = v.pipe(
  v.object({ type: v.literal('parley.pong') }),
  v.description('The answer to parley.ping.'),
);

export const DownMessage = v.variant('type', [
  Joined,
  ClientJoined,
  ClientLeft,
  ClientUpdated,
  ClientFrame,
  Phase,
  Gap,
  Counted,
  Usage,
  FloorGranted,
  FloorRequested,
  FloorReleased,
  Failure,
  Ending,
  Pong,
]);
export type ControlMessage = v.InferOutput<typeof DownMessage>;
export type MessageOf<T extends ControlMessage['type']> = Extract<ControlMessage, { type: T }>;
