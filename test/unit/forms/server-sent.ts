/** A stream of server-sent events, read by a parser that is not ours. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { LoggedEvent } from '../../../storage/events.ts';

export class ServerSent {
  readonly events: LoggedEvent[] = [];
  /** The last that was told: from there a browser goes on. */
  lastEventId: string | null = null;
  /** What the stream said of its end; null: nothing so far. */
  end: unknown = null;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #parser = createParser({ onEvent: (event) => this.#on(event) });
  readonly #decoder = new TextDecoder();
  readonly #told: (event: LoggedEvent) => void;

  constructor(response: Response, told: (event: LoggedEvent) => void = () => undefined) {
    if (response.body === null) throw new Error(`no stream: ${response.status}`);
    this.#reader = response.body.getReader();
    this.#told = told;
  }

  /** Resolves once so many events have come, or all. */
  async until(count: number): Promise<this> {
    while (this.events.length < count && this.end === null) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      this.#parser.feed(this.#decoder.decode(value, { stream: true }));
    }
    return this;
  }

  whole(): Promise<this> {
    return this.until(Infinity);
  }

  /** The browser has lost it. */
  drop(): void {
    void this.#reader.cancel().catch(() => undefined);
  }

  #on({ id, event, data }: EventSourceMessage): void {
    this.lastEventId = id ?? this.lastEventId;
    if (event === 'end') {
      this.end = JSON.parse(data);
      return;
    }
    const told: LoggedEvent = JSON.parse(data);
    this.events.push(told);
    this.#told(told);
  }
}
