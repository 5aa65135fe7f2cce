import { parseArgs } from 'node:util';
import { CONNECTION_OPTIONS, connectionOf, pathOf, sessionAddress } from '../connection.ts';
import { follow } from './follow.ts';

export const REPLAY = {
  usage: 'replay <account/gateway/session> [--speed <0.1…1000>] [--from <ms>] [--to <ms>] [--json]',
  about: 'prints the events of a session in their own time',
  run: async (args: readonly string[]): Promise<void> => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...CONNECTION_OPTIONS,
        speed: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
    const query = new URLSearchParams();
    for (const name of ['speed', 'from', 'to'] as const) {
      const value = values[name];
      if (value !== undefined) query.set(name, value);
    }
    const path = pathOf(sessionAddress(positionals[0]), `/replay?${query.toString()}`);
    await follow(connectionOf(values), path, values.json === true);
  },
};
