import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { call, CONNECTION_OPTIONS, connectionOf, pathOf, reasonOf, sessionAddress } from '../connection.ts';
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
    const address = sessionAddress(positionals);
    const out = values.out ?? `${address.session}.${format}`;
    if (out === '') throw new UsageError('--out must be the name of a file, or - for standard output.');
    if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === true)
      throw new UsageError(`--out: ${out} is a directory. Name a file in it.`);
    const response = await call(connectionOf(values), pathOf(address, FORMATS[format]));
    try {
      if (out === '-') await write(response, process.stdout);
      else await writeFile(response, out);
    } catch (error) {
      throw error instanceof UsageError
        ? error
        : new CallError(`${out === '-' ? 'The export' : out} was not finished: ${reasonOf(error)}`);
    }
  },
};

/** Under another name until it is whole: a file of the name is never half of one. */
async function writeFile(response: Response, out: string): Promise<void> {
  const part = `${out}.part`;
  const file = createWriteStream(part);
  // A file that cannot be made says so here, before anything is written.
  await once(file, 'open').catch((error: unknown) => {
    throw new UsageError(`${part} cannot be written: ${reasonOf(error)}`);
  });
  try {
    await write(response, file);
    renameSync(part, out);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  process.stderr.write(`${out}\n`);
}

async function write(response: Response, out: NodeJS.WritableStream): Promise<void> {
  const length = response.headers.get('content-length');
  const progress = new Progress(length === null ? null : Number(length));
  await pipeline(counted(response, progress), out, { end: out !== process.stdout });
  if (length !== null && progress.done !== Number(length))
    throw new Error(`only ${progress.done} of ${length} bytes came. Try again.`);
  progress.end();
}

async function* counted({ body }: Response, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const chunk of body ?? []) {
    progress.add(chunk.length);
    yield chunk;
  }
}
