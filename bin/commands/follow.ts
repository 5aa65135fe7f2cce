/** Server-sent events of a session, printed as they come. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { call, type Connection } from '../connection.ts';
import { type Event, eventLine } from '../event-line.ts';

/** @param asJson each event as the API writes it, one a line */
export async function follow(connection: Connection, path: string, asJson: boolean): Promise<void> {
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
