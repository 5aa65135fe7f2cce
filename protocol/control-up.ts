/** The control channel, from clients: the schema of each message, and how one is read. */
import * as v from 'valibot';
import { ROLES } from './connect.ts';
import { strictObject } from './strict-json.ts';

const Client = v.pipe(
  v.string('must be the id of a client, such as c2'),
  v.regex(/^c[1-9][0-9]{0,8}$/, 'must be the id of a client, such as c2'),
);
/** Yours: parley.error names it in `re`. */
const Id = v.exactOptional(
  v.pipe(v.string('must be a string'), v.maxLength(64, 'must have at most 64 characters')),
);

const RoleSet = v.pipe(
  v.strictObject({
    type: v.literal('parley.role.set'),
    id: Id,
    client: Client,
    role: v.picklist(ROLES, `must be one of ${ROLES.join(', ')}`),
  }),
  v.description('Gives a client another role. For controllers; for anyone to take a lower role themselves.'),
);

const Remove = v.pipe(
  v.strictObject({ type: v.literal('parley.client.remove'), id: Id, client: Client }),
  v.description('Takes a client out of the session. For controllers.'),
);

const FloorRequest = v.pipe(
  v.strictObject({ type: v.literal('parley.floor.request'), id: Id }),
  v.description('Asks for the floor: at once if it is free, else when it is your turn.'),
);

const FloorRelease = v.pipe(
  v.strictObject({ type: v.literal('parley.floor.release'), id: Id }),
  v.description('Gives the floor back, or takes the wish for it back.'),
);

const FloorGrant = v.pipe(
  v.strictObject({
    type: v.literal('parley.floor.grant'),
    id: Id,
    client: v.nullable(Client),
  }),
  v.description('Gives the floor to a client, or takes it away (null). For controllers.'),
);

const End = v.pipe(
  v.strictObject({ type: v.literal('parley.session.end'), id: Id }),
  v.description('Ends the session for everybody. For controllers.'),
);

const MARK_CHARACTERS = 128;
const MARK_DATA = 4096;

const Mark = v.pipe(
  v.strictObject({
    type: v.literal('parley.mark'),
    id: Id,
    name: v.pipe(
      v.string('must be a string'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(MARK_CHARACTERS, `must have at most ${MARK_CHARACTERS} characters`),
    ),
    data: v.exactOptional(
      v.pipe(
        v.record(
          v.pipe(v.string(), v.maxLength(MARK_CHARACTERS)),
          v.nullable(v.union([v.string(), v.number(), v.boolean()])),
          'must be a flat object',
        ),
        v.check(
          (data) => JSON.stringify(data).length <= MARK_DATA,
          `must be under ${MARK_DATA} characters as JSON`,
        ),
      ),
    ),
  }),
  v.description('A named marker in the record, at this moment. For controllers and speakers.'),
);

const Ping = v.pipe(
  v.strictObject({ type: v.literal('parley.ping'), id: Id }),
  v.description('A sign of life. Written without spaces and id it does not even wake a session that rests.'),
);

export const UpMessage = v.variant('type', [
  RoleSet,
  Remove,
  FloorRequest,
  FloorRelease,
  FloorGrant,
  End,
  Mark,
  Ping,
]);
export type ControlRequest = v.InferOutput<typeof UpMessage>;

const UP_TYPES: readonly string[] = UpMessage.options.map(({ entries }) => entries.type.literal);

export type ReadControl =
  | { readonly ok: true; readonly request: ControlRequest }
  | {
      readonly ok: false;
      readonly code: 'control_unknown' | 'control_invalid';
      readonly values: Readonly<Record<string, string>>;
      readonly field: string | null;
      readonly id: string | null;
    };

/** Reads a frame that is for Parley. */
export function readControl(text: string): ReadControl {
  const message = strictObject(text);
  if (message === undefined)
    return invalid('it is not a JSON object each of whose keys comes once', null, null);
  const id = typeof message['id'] === 'string' ? message['id'].slice(0, 64) : null;
  const parsed = v.safeParse(UpMessage, message);
  if (parsed.success) return { ok: true, request: parsed.output };
  if (typeof message['type'] !== 'string' || !UP_TYPES.includes(message['type']))
    return { ok: false, code: 'control_unknown', values: { known: UP_TYPES.join(', ') }, field: 'type', id };
  const [issue] = parsed.issues;
  const field = issue.path?.map(({ key }) => String(key)).join('.') ?? null;
  const problem = issue.expected === 'never' ? 'is not known' : issue.message;
  return invalid(field === null ? problem : `${field} ${problem}`, field, id);
}

function invalid(problem: string, field: string | null, id: string | null): ReadControl {
  return { ok: false, code: 'control_invalid', values: { problem }, field, id };
}
