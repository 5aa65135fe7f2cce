/** A provider that plays a script over the `ws` library: for whole frames, at any rate. */
import type { IncomingMessage } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';

export interface EchoUpstream {
  readonly url: string;
  close(): void;
}

/**
 * Calls `serve` with each connection and its upgrade; the broker dials `url`.
 *
 * @param admit a handshake is answered when it resolves
 */
export async function wsUpstream(
  serve: (socket: WebSocket, request: IncomingMessage) => void,
  admit: () => Promise<unknown> = () => Promise.resolve(),
): Promise<EchoUpstream> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: false,
    maxPayload: 64 << 20,
    verifyClient: (_info, answer) => void admit().then(() => answer(true)),
  });
  server.on('connection', serve);
  await new Promise<void>((resolve) => {
    server.once('listening', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
