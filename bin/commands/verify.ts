/** Holds the log of a session against its digest: reads all of it, and computes the digest again. */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type DigestedFrame, digestHead, type DigestShape } from '../../protocol/log-digest.ts';
import {
  call,
  CONNECTION_OPTIONS,
  connectionOf,
  pathOf,
  reasonOf,
  resultOf,
  sessionAddress,
} from '../connection.ts';
import { CallError, UsageError } from '../usage-error.ts';

const SHA256 = /^[0-9a-f]{64}$/;

export const VERIFY = {
  usage: 'verify <account/gateway/session> [--digest <sha-256>]',
  about: 'computes the digest of a session again from its events, and compares',
  run: async (args: readonly string[]): Promise<void> => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...CONNECTION_OPTIONS, digest: { type: 'string' } },
    });
    const noted = values.digest?.toLowerCase();
    if (noted !== undefined && !SHA256.test(noted))
      throw new UsageError('--digest must be a SHA-256 in hexadecimal, as GET …/digest answers it.');
    const address = sessionAddress(positionals);
    const connection = connectionOf(values);
    const told = await resultOf<DigestShape>(await call(connection, pathOf(address, '/digest')));
    // A live session has more by now than the digest is over.
    const query = `payload=base64&before=${told.last_seq + 1}`;
    const events = await call(connection, pathOf(address, `/events.ndjson?${query}`));
    const computed = await digestOf(events).catch((error: unknown) => {
      throw new CallError(`The events were not read to their end: ${reasonOf(error)}`);
    });
    compare(computed, told.digest, 'what the deployment says');
    if (noted !== undefined) compare(computed, noted, 'what --digest says');
    process.stdout.write(`${computed}\n${whatItIsOver(told)}\n`);
  },
};

function compare(computed: string, other: string, whose: string): void {
  if (computed === other) return;
  throw new CallError(`They differ. The events have the digest ${computed}; ${whose} is ${other}.`);
}

function whatItIsOver({
  frames,
  bytes,
  complete,
  missing,
  omitted,
  redacted,
  translated,
}: DigestShape): string {
  const over = `the same, over ${frames} frames with ${bytes} bytes`;
  if (complete) return `${over}: all that was relayed`;
  const lacks = [
    missing === null ? 'an unknown number of frames is missing' : told(missing, 'missing'),
    told(omitted, 'without a payload'),
    told(redacted, 'redacted'),
    told(translated, 'translated'),
  ].filter((each) => each !== null);
  return `${over}; NOT all that was relayed: ${lacks.join(', ')}`;
}

function told(count: number, what: string): string | null {
  return count === 0 ? null : `${count} ${what}`;
}

type Line =
  | { readonly kind: 'gap' | 'corrupt' }
  | ({ readonly kind: 'frame'; readonly base64?: string } & DigestedFrame);

async function digestOf({ body }: Response): Promise<string> {
  const hash = createHash('sha256');
  if (body !== null)
    for await (const line of linesOf(body)) {
      // As the API writes them.
      const event = JSON.parse(line) as Line;
      if (event.kind !== 'frame') continue;
      hash.update(digestHead(event)).update(Buffer.from(event.base64 ?? '', 'base64'));
    }
  return hash.digest('hex');
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let parts: string[] = [];
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const [first = '', ...rest] = chunk.split('\n');
    parts.push(first);
    for (const next of rest) {
      yield parts.join('');
      parts = [next];
    }
  }
  // What ends within a line was cut off there.
  if (parts.join('') !== '') throw new Error('the last of them is cut off');
}
