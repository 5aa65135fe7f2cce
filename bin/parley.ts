#!/usr/bin/env node
/** `parley`: a deployment from the command line. Exit codes: 0 done, 1 refused or failed, 2 called wrongly. */
import { nearestName } from '../protocol/nearest-name.ts';
import { DOCTOR } from './commands/doctor.ts';
import { EXPORT } from './commands/export.ts';
import { REDRIVE } from './commands/redrive.ts';
import { REPLAY } from './commands/replay.ts';
import { TAIL } from './commands/tail.ts';
import { TOKEN } from './commands/token.ts';
import { VERIFY } from './commands/verify.ts';
import { CallError, UsageError } from './usage-error.ts';

const COMMANDS = {
  tail: TAIL,
  export: EXPORT,
  replay: REPLAY,
  verify: VERIFY,
  redrive: REDRIVE,
  token: TOKEN,
  doctor: DOCTOR,
} as const;

const HELP = `parley <command>

${Object.values(COMMANDS)
  .map(({ usage, about }) => `  ${usage}\n      ${about}`)
  .join('\n')}

Everywhere: --url (PARLEY_URL; http://127.0.0.1:8787) and --token (PARLEY_TOKEN; the admin token of .dev.vars).
`;

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name === 'help' || name === '--help' || args.includes('--help')) {
    process.stdout.write(name !== undefined && isCommand(name) ? `parley ${COMMANDS[name].usage}\n` : HELP);
    return;
  }
  if (!isCommand(name)) {
    const nearest = nearestName(name, Object.keys(COMMANDS));
    throw new UsageError(`There is no command '${name}'. Did you mean '${nearest}'? parley help lists them.`);
  }
  await COMMANDS[name].run(args);
}

/** Of node:util's parseArgs, whose messages say which option. */
function isWrongOption(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

// Whoever reads our output may go first, such as `head`.
process.stdout.on('error', () => process.exit(0));
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError || isWrongOption(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  } else if (error instanceof CallError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
