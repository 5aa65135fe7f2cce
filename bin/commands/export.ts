import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { call, CONNECTION_OPTIONS, connectionOf, pathOf, sessionAddress } from '../connection.ts';
import { Progress } from '../progress.ts';
import { CallError, UsageError } from '../usage-error.ts';

/** What a session can be had as, and where. */
const FORMATS = {
  zip: '/export.zip',
  ndjson: '/events.ndjson',
  har: '/export.har',
  wav: '/audio.wav',
  vtt: '/transcript.vtt',
  srt: '/transcript.srt',
  md: '/transcript.md',
  json: '',
} as const;

function isFormat(name: string): name is keyof typeof FORMATS {
  return Object.hasOwn(FORMATS, name);
}

export const EXPORT = {
  usage: `export <account/gateway/session> [--format ${Object.keys(FORMATS).join('|')}] [--out <file>|-]`,
  about: 'writes a session to a file: zip of everything, or one form of it',
  run: async (args: readonly string[]): Promise<void> => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...CONNECTION_OPTIONS, format: { type: 'string' }, out: { type: 'string' } },
    });
    const format = values.format ?? 'zip';
    if (!isFormat(format))
      throw new UsageError(`--format must be one of ${Object.keys(FORMATS).join(', ')}, not '${format}'.`);
    const address = sessionAddress(positionals[0]);
    const response = await call(connectionOf(values), pathOf(address, FORMATS[format]));
    const out = values.out ?? `${address.session}.${format}`;
    if (out === '-') await write(response, process.stdout);
    else await writeFile(response, out);
  },
};

/** Under another name until it is whole: a file of the name is never half of one. */
async function writeFile(response: Response, out: string): Promise<void> {
  const part = `${out}.part`;
  const file = createWriteStream(part);
  // A file that cannot be made says so here, before anything is written.
  await once(file, 'open').catch((error: unknown) => {
    throw new UsageError(`${part} cannot be written: ${String(error)}`);
  });
  try {
    await write(response, file);
    file.end();
    await once(file, 'close');
  } catch (error) {
    file.destroy();
    rmSync(part, { force: true });
    throw error instanceof CallError ? error : new CallError(`${out} was not finished: ${String(error)}`);
  }
  renameSync(part, out);
  process.stderr.write(`${out}\n`);
}

async function write(response: Response, out: NodeJS.WritableStream): Promise<void> {
  const length = response.headers.get('content-length');
  const progress = new Progress(length === null ? null : Number(length));
  let received = 0;
  for await (const chunk of response.body ?? []) {
    received += chunk.length;
    if (!out.write(chunk)) await once(out, 'drain');
    progress.add(chunk.length);
  }
  if (length !== null && received !== Number(length))
    throw new CallError(`Only ${received} of ${length} bytes came. Try again.`);
  progress.end();
}
