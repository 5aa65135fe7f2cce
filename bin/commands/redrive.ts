import { parseArgs } from 'node:util';
import {
  call,
  CONNECTION_OPTIONS,
  connectionOf,
  numberOf,
  pathOf,
  resultOf,
  sessionAddress,
} from '../connection.ts';

const TEXTS = ['provider', 'model', 'path', 'mode'] as const;
const NUMBERS = ['speed', 'wait', 'max_seconds'] as const;

export const REDRIVE = {
  usage:
    'redrive <account/gateway/session> [--provider <name>] [--model <name>] [--mode lockstep|paced] [--speed <n>] [--wait <s>] [--max_seconds <s>]',
  about: 'sends what the recorded client sent to another model, as a new session, and prints its id',
  run: async (args: readonly string[]): Promise<void> => {
    const text = { type: 'string' } as const;
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...CONNECTION_OPTIONS,
        provider: text,
        model: text,
        path: text,
        mode: text,
        speed: text,
        wait: text,
        max_seconds: text,
      },
    });
    const body: Record<string, string | number> = {};
    for (const name of TEXTS) if (values[name] !== undefined) body[name] = values[name];
    for (const name of NUMBERS) {
      if (values[name] === undefined) continue;
      body[name] = numberOf(name, values[name]);
    }
    const connection = connectionOf(values);
    const response = await call(connection, pathOf(sessionAddress(positionals), '/redrive'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { id } = await resultOf<{ readonly id: string }>(response);
    process.stdout.write(`${id}\n`);
  },
};
