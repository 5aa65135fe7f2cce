/** One scripted client of a realtime session, over a plain WebSocket. */
import WebSocket from 'ws';

export interface RealtimeEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export class Conversation {
  readonly #socket: WebSocket;
  readonly #events: RealtimeEvent[] = [];
  #wake: (() => void) | null = null;
  #closed: { readonly code: number; readonly reason: string } | null = null;
  /** The session's id, from the 101. */
  readonly id: string;

  private constructor(socket: WebSocket, id: string) {
    this.#socket = socket;
    this.id = id;
  }

  /** Rejects with the server's own sentence when the upgrade is refused. */
  static open(url: string, headers: Readonly<Record<string, string>>): Promise<Conversation> {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => reject(new Error(`HTTP ${response.statusCode}: ${body}`)));
      });
      // The first event may come in one packet with the 101, so the listeners are there before it.
      socket.once('upgrade', (response) => {
        const conversation = new Conversation(socket, String(response.headers['parley-session-id']));
        conversation.#listen();
        socket.once('open', () => resolve(conversation));
      });
    });
  }

  send(event: RealtimeEvent): void {
    this.#socket.send(JSON.stringify(event));
  }

  /** The next event of this type; those before it are passed over. Rejects when the socket closes first. */
  async until(type: string): Promise<RealtimeEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event?.type === type) return event;
      if (event !== undefined) continue;
      if (this.#closed !== null)
        throw new Error(`closed with ${this.#closed.code} ${this.#closed.reason} before ${type}`);
      await this.#news();
    }
  }

  async close(): Promise<void> {
    this.#socket.close(1000, 'done');
    await this.closed();
  }

  async closed(): Promise<{ readonly code: number; readonly reason: string }> {
    while (this.#closed === null) await this.#news();
    return this.#closed;
  }

  #listen(): void {
    this.#socket.on('message', (data: Buffer) => {
      this.#events.push(JSON.parse(data.toString()) as RealtimeEvent); // every event of this wire is an object with a type
      this.#wake?.();
    });
    this.#socket.on('close', (code, reason) => {
      this.#closed = { code, reason: reason.toString() };
      this.#wake?.();
    });
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
