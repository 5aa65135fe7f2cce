/** Rows of the error table (errors.ts) that are about sharing a session: roles, the floor, the control channel. */
export const SHARING_ERRORS = {
  control_unknown: {
    status: 400,
    close: 4400,
    number: 1215,
    message:
      'Parley takes no such message from clients. Frames whose type begins with parley. are for Parley, and go to no provider; it takes {known}.',
  },
  control_invalid: {
    status: 400,
    close: 4400,
    number: 1220,
    message: 'The message cannot be used: {problem}. docs/CONTROL.md has an example of each.',
  },
  control_too_big: {
    status: 413,
    close: 4413,
    number: 1217,
    message: 'A control message may have {limit} bytes.',
  },
  control_forbidden: {
    status: 403,
    close: 4403,
    number: 1107,
    message: 'This was not done: {why}.',
  },
  client_too_fast: {
    status: 429,
    close: 4429,
    number: 1250,
    message:
      'This client sent more than one of several in a session may: {frames} frames or {bytes} MiB a second, with a burst of {seconds} s of that. Send audio at the pace at which it is spoken.',
  },
  client_unknown: {
    status: 404,
    close: 4404,
    number: 1218,
    message: 'No client {client} is in this session now.',
  },
  floor_taken: {
    status: 409,
    close: 4409,
    number: 1219,
    message:
      'One client speaks at a time here, and you do not have the floor: the frame went nowhere. Ask with parley.floor.request, and speak after parley.floor.granted.',
  },
  removed: {
    status: 403,
    close: 4403,
    number: 1108,
    message: 'The controller {by} took this client out of the session.',
  },
  controller_left: {
    status: 409,
    close: 4410,
    number: 1507,
    message: 'The session ended with its controller, as parley-on-controller-leave says.',
  },
  ended_by_controller: {
    status: 409,
    close: 4410,
    number: 1508,
    message: 'A controller ended the session.',
  },
  role_forbids_sending: {
    status: 403,
    close: 4403,
    number: 1105,
    message:
      'A client with the role {role} may not {act}: the frame went nowhere. A controller can give another role (parley.role.set), or connect with another parley-role.',
  },
} as const;
