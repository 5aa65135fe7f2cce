/** Commands that print the events of a session as they come. */
import { parseArgs } from 'node:util';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import {
  call,
  type Connection,
  CONNECTION_OPTIONS,
  connectionOf,
  pathOf,
  sessionAddress,
} from '../connection.ts';
import { type Event, eventLine } from '../event-line.ts';

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
    const address = sessionAddress(positionals[0]);
    await print(connection, pathOf(address, `${path}?${query.toString()}`), values.json === true);
  };
}

/** @param asJson each event as the API writes it, one a line */
async function print(connection: Connection, path: string, asJson: boolean): Promise<void> {
  const response = await call(connection, path, { headers: { accept: 'text/event-stream' } });
  if (response.body === null) return;
  const events = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of events) {
    // Each is one event of the log, or the end.
    const body = JSON.parse(data) as Event;
    if (asJson)
      process.stdout.write(`${event === undefined ? data : JSON.stringify({ kind: event, ...body })}\n`);
    else process.stdout.write(`${eventLine(event === 'end' ? { kind: 'end', ...body } : body)}\n`);
  }
}
