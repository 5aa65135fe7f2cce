/** The session's side of the control channel: who gets which message. */
import type { Payload } from '../protocol/connect.ts';
import type { ControlMessage, MessageOf } from '../protocol/control-down.ts';
import { type ErrorCode, publicError } from '../protocol/errors.ts';
import { dollars } from '../protocol/money.ts';
import { isCostComplete, type Totals } from '../protocol/recording.ts';
import type { Floor, FloorEvent } from './floor.ts';
import type { Limits } from './limits.ts';
import { type Client, clientName, type Roster } from './roster.ts';
import type { Wire } from './wire.ts';

export class ControlChannel {
  readonly #roster: Roster;
  readonly #wire: Pick<Wire, 'toClient'>;
  readonly #floor: Floor;
  readonly #limits: MessageOf<'parley.session.joined'>['limits'];
  #toldUsage = '';

  constructor(
    roster: Roster,
    wire: Pick<Wire, 'toClient'>,
    floor: Floor,
    {
      frameBytes,
      controlBytes,
      maxClients,
    }: Pick<Limits, 'frameBytes' | 'controlBytes'> & { readonly maxClients: number },
  ) {
    this.#roster = roster;
    this.#wire = wire;
    this.#floor = floor;
    this.#limits = { clients: maxClients, frame_bytes: frameBytes, control_message_bytes: controlBytes };
  }

  /** Whether anybody listens here. */
  get isHeard(): boolean {
    return this.#roster.all().some(({ control }) => control > 0);
  }

  /** Before any other frame. */
  joined(
    client: Client,
    about: Pick<MessageOf<'parley.session.joined'>, 'session' | 'phase' | 'received' | 'epoch'>,
  ): void {
    if (client.control === 0) return;
    const { mode, holder, waiting } = this.#floor;
    this.#send(client.number, {
      type: 'parley.session.joined',
      ...shape(client),
      ...about,
      clients: this.#roster.all().map(shape),
      floor: { mode, holder: holder === null ? null : nameOf(holder), waiting: waiting.map(nameOf) },
      limits: this.#limits,
    });
  }

  clientJoined(client: Client): void {
    this.tell({ type: 'parley.client.joined', ...shape(client) }, client.number);
  }

  clientLeft(client: Client, code: number, reason: string): void {
    this.tell({ type: 'parley.client.left', client: nameOf(client.number), code, reason });
  }

  phase(phase: string, after: string | null): void {
    this.tell({ type: 'parley.session.phase', phase, after });
  }

  /** @param to the one client that misses them; null: all do */
  gap(gap: Omit<MessageOf<'parley.session.gap'>, 'type'>, to: Client | null): void {
    for (const { number, control } of to === null ? this.#roster.all() : [to])
      if (control > 0) this.#send(number, { type: 'parley.session.gap', ...gap });
  }

  /** Upstream frames that count for a client without having reached it; negative: those that reached it and do not count. */
  counted({ number, control }: Client, frames: number): void {
    if (control > 0 && frames !== 0) this.#send(number, { type: 'parley.session.counted', frames });
  }

  /** @param withinMs 0: the sockets are closed right after */
  ending(reason: string, withinMs: number): void {
    this.tell({ type: 'parley.session.ending', reason, within_ms: withinMs });
  }

  /** When they are others than those that were told last. */
  usage(totals: Totals): void {
    const message = {
      type: 'parley.usage',
      cost_usd: totals.cost_nano === null ? null : dollars(totals.cost_nano),
      cost_complete: isCostComplete(totals, null),
      responses: totals.responses,
      audio_in_ms: totals.audio_in_ms,
      audio_out_ms: totals.audio_out_ms,
      response: { ...totals.response },
      transcription: { ...totals.transcription },
    } satisfies ControlMessage;
    const text = JSON.stringify(message);
    if (text === this.#toldUsage) return;
    this.#toldUsage = text;
    for (const { number, control } of this.#roster.all()) if (control > 0) this.#wire.toClient(number, text);
  }

  floor(event: FloorEvent): void {
    const client = nameOf(event.client);
    switch (event.kind) {
      case 'granted':
        this.tell({ type: 'parley.floor.granted', client, by: event.by === null ? null : nameOf(event.by) });
        return;
      case 'requested':
        this.tell({ type: 'parley.floor.requested', client, waiting: this.#floor.waiting.map(nameOf) });
        return;
      case 'released':
        this.tell({ type: 'parley.floor.released', client, reason: event.reason });
    }
  }

  /** To those of the other clients that asked for what each sends. */
  mirror(
    from: Client,
    payload: Payload,
    at: number,
    mayGet: (client: Client, text: string) => boolean,
  ): void {
    const content = typeof payload === 'string' ? { text: payload } : { base64: base64(payload) };
    const message = {
      type: 'parley.client.frame',
      client: nameOf(from.number),
      at: new Date(at).toISOString(),
    } as const;
    const text = JSON.stringify({ ...message, ...content } satisfies ControlMessage);
    for (const client of this.#roster.all())
      if (client.control > 1 && client !== from && mayGet(client, text))
        this.#wire.toClient(client.number, text);
  }

  /** Says that what a client sent was not done. */
  refuse(
    { number }: Client,
    code: ErrorCode,
    values: Readonly<Record<string, string>> = {},
    about: { readonly field?: string | null; readonly id?: string | null } = {},
  ): void {
    const { field = null, id = null } = about;
    this.#send(number, {
      type: 'parley.error',
      code,
      message: publicError(code, values).message,
      ...(field === null ? {} : { field }),
      ...(id === null ? {} : { re: id }),
    });
  }

  pong({ number }: Client): void {
    this.#send(number, { type: 'parley.pong' });
  }

  /** To everybody who asked for the channel. */
  tell(message: ControlMessage, except: number | null = null): void {
    const listeners = this.#roster.all().filter(({ number, control }) => control > 0 && number !== except);
    if (listeners.length === 0) return;
    const text = JSON.stringify(message);
    for (const { number } of listeners) this.#wire.toClient(number, text);
  }

  #send(client: number, message: ControlMessage): void {
    this.#wire.toClient(client, JSON.stringify(message));
  }
}

/** Every client has one. */
function nameOf(number: number): string {
  return clientName(number) ?? '';
}

function shape({ number, name, role }: Client) {
  return { client: nameOf(number), name, role };
}

const CHUNK = 8192;

function base64(payload: ArrayBuffer): string {
  const bytes = new Uint8Array(payload);
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK)
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(binary);
}
