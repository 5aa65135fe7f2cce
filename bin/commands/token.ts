import { parseArgs } from 'node:util';
import {
  call,
  CONNECTION_OPTIONS,
  connectionOf,
  gatewayAddress,
  numberOf,
  pathOf,
  resultOf,
} from '../connection.ts';

const LISTS = ['scope', 'providers', 'models'] as const;
const TEXTS = ['session', 'role', 'origin'] as const;
const NUMBERS = ['max_seconds', 'max_cost_usd', 'expires_in'] as const;

export const TOKEN = {
  usage:
    'token <account/gateway> [--scope connect,read] [--providers …] [--models …] [--session <id>] [--role <role>] [--origin <url>] [--max_seconds <s>] [--max_cost_usd <n>] [--expires_in <s>] [--json]',
  about: 'mints a client token, and prints it alone on standard output',
  run: async (args: readonly string[]): Promise<void> => {
    const names = [...LISTS, ...TEXTS, ...NUMBERS];
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...CONNECTION_OPTIONS,
        ...Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const)),
        json: { type: 'boolean' },
      },
    });
    // Their names are computed, so parseArgs cannot tell that they are texts.
    const given = values as Readonly<Record<string, string | undefined>>;
    const body: Record<string, unknown> = {};
    for (const name of LISTS) if (given[name] !== undefined) body[name] = given[name].split(',');
    for (const name of TEXTS) if (given[name] !== undefined) body[name] = given[name];
    for (const name of NUMBERS) {
      if (given[name] === undefined) continue;
      body[name] = numberOf(name, given[name]);
    }
    const connection = connectionOf({ url: given['url'], token: given['token'] });
    const response = await call(connection, pathOf(gatewayAddress(positionals), '/tokens'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const issued = await resultOf<{
      readonly token: string;
      readonly expires_at: string;
      readonly jti: string;
    }>(response);
    if (values.json === true) {
      process.stdout.write(`${JSON.stringify(issued)}\n`);
      return;
    }
    process.stdout.write(`${issued.token}\n`);
    process.stderr.write(`good until ${issued.expires_at}; revoke it by DELETE …/tokens/${issued.jti}\n`);
  },
};
