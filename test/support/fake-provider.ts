/** A provider that notes what reaches it: upgrades with their frames, and plain requests, which it answers by a script. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import WebSocket, { WebSocketServer } from 'ws';

export interface Arrival {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: WebSocket;
  /** The next text frame from the broker. */
  frame(): Promise<string>;
}

interface Plain {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export class FakeProvider {
  readonly plain: Plain[] = [];
  /** How plain requests are answered; null: never. */
  answer: { readonly status: number; readonly body: string } | null = { status: 200, body: '{}' };
  readonly #server: Server;
  readonly #arrivals = new Queue<Arrival>();

  private constructor() {
    this.#server = createServer((request, response) => {
      this.plain.push({ url: request.url ?? '', headers: request.headers });
      if (this.answer === null) return;
      response.writeHead(this.answer.status, { 'content-type': 'application/json', 'x-internal': 'no' });
      response.end(this.answer.body);
    });
    new WebSocketServer({ server: this.#server }).on('connection', (socket, request) => {
      const frames = new Queue<string>();
      // ws hands text frames over as one Buffer.
      socket.on('message', (data) => frames.put((data as Buffer).toString()));
      this.#arrivals.put({
        url: request.url ?? '',
        headers: request.headers,
        socket,
        frame: () => frames.take(),
      });
    });
  }

  static async listen(): Promise<FakeProvider> {
    const provider = new FakeProvider();
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  /** The next upgrade. */
  next(): Promise<Arrival> {
    return this.#arrivals.take();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item);
  }
}
