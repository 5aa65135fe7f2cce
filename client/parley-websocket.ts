/**
 * A WebSocket that comes back: a drop-in for the standard class, also inside SDKs that take one. It names its session,
 * counts what it receives, and after a loss goes on where it was; the application sees one socket.
 */
import { Continuation } from './continuation.ts';

type Data = string | ArrayBufferLike | ArrayBufferView | Blob;
type Url = string | URL | (() => string | URL | Promise<string | URL>);
/** As the standard has it; not every runtime's types do. */
type BinaryType = 'blob' | 'arraybuffer';
type Handler = ((event: Event) => void) | null;

export interface ParleyWebSocketOptions {
  /** The class of the connections; default: the global one. */
  readonly WebSocket?: typeof WebSocket;
  /** How long it tries to come back, ms; the deployment's `PARLEY_GRACE_SECONDS` unless the URL has `parley-grace`. */
  readonly graceMs?: number;
  /** Bytes or characters that are kept while there is no connection. */
  readonly heldMost?: number;
}

const CONTROL_SUBPROTOCOL = 'parley.v1';
const HELD_MOST = 4 * 1024 * 1024;
const GRACE_MS = 120_000;
const FIRST_MS = 500;
const MOST_MS = 10_000;
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
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
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
    const named = typeof url === 'function' ? null : new URL(url).searchParams.get('parley-session');
    this.#continuation = new Continuation({
      session: named ?? `s-${crypto.randomUUID()}`,
      client: `c-${crypto.randomUUID()}`,
      graceMs: this.#options.graceMs,
      firstMs: FIRST_MS,
      mostMs: MOST_MS,
    });
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
    this.#held.push(data);
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
      for (const [name, value] of Object.entries(this.#continuation.parameters()))
        url.searchParams.set(name, value);
      const socket = new this.#options.WebSocket(url, [...this.#protocols, CONTROL_SUBPROTOCOL]);
      socket.binaryType = this.#binaryType;
      this.#socket = socket;
      this.#early = [];
      socket.addEventListener('open', () => (this.protocol = socket.protocol));
      socket.addEventListener('message', ({ data }) => this.#message(data));
      // A close follows, with a code or 1006.
      socket.addEventListener('error', () => undefined);
      socket.addEventListener('close', ({ code, reason }) => this.#closed(code, reason));
    } catch (error) {
      this.#emit(new ErrorEventOf(error));
      this.#over(1006, '');
    }
  }

  #message(data: unknown): void {
    const wasIn = this.#continuation.joined;
    const frame = this.#continuation.frame(data);
    if (frame.kind === 'control') {
      this.#emit(new MessageEvent('parley', { data: frame.message }));
      if (!wasIn && this.#continuation.joined) this.#joined();
    } else if (wasIn) {
      this.#emit(new MessageEvent('message', { data }));
    } else {
      this.#early.push(data);
    }
  }

  #joined(): void {
    this.#loss = null;
    if (this.readyState === this.CONNECTING) {
      this.readyState = this.OPEN;
      this.#emit(new Event('open'));
    }
    const held = this.#held;
    this.#held = [];
    this.#heldSize = 0;
    for (const data of held) this.send(data);
  }

  #closed(code: number, reason: string): void {
    this.#socket = null;
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
    if (!this.#continuation.everJoined)
      for (const data of this.#early) this.#emit(new MessageEvent('message', { data }));
    if (!this.#continuation.everJoined) this.#emit(new Event('error'));
    this.#over(this.#loss?.code ?? code, this.#loss?.reason ?? reason);
  }

  #over(code: number, reason: string): void {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#held = [];
    this.#socket?.close();
    this.#socket = null;
    this.#emit(new CloseEventOf(code, reason));
  }

  #emit(event: Event): void {
    const handlers: Readonly<Record<string, Handler>> = {
      open: this.onopen,
      message: this.onmessage,
      error: this.onerror,
      close: this.onclose,
    };
    handlers[event.type]?.call(this, event);
    this.dispatchEvent(event);
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
