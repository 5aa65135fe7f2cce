/** The hot path, both ways: a frame goes out first, untouched; what is noted of it comes after. */
import type { Payload } from '../protocol/connect.ts';
import type { ProviderAdapter, Sender } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import type { FlowControl } from './flow-control.ts';
import type { Client, Roster } from './roster.ts';
import type { SharedSocket } from './shared-socket.ts';
import type { Wire } from './wire.ts';

const UPSTREAM: Sender = { side: 'upstream' };

export class Relay {
  readonly #adapter: ProviderAdapter;
  readonly #wire: Wire;
  readonly #roster: Roster;
  readonly #flow: FlowControl;
  readonly #books: Bookkeeping;
  readonly #shared: SharedSocket;
  readonly #isOver: () => boolean;

  /** @param isOver whether the session has ended: cutting a slow client may do that in the middle of a frame */
  constructor(
    adapter: ProviderAdapter,
    wire: Wire,
    parts: {
      readonly roster: Roster;
      readonly flow: FlowControl;
      readonly books: Bookkeeping;
      readonly shared: SharedSocket;
    },
    isOver: () => boolean,
  ) {
    this.#adapter = adapter;
    this.#wire = wire;
    this.#roster = parts.roster;
    this.#flow = parts.flow;
    this.#books = parts.books;
    this.#shared = parts.shared;
    this.#isOver = isOver;
  }

  /** From a client to the upstream. False when the upstream is not open any more: nothing was sent. */
  up(client: Client, payload: Payload, at: number): boolean {
    const instead = this.#shared.up(client, payload);
    if (instead === null) return this.#send(client, payload, payload, at);
    const [only] = instead;
    // The log has what the client sent; where that became several frames, it has those.
    if (only !== undefined && instead.length === 1) return this.#send(client, payload, only, at);
    return instead.every((each) => this.#send(client, each, each, at));
  }

  /** @param original what the client sent */
  #send(client: Client, original: Payload, payload: Payload, at: number): boolean {
    const keys = this.#adapter.withoutKeys?.(payload, (text) => this.#wire.isGatewayToken(text)) ?? null;
    const sent = keys?.up ?? payload;
    const own = client.translation === null ? sent : client.translation.toUpstream(sent);
    if (own !== null) {
      if (!this.#wire.toUpstream(own)) return false;
      this.#flow.sentUp(own, at);
    }
    this.#books.relayed({
      direction: 'up',
      client: client.number,
      from: client.sender,
      payload: keys?.log ?? original,
      read: keys?.log ?? own,
      translated: own !== original || keys !== null,
      at,
    });
    return true;
  }

  /**
   * To every client, or to the one whose it is, as a frame of the upstream.
   *
   * @param read what the adapter is to read of it; null when it has already
   */
  down(payload: Payload, read: Payload | null, at: number): void {
    let translated = false;
    const addressed = this.#shared.down(payload);
    for (const client of this.#roster.all()) {
      const sent = this.#shared.for(client, payload, addressed);
      if (sent === null || !this.#flow.keepsUp(client, sent, at)) continue;
      if (client.translation === null) {
        this.#wire.toClient(client.number, sent);
        continue;
      }
      translated = true;
      const own = client.translation.toClient(sent);
      if (own !== null) this.#wire.toClient(client.number, own);
    }
    if (this.#isOver()) return;
    this.#flow.sentDown(at);
    this.#books.relayed({
      direction: 'down',
      client: addressed?.to ?? 0,
      from: UPSTREAM,
      payload,
      read,
      translated: translated || (addressed !== null && addressed.own !== payload),
      ...(addressed === null ? {} : { own: addressed.own }),
      at,
    });
  }
}
