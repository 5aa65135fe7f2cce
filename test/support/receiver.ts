/** An HTTP server that keeps what is posted to it: somebody's webhook, or a collector of traces. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { eventually } from './eventually.ts';
import { freePort } from './parley-process.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves with those that fit, once there are `count` of them. */
  until(count: number, fits?: (request: Received) => boolean): Promise<readonly Received[]>;
  close(): void;
}

/** @param answer the status of the answer to a request; `received` has it already */
export async function startReceiver(
  answer: (request: Received, received: readonly Received[]) => number = () => 204,
  port?: number,
): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const each = { path: request.url ?? '', headers: request.headers, body };
      received.push(each);
      const status = answer(each, received);
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  const used = port ?? (await freePort());
  await new Promise<void>((resolve) => server.listen(used, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${used}`,
    received,
    until: (count, fits = () => true) =>
      eventually(`${count} requests come`, () => {
        const fitting = received.filter(fits);
        return fitting.length < count ? null : fitting;
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
