/** What clients ask of Parley on the control channel, and who may ask it. */
import type { Payload } from '../protocol/connect.ts';
import { isControlFrame } from '../protocol/control.ts';
import { type ControlRequest, readControl } from '../protocol/control-up.ts';
import { payloadBytes } from '../protocol/segment.ts';
import type { ControlChannel } from './control.ts';
import type { Floor } from './floor.ts';
import type { Limits } from './limits.ts';
import { isWithin } from './roles.ts';
import { type Client, type Roster } from './roster.ts';
import type { SharingActs } from './sharing.ts';

interface Parts {
  readonly roster: Roster;
  readonly floor: Floor;
  readonly control: ControlChannel;
  readonly limits: Pick<Limits, 'controlBytes' | 'marks'>;
  readonly acts: SharingActs;
}

export class ControlRequests {
  readonly #parts: Parts;
  #marks = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** True for a frame that is for Parley, and goes to no provider. */
  takes(client: Client, payload: Payload, now: number): boolean {
    if (client.control === 0 || typeof payload !== 'string' || !isControlFrame(payload)) return false;
    const { control, limits } = this.#parts;
    if (payloadBytes(payload) > limits.controlBytes) {
      control.refuse(client, 'control_too_big', { limit: String(limits.controlBytes) });
      return true;
    }
    const read = readControl(payload);
    if (!read.ok) {
      control.refuse(client, read.code, read.values, read);
      return true;
    }
    const why = this.#do(client, read.request, now);
    if (why !== null) control.refuse(client, 'control_forbidden', { why }, { id: read.request.id ?? null });
    return true;
  }

  /** Null, or why it was not done. */
  #do(client: Client, request: ControlRequest, now: number): string | null {
    const { acts, control, floor } = this.#parts;
    switch (request.type) {
      case 'parley.role.set':
        return this.#setRole(client, request, now);
      case 'parley.client.remove':
        return this.#asController(client, 'take clients out', () => {
          const other = this.#find(client, request.client, request.id);
          if (other !== null) acts.remove(other, client, now);
        });
      case 'parley.floor.request':
        if (floor.mode === 'open') return 'everybody may speak here at any time (parley-floor: open)';
        if (client.role === 'observer') return 'an observer does not speak';
        acts.floor(floor.request(client.number, now), now);
        return null;
      case 'parley.floor.release':
        acts.floor(floor.release(client.number, 'released', now), now);
        return null;
      case 'parley.floor.grant':
        if (floor.mode === 'open') return 'everybody may speak here at any time (parley-floor: open)';
        return this.#grant(client, request, now);
      case 'parley.session.end':
        return this.#asController(client, 'end the session', () => acts.end(now));
      case 'parley.mark':
        return this.#mark(client, request, now);
      case 'parley.ping':
        control.pong(client);
        return null;
    }
  }

  #asController(client: Client, what: string, act: () => void): string | null {
    if (client.role !== 'controller') return `only a controller may ${what}, and you are ${client.role}`;
    act();
    return null;
  }

  /** Tells its sender when there is no such client. */
  #find(sender: Client, name: string, id: string | undefined): Client | null {
    const client = this.#parts.roster.get(Number(name.slice(1)));
    if (client !== undefined) return client;
    const about = { field: 'client', id: id ?? null };
    this.#parts.control.refuse(sender, 'client_unknown', { client: name }, about);
    return null;
  }

  #setRole(
    client: Client,
    { client: name, role, id }: Extract<ControlRequest, { type: 'parley.role.set' }>,
    now: number,
  ): string | null {
    const other = this.#find(client, name, id);
    if (other === null) return null;
    const stepsDown = other === client && isWithin(role, client.role);
    if (client.role !== 'controller' && !stepsDown)
      return `only a controller may give roles, and you are ${client.role}`;
    if (!isWithin(role, other.highest)) return `the token of ${name} allows it no more than ${other.highest}`;
    this.#parts.acts.setRole(other, role, 'set', client, now);
    return null;
  }

  #grant(
    client: Client,
    { client: name, id }: Extract<ControlRequest, { type: 'parley.floor.grant' }>,
    now: number,
  ): string | null {
    if (client.role !== 'controller')
      return `only a controller may give the floor, and you are ${client.role}`;
    const other = name === null ? null : this.#find(client, name, id);
    if (name !== null && other === null) return null;
    if (other?.role === 'observer') return `${name} is an observer, and does not speak`;
    const { acts, floor } = this.#parts;
    acts.floor(floor.grant(other?.number ?? null, client.number, now), now);
    return null;
  }

  #mark(
    client: Client,
    { name, data }: Extract<ControlRequest, { type: 'parley.mark' }>,
    now: number,
  ): string | null {
    if (client.role === 'observer') return 'an observer writes nothing into the record';
    if (this.#marks >= this.#parts.limits.marks) return 'this session has as many markers as it may';
    this.#marks += 1;
    this.#parts.acts.mark(client, name, data ?? {}, now);
    return null;
  }
}
