import { following } from './follow.ts';

export const TAIL = {
  usage: 'tail <account/gateway/session> [--after <seq>] [--type <type>] [--direction up|down] [--json]',
  about: 'prints the events of a session as they happen, to its end',
  run: following('/events', ['after', 'type', 'direction']),
};
