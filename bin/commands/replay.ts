import { following } from './follow.ts';

export const REPLAY = {
  usage: 'replay <account/gateway/session> [--speed <0.1…1000>] [--from <ms>] [--to <ms>] [--json]',
  about: 'prints the events of a session in their own time',
  run: following('/replay', ['speed', 'from', 'to']),
};
