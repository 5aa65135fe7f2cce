import { parseArgs } from 'node:util';
import { CONNECTION_OPTIONS, connectionOf, pathOf, sessionAddress } from '../connection.ts';
import { follow } from './follow.ts';

export const TAIL = {
  usage: 'tail <account/gateway/session> [--after <seq>] [--type <type>] [--direction up|down] [--json]',
  about: 'prints the events of a session as they happen, to its end',
  run: async (args: readonly string[]): Promise<void> => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...CONNECTION_OPTIONS,
        after: { type: 'string' },
        type: { type: 'string' },
        direction: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
    const query = new URLSearchParams();
    for (const name of ['after', 'type', 'direction'] as const) {
      const value = values[name];
      if (value !== undefined) query.set(name, value);
    }
    const path = pathOf(sessionAddress(positionals[0]), `/events?${query.toString()}`);
    await follow(connectionOf(values), path, values.json === true);
  },
};
