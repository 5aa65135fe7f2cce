/**
 * A WebSocket that comes back: a drop-in for the standard class, also inside SDKs that take one. It names its session,
 * counts what it receives, and after a loss goes on where it was; the application sees one socket.
 */
import { Continuation } from './continuation.ts';

export { answerTo, type CloseAnswer } from './close-codes.ts';

type Data = string | ArrayBufferLike | ArrayBufferView | Blob;
type Url = string | URL | (() => string | URL | Promise<string | URL>);
/** As the standard has it; not every runtime's types do. */
type BinaryType = 'blob' | 'arraybuffer';
type Handler<E extends Event> = ((event: E) => void) | null;

export interface ParleyWebSocketOptions {
  /** The class of the connections; default: the global one. */
  readonly WebSocket?: typeof WebSocket;
  /** How long it tries to come back, ms: no longer than the session's grace time (`PARLEY_GRACE_SECONDS`, `parley-grace`). */
  readonly graceMs?: number;
  /** Bytes, and characters of text, that are kept while there is no connection. */
  readonly heldMost?: number;
}

const CONTROL_SUBPROTOCOL = 'parley.v1';
const HELD_MOST = 4 * 1024 * 1024;
const GRACE_MS = 120_000;
const FIRST_MS = 500;
const MOST_MS = 10_000;
/** An attempt that was not let in by then has failed: it may hang for ever. */
const ATTEMPT_MS = 10_000;
/** A network can go without a word. The server's runtime answers this text by itself, without waking a session at rest. */
const PING = '{"type":"parley.ping"}';
const PING_MS = 25_000;
const PONG_MS = 8000;
/** Of ours: what was sent without a connection is more than is kept. */
const HELD_TOO_MUCH = 4413;

