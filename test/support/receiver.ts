/** An HTTP server that keeps what is posted to it: somebody's webhook, or a collector of traces. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { freePort } from './parley-process.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves with those that fit, once there are `count` of them; rejects after 20 s. */
  until(count: number, fits?: (request: Received) => boolean): Promise<readonly Received[]>;
  close(): void;
}

const PATIENCE_MS = 20_000;
const LOOK_MS = 20;

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
    until: async (count, fits = () => true) => {
      const end = Date.now() + PATIENCE_MS;
      while (received.filter(fits).length < count) {
        if (Date.now() > end)
          throw new Error(`${received.filter(fits).length} of ${count} came; in all ${received.length}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return received.filter(fits);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
