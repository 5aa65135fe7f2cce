/** What the broker says itself: to a provider while no client is there to, or before its socket is closed; and for it. */
import type { ConnectRequest, Payload } from '../protocol/connect.ts';
import type { Outgoing, ProviderAdapter, Sender } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import type { Client, Roster } from './roster.ts';
import type { SharedSocket } from './shared-socket.ts';
import type { Wire } from './wire.ts';

export class OwnFrames {
  readonly #adapter: ProviderAdapter;
  readonly #wire: Wire;
  readonly #books: Bookkeeping;
  readonly #roster: Roster;
  readonly #relayDown: (payload: Payload, now: number) => void;
  readonly #shared: SharedSocket;
  readonly #every: { readonly ms: number; readonly payload: Payload } | null;
  /** A frame of which the provider takes only the first has come. */
  onceSent = false;

  constructor(
    adapter: ProviderAdapter,
    request: ConnectRequest,
    {
      wire,
      books,
      roster,
      relayDown,
      shared,
    }: {
      readonly wire: Wire;
      readonly books: Bookkeeping;
      readonly roster: Roster;
      /** To every client, as a frame of the upstream that is read already. */
      readonly relayDown: (payload: Payload, now: number) => void;
      readonly shared: SharedSocket;
    },
  ) {
    this.#adapter = adapter;
    this.#wire = wire;
    this.#books = books;
    this.#roster = roster;
    this.#relayDown = relayDown;
    this.#shared = shared;
    this.#every = adapter.unattended?.every?.(request) ?? null;
  }

  /** True for a frame that does not go up, because its sender gets the answer from here. */
  answersFor(client: Client, payload: Payload): boolean {
    return (
      this.#isRepeated(client, payload) ||
      this.#shared.takes(client, payload) ||
      // Before its role forbids it: what need not go up is no offence.
      (client.role === 'speaker' && this.#shared.drops(client, payload))
    );
  }

  /** Of a kind of which the provider takes only the first, and has. */
  #isRepeated(client: Client, payload: Payload): boolean {
    const { once } = this.#adapter;
    if (once === undefined || !once.matches(payload)) return false;
    if (!this.onceSent) {
      // Others may not set the session up: their frame goes nowhere.
      this.onceSent = client.role === 'controller';
      return false;
    }
    if (once.answer !== null) this.#shared.answer(client, once.answer);
    return true;
  }

  /** Answers a frame of the provider while no client is there to. */
  answer(payload: Payload, now: number): void {
    if (this.#roster.size === 0) this.#send(this.#adapter.unattended?.answer?.(payload) ?? null, now);
  }

  /** The time has come to show the provider that somebody is there. */
  keepAlive(now: number): void {
    if (this.#roster.size === 0) this.#send(this.#every?.payload ?? null, now);
    this.keepAliveLater(now);
  }

  keepAliveLater(now: number): void {
    if (this.#every !== null && this.#roster.size === 0)
      this.#wire.setDeadline('keepalive', now + this.#every.ms);
  }

  /** Tells the provider that its socket will be closed here, where it wants to know; true when it was told. */
  bidFarewell(now: number): boolean {
    const payload = this.#books.farewell();
    return this.#send(payload, now, payload);
  }

  /** What the adapter has both sides told. */
  deliver({ upstream, clients }: Outgoing, now: number): void {
    for (const payload of upstream) this.#send(payload, now);
    for (const payload of clients) this.#relayDown(payload, now);
  }

  /** @param read what the adapter is to read of it */
  #send(payload: Payload | null, at: number, read: Payload | null = null): boolean {
    if (payload === null || !this.#wire.toUpstream(payload)) return false;
    this.#books.relayed({ direction: 'up', client: 0, from: BROKER, payload, read, translated: false, at });
    return true;
  }
}

/** It speaks as a client does, and is none. */
const BROKER: Sender = { side: 'client', client: 'parley' };