export class ParleyWebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  onopen: Handler<Event> = null;
  onmessage: Handler<MessageEvent> = null;
  onerror: Handler<Event> = null;
  onclose: Handler<CloseEvent> = null;
  readonly extensions = '';
  protocol = '';
  readyState: 0 | 1 | 2 | 3 = 0;
  readonly #url: Url;
  readonly #protocols: readonly string[];
  readonly #options: Required<ParleyWebSocketOptions>;
  readonly #continuation: Continuation;
  #binaryType: BinaryType = 'blob';
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Of the connection of now: until it is let in, and then from ping to ping. */
  #watch: ReturnType<typeof setTimeout> | null = null;
  readonly #names = { 'parley-session': `s-${randomName()}`, 'parley-client': `c-${randomName()}` };
  #held: Data[] = [];
  #heldSize = 0;
  /** Frames of a connection that was not let in yet: a refusal says why before it closes. */
  #early: unknown[] = [];
  /** Why the connection went that it tries to replace. */
  #loss: { readonly code: number; readonly reason: string } | null = null;

  /** @param url where to connect, or a function that is asked at each attempt, such as for a fresh token */
  constructor(url: Url, protocols: string | readonly string[] = [], options: ParleyWebSocketOptions = {}) {
    super();
    this.#url = url;
    this.#protocols = typeof protocols === 'string' ? [protocols] : protocols;
    this.#options = {
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      graceMs: options.graceMs ?? GRACE_MS,
      heldMost: options.heldMost ?? HELD_MOST,
    };
    const { graceMs } = this.#options;
    this.#continuation = new Continuation({ graceMs, firstMs: FIRST_MS, mostMs: MOST_MS });
    // Listeners, as the standard's are: an event has its target, and one that throws harms no other.
    this.addEventListener('open', (event) => this.onopen?.(event));
    this.addEventListener('message', (event) => this.onmessage?.(event as MessageEvent));
    this.addEventListener('error', (event) => this.onerror?.(event));
    this.addEventListener('close', (event) => this.onclose?.(event as CloseEvent));
    void this.#connect();
  }

  get url(): string {
    return this.#socket?.url ?? '';
  }

  get bufferedAmount(): number {
    return this.#heldSize + (this.#socket?.bufferedAmount ?? 0);
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    this.#binaryType = type;
    if (this.#socket !== null) this.#socket.binaryType = type;
  }

  /** Sends, or keeps it until there is a connection again. Throws while the first one is not open, as the standard class does. */
  send(data: Data): void {
    if (this.readyState === this.CONNECTING) throw new DOMException('not open yet', 'InvalidStateError');
    if (this.readyState !== this.OPEN) return;
    if (this.#continuation.joined && this.#socket?.readyState === this.OPEN) {
      // The standard takes any buffer; the compiler's type of it is narrower.
      this.#socket.send(data as string);
      return;
    }
    // Its owner may use the memory again.
    this.#held.push(copyOf(data));
    this.#heldSize += sizeOf(data);
    if (this.#heldSize > this.#options.heldMost)
      this.#over(HELD_TOO_MUCH, `more than ${this.#options.heldMost} were sent without a connection`);
  }

  close(code?: number, reason?: string): void {
    if (this.readyState >= this.CLOSING) return;
    if (this.#timer !== null || this.#socket === null) {
      this.#over(code ?? 1005, reason ?? '');
      return;
    }
    this.readyState = this.CLOSING;
    this.#socket.close(code, reason);
  }

  async #connect(): Promise<void> {
    this.#timer = null;
    try {
      const url = new URL(await (typeof this.#url === 'function' ? this.#url() : this.#url));
      if (this.readyState >= this.CLOSING) return;
      for (const [name, value] of Object.entries(this.#names))
        if (!url.searchParams.has(name)) url.searchParams.set(name, value);
      for (const [name, value] of Object.entries(this.#continuation.parameters()))
        url.searchParams.set(name, value);
      const socket = new this.#options.WebSocket(url, [...this.#protocols, CONTROL_SUBPROTOCOL]);
      socket.binaryType = this.#binaryType;
      this.#socket = socket;
      this.#early = [];
      socket.addEventListener('open', () => {
        const isOurs =
          socket.protocol === CONTROL_SUBPROTOCOL && !this.#protocols.includes(CONTROL_SUBPROTOCOL);
        this.protocol = isOurs ? '' : socket.protocol;
      });
      socket.addEventListener('message', ({ data }) => {
        if (socket === this.#socket) this.#message(data);
      });
      // A close follows, with a code or 1006.
      socket.addEventListener('error', () => undefined);
      socket.addEventListener('close', ({ code, reason }) => {
        if (socket === this.#socket) this.#closed(code, reason);
      });
      this.#watchFor(ATTEMPT_MS, () => this.#giveUp());
    } catch (error) {
      this.dispatchEvent(new ErrorEventOf(error));
      this.#over(1006, '');
    }
  }

  #message(data: unknown): void {
    const wasIn = this.#continuation.joined;
    const frame = this.#continuation.frame(data);
    if (this.#continuation.joined) this.#watchFor(PING_MS, () => this.#ping());
    if (frame.kind === 'control') {
      if (!wasIn && this.#continuation.joined) this.#joined();
      this.dispatchEvent(new MessageEvent('parley', { data: frame.message }));
    } else if (wasIn) {
      this.dispatchEvent(new MessageEvent('message', { data }));
    } else {
      this.#early.push(data);
    }
  }

  #joined(): void {
    this.#loss = null;
    const held = this.#held;
    this.#held = [];
    this.#heldSize = 0;
    if (this.readyState === this.CONNECTING) {
      this.readyState = this.OPEN;
      this.dispatchEvent(new Event('open'));
    }
    for (const data of held) this.send(data);
  }

  /** Nothing came for a while: is anybody there? */
  #ping(): void {
    this.#socket?.send(PING);
    this.#watchFor(PONG_MS, () => this.#giveUp());
  }

  #watchFor(ms: number, due: () => void): void {
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.#watch = setTimeout(due, ms);
  }

  /** The connection is as good as lost, and may never say so. */
  #giveUp(): void {
    this.#socket?.close();
    this.#closed(1006, '');
  }

  #closed(code: number, reason: string): void {
    this.#socket = null;
    if (this.#watch !== null) clearTimeout(this.#watch);
    const verdict =
      this.readyState === this.CLOSING
        ? ({ again: false } as const)
        : this.#continuation.closed(code, performance.now(), Math.random());
    if (verdict.again) {
      this.#loss ??= { code, reason };
      this.#timer = setTimeout(() => void this.#connect(), verdict.waitMs);
      return;
    }
    // What a refusal says is news only to who was never in.
    if (!this.#continuation.everJoined) {
      for (const data of this.#early) this.dispatchEvent(new MessageEvent('message', { data }));
      this.dispatchEvent(new Event('error'));
    }
    this.#over(this.#loss?.code ?? code, this.#loss?.reason || reason);
  }

  #over(code: number, reason: string): void {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    if (this.#watch !== null) clearTimeout(this.#watch);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#held = [];
    this.#socket?.close();
    this.#socket = null;
    this.dispatchEvent(new CloseEventOf(code, reason));
  }
}

/** Node has no CloseEvent of its own before 23. */
class CloseEventOf extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(code: number, reason: string) {
    super('close');
    this.code = code;
    this.reason = reason;
    this.wasClean = code !== 1006;
  }
}

class ErrorEventOf extends Event {
  readonly error: unknown;

  constructor(error: unknown) {
    super('error');
    this.error = error;
  }
}

function sizeOf(data: Data): number {
  if (typeof data === 'string') return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
}

function copyOf(data: Data): Data {
  if (typeof data === 'string' || data instanceof Blob) return data;
  if (!ArrayBuffer.isView(data)) return data.slice(0);
  return new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

/** `randomUUID` is there in secure contexts alone; this everywhere. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
