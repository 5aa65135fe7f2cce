/** Commands that print the events of a session as they come. */
import { parseArgs } from 'node:util';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import {
  call,
  type Connection,
  CONNECTION_OPTIONS,
  connectionOf,
  pathOf,
  reasonOf,
  sessionAddress,
} from '../connection.ts';
import { type Event, eventLine } from '../event-line.ts';
import { CallError, UnreachableError } from '../usage-error.ts';

/** @param names options that go into the query of `path`, which answers with server-sent events */
export function following(
  path: string,
  names: readonly string[],
): (args: readonly string[]) => Promise<void> {
  return async (args) => {
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
    const query = new URLSearchParams();
    for (const name of names) if (given[name] !== undefined) query.set(name, given[name]);
    const connection = connectionOf({ url: given['url'], token: given['token'] });
    const address = sessionAddress(positionals);
    await print(connection, pathOf(address, `${path}?${query.toString()}`), values.json === true);
  };
}

/** Connections in a row on which nothing came, after which it is given up. */
const TRIES = 5;

/**
 * A stream that is cut goes on behind the last event that came.
 *
 * @param asJson each event as the API writes it, one a line
 */
async function print(connection: Connection, path: string, asJson: boolean): Promise<void> {
  const stream: Stream = { lastEventId: null, retryMs: 2000, heard: false, isOver: false };
  for (let left = TRIES; ; left -= 1) {
    stream.heard = false;
    const why = await printSome(connection, path, asJson, stream);
    if (stream.isOver) return;
    if (stream.heard) left = TRIES;
    if (left <= 1)
      throw new CallError(`The stream broke off before its end (${why}). Run it again, with --after.`);
    await new Promise((resolve) => {
      setTimeout(resolve, stream.retryMs);
    });
  }
}

interface Stream {
  lastEventId: string | null;
  /** How soon to come back, as the server says. */
  retryMs: number;
  /** On this connection something came. */
  heard: boolean;
  /** The session has ended, and all of it is printed. */
  isOver: boolean;
}

/** Resolves with why the connection ended. */
async function printSome(
  connection: Connection,
  path: string,
  asJson: boolean,
  stream: Stream,
): Promise<string> {
  const { lastEventId } = stream;
  const isFirst = lastEventId === null;
  const headers = {
    accept: 'text/event-stream',
    ...(isFirst ? {} : { 'last-event-id': lastEventId }),
  };
  try {
    const response = await call(connection, path, { headers });
    // Whoever comes back is told so that there is no more.
    stream.isOver = response.body === null;
    if (response.body === null) return '';
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ onRetry: (ms) => (stream.retryMs = ms) }));
    for await (const { event, data, id } of events) {
      stream.heard = true;
      stream.lastEventId = id ?? stream.lastEventId;
      stream.isOver = event === 'end';
      printEvent(event, data, asJson);
    }
    return 'it was closed';
  } catch (error) {
    // A refusal is one the next time too.
    if (error instanceof CallError && !(error instanceof UnreachableError && !isFirst)) throw error;
    return reasonOf(error);
  }
}

function printEvent(event: string | undefined, data: string, asJson: boolean): void {
  // Each is one event of the log, or the end.
  const body = JSON.parse(data) as Event;
  if (asJson)
    process.stdout.write(`${event === undefined ? data : JSON.stringify({ kind: event, ...body })}\n`);
  else process.stdout.write(`${eventLine(event === 'end' ? { kind: 'end', ...body } : body)}\n`);
}
