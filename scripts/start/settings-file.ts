/** `.dev.vars`: the settings and secrets of one machine, the same file that `wrangler dev` reads. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { codeOf, StartError } from './start-error.ts';

const OWNER_ONLY = 0o600;

/** Its names and values; none when there is no such file. Throws StartError when it cannot be read. */
export function readSettingsFile(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(text(file)))) {
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

/** Makes an admin token and adds it to the file, which from then on only its owner may read. */
export function addAdminToken(file: string): string {
  const token = randomBytes(32).toString('base64url');
  // A line that sets it to nothing would win over ours, or lose to it: it depends on who reads the file.
  const before = existsSync(file) ? text(file).replace(/^PARLEY_ADMIN_TOKEN=[^\S\n]*\n?/m, '') : '';
  const lines = before === '' || before.endsWith('\n') ? before : `${before}\n`;
  try {
    writeFileSync(file, `${lines}PARLEY_ADMIN_TOKEN=${token}\n`, { mode: OWNER_ONLY });
    // `mode` is for a file that is new; this one may have been there, open to all.
    chmodSync(file, OWNER_ONLY);
  } catch (error) {
    throw new StartError(
      `The new admin token cannot be written to ${file} (${codeOf(error)}). Make the file writable, or set PARLEY_ADMIN_TOKEN in the environment.`,
    );
  }
  return token;
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartError(
      `The settings file ${file} cannot be read (${codeOf(error)}). Give this user the right to read it, or remove it.`,
    );
  }
}
