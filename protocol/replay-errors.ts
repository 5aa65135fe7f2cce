/** The rows of the table of errors that are about replays. */
import type { ErrorRow } from './errors.ts';

export const REPLAY_ERRORS = {
  not_replayable: {
    status: 409,
    close: 4409,
    number: 1230,
    message: 'This session cannot be {what}: {why}.',
  },
  replay_unexpected: {
    status: 409,
    close: 4409,
    number: 1231,
    message:
      'awaited {awaited} (frame {seq} of the record), got {got}. Without strict the replay would have gone on.',
  },
  replay_waited: {
    status: 504,
    close: 4504,
    number: 1232,
    message: '{awaited} (frame {seq} of the record) did not come within {seconds} s. Wait longer by wait=.',
  },
  too_many_replays: {
    status: 429,
    close: 4429,
    number: 1330,
    message: '{limit} replays of this session are running, the most at a time. Wait for one to end.',
  },
} as const satisfies Record<string, ErrorRow>;
