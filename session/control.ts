/** The session's side of the control channel: who gets which message. */
import type { Payload } from '../protocol/connect.ts';
import { type ControlMessage, isControlFrame } from '../protocol/control.ts';
import { publicError } from '../protocol/errors.ts';
import { type Client, clientName, type Roster } from './roster.ts';
import type { Wire } from './wire.ts';

export class ControlChannel {
  readonly #roster: Roster;
  readonly #wire: Pick<Wire, 'toClient'>;

  constructor(roster: Roster, wire: Pick<Wire, 'toClient'>) {
    this.#roster = roster;
    this.#wire = wire;
  }

  /** Before any other frame. */
  joined(
    { number, role, control }: Client,
    about: Pick<
      Extract<ControlMessage, { type: 'parley.session.joined' }>,
      'session' | 'phase' | 'received' | 'epoch'
    >,
  ): void {
    if (!control) return;
    const client = clientName(number) ?? '';
    this.#send(number, { type: 'parley.session.joined', client, role, clients: this.#roster.size, ...about });
  }

  phase(phase: string, after: string | null): void {
    for (const { number, control } of this.#roster.all())
      if (control) this.#send(number, { type: 'parley.session.phase', phase, after });
  }

  /** @param to the one client that misses them; null: all do */
  gap(gap: Omit<Extract<ControlMessage, { type: 'parley.session.gap' }>, 'type'>, to: Client | null): void {
    for (const { number, control } of to === null ? this.#roster.all() : [to])
      if (control) this.#send(number, { type: 'parley.session.gap', ...gap });
  }

  /** True for a frame that is for Parley, and goes to no provider. */
  takes({ number, control }: Client, payload: Payload): boolean {
    if (!control || typeof payload !== 'string' || !isControlFrame(payload)) return false;
    const { code, message } = publicError('control_unknown');
    this.#send(number, { type: 'parley.error', code, message });
    return true;
  }

  #send(client: number, message: ControlMessage): void {
    this.#wire.toClient(client, JSON.stringify(message));
  }
}
