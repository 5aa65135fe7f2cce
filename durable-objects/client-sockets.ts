/** The client side: hibernatable sockets, each with its client's number in its attachment. */
import { type CloseFrame, isSendableCode } from '../protocol/close-codes.ts';
import type { Payload, Role } from '../protocol/connect.ts';
import { type Attachment, readAttachment } from './attachment.ts';
import { unsentBytes } from './unsent-bytes.ts';

/** Answered by the runtime without waking the object. Text only (measured 2026-10-23), and never a provider's frame. */
export const PING = '{"type":"parley.ping"}';
const PONG = '{"type":"parley.pong"}';

export class ClientSockets {
  readonly #ctx: DurableObjectState;
  readonly #sockets = new Map<number, WebSocket>();
  /** Who has which socket; reading the attachment for every frame would be ten times slower (measured 2026-11-25). */
  readonly #numbers = new WeakMap<WebSocket, number>();
  #allGone: (() => void) | null = null;
  #broken = false;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  /** Takes a client in and returns the end that goes into its 101 answer. */
  accept(attachment: Attachment): WebSocket {
    const pair = new WebSocketPair();
    this.#ctx.acceptWebSocket(pair[1], ['client', `client:${attachment.client}`]);
    pair[1].serializeAttachment(attachment);
    this.again(attachment.client, pair[1]);
    return pair[0];
  }

  /** Takes up a socket that outlived the object before. */
  again(client: number, socket: WebSocket): void {
    this.#sockets.set(client, socket);
    this.#numbers.set(socket, client);
  }

  /**
   * The client's number, or null for a socket that is nobody's: of another instance, or of a life of this session that is
   * over. Clients are numbered anew in each life, so the number alone would name a client of the next one.
   */
  clientOf(socket: WebSocket): number | null {
    const number = this.#numbers.get(socket);
    return number !== undefined && this.#sockets.get(number) === socket ? number : null;
  }

  /** Unsent bytes, where the runtime tells them. */
  unsent(client: number): number | undefined {
    return unsentBytes(this.#sockets.get(client));
  }

  /** When the client last sent the runtime-answered ping (ms since the epoch), or null. */
  lastPing(client: number): number | null {
    const socket = this.#sockets.get(client);
    if (socket === undefined) return null;
    return this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? null;
  }

  send(client: number, payload: Payload): void {
    try {
      this.#sockets.get(client)?.send(payload);
    } catch {
      // Its connection failed a moment ago: the event that says so is on its way.
    }
  }

  /** The role that its socket carries from now on. */
  assign(client: number, role: Role): void {
    const socket = this.#sockets.get(client);
    const attachment = socket === undefined ? null : readAttachment(socket);
    if (attachment !== null) socket?.serializeAttachment({ ...attachment, role } satisfies Attachment);
  }

  close(client: number, frame: CloseFrame): void {
    const socket = this.#sockets.get(client);
    if (socket !== undefined) closeSocket(socket, frame);
  }

  /** The client closed, or its answer to our Close came: the handshake is complete. */
  gone(client: number): void {
    this.#sockets.delete(client);
    if (this.#sockets.size === 0) this.#allGone?.();
  }

  /** The socket failed: the runtime holds on to it until the object lets go. */
  broke(client: number): void {
    this.#broken = true;
    this.gone(client);
  }

  /** Resolves when the last closing handshake is over, at the latest after `waitMs`. */
  allGone(waitMs: number): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#allGone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** True while there are sockets that only the end of this object would end. */
  get linger(): boolean {
    return this.#broken || this.#sockets.size > 0;
  }
}

/**
 * Answers a client's Close: under the hibernation API the runtime leaves that to us, and a client without an answer
 * waits for its own timeout (measured 2026-10-23).
 */
export function answerClose(socket: WebSocket, code: number, reason: string): void {
  closeSocket(socket, isSendableCode(code) ? { code, reason } : null);
}

/** Without a frame the Close carries no code, as the other side's did. */
function closeSocket(socket: WebSocket, frame: CloseFrame | null): void {
  try {
    if (frame === null) socket.close();
    else socket.close(frame.code, frame.reason);
  } catch {
    // Closed from both sides at once: the socket is what we wanted it to be.
  }
}
