/**
 * A session that several clients share: their roles, the floor, what becomes of it without a controller, and what they hear
 * of each other.
 */
import type { ConnectRequest, OnControllerLeave, Payload, Role } from '../protocol/connect.ts';
import type { UPDATE_CAUSES } from '../protocol/control-down.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { ProviderAdapter } from '../providers/adapter.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import * as causes from './causes.ts';
import { ControlChannel } from './control.ts';
import { ControlRequests } from './control-requests.ts';
import { Floor, type FloorEvent } from './floor.ts';
import type { FlowControl } from './flow-control.ts';
import { Gate } from './gate.ts';
import type { Limits } from './limits.ts';
import { within } from './roles.ts';
import { type Client, clientName, type Introduction, type Roster } from './roster.ts';
import type { SessionPlan } from './session-plan.ts';
import type { DeadlineName, Wire } from './wire.ts';

const MIB = 1024 * 1024;

/** What clients can bring about. */
export interface SharingActs {
  setRole(
    client: Client,
    role: Role,
    cause: (typeof UPDATE_CAUSES)[number],
    by: Client | null,
    now: number,
  ): void;
  remove(client: Client, by: Client, now: number): void;
  floor(events: readonly FloorEvent[], now: number): void;
  mark(client: Client, name: string, data: Readonly<Record<string, JsonValue>>, now: number): void;
  end(now: number): void;
}

interface Host {
  readonly cut: (
    client: Client,
    code: ErrorCode,
    values: Readonly<Record<string, string>>,
    now: number,
  ) => void;
  readonly end: (cause: causes.Cause, now: number) => void;
}

interface Parts {
  readonly adapter: ProviderAdapter;
  readonly limits: Limits;
  readonly wire: Wire;
  readonly roster: Roster;
  /** What is made after this. */
  readonly later: () => { readonly books: Bookkeeping; readonly flow: FlowControl };
  readonly host: Host;
}

type Plan = Pick<SessionPlan, 'floor' | 'onControllerLeave' | 'graceMs' | 'maxClients'> & {
  readonly request: ConnectRequest;
};

export class Sharing implements SharingActs {
  readonly control: ControlChannel;
  readonly #parts: Parts;
  readonly #floor: Floor;
  readonly #gate: Gate;
  readonly #requests: ControlRequests;
  readonly #policy: OnControllerLeave;
  readonly #graceMs: number;
  /** The controller that left, whose place is kept. */
  #awaited: { readonly name: string | null } | null = null;
  #isTotalsDue = false;

  constructor(plan: Plan, parts: Parts) {
    const { adapter, limits, wire, roster, host } = parts;
    this.#parts = parts;
    this.#policy = plan.onControllerLeave;
    this.#graceMs = plan.graceMs;
    this.#floor = new Floor(plan.floor, limits);
    this.control = new ControlChannel(roster, wire, this.#floor, { ...limits, maxClients: plan.maxClients });
    this.#gate = new Gate(
      { adapter, request: plan.request, limits, wire },
      {
        floor: this.#floor,
        control: this.control,
        host: {
          cut: host.cut,
          takeFloor: ({ number }, now) => this.floor(this.#floor.request(number, now), now),
        },
      },
    );
    this.#requests = new ControlRequests({
      roster,
      floor: this.#floor,
      control: this.control,
      limits,
      acts: this,
    });
  }

  // --- frames --------------------------------------------------------------------------------------------------

  /** True for a frame that is for Parley, and goes to no provider. */
  takes(client: Client, payload: Payload, now: number): boolean {
    return this.#isTooFast(client, payload, now) || this.#requests.takes(client, payload, now);
  }

  /** One client of several must not take the others' time; one alone has only itself to wait for. */
  #isTooFast(client: Client, payload: Payload, now: number): boolean {
    const { roster, host, limits } = this.#parts;
    const length = typeof payload === 'string' ? payload.length : payload.byteLength;
    if (roster.size < 2 || client.rate.allows(length, now)) return false;
    const values = {
      frames: String(limits.clientFramesPerSecond),
      bytes: String(limits.clientBytesPerSecond / MIB),
      seconds: String(limits.clientBurstMs / 1000),
    };
    host.cut(client, 'client_too_fast', values, now);
    return true;
  }

  /** Whether a frame for the provider may go up. */
  passes(client: Client, payload: Payload, now: number): boolean {
    return this.#gate.passes(client, payload, now);
  }

  /** A client's frame went up: those who asked for it hear it, without keys. */
  sentUp(client: Client, payload: Payload, at: number): void {
    const { adapter, roster, wire, later } = this.#parts;
    if (!roster.all().some((each) => each.control > 1 && each !== client)) return;
    const keys = adapter.withoutKeys?.(payload, (text) => wire.isGatewayToken(text)) ?? null;
    this.control.mirror(client, keys?.log ?? payload, at, (to, text) => later().flow.keepsUp(to, text, at));
  }

  /** The totals may have changed. */
  heard(now: number): void {
    if (this.#isTotalsDue || !this.control.isHeard) return;
    this.#isTotalsDue = true;
    this.#parts.wire.setDeadline('totals', now + this.#parts.limits.usageTellMs);
  }

  // --- who is there --------------------------------------------------------------------------------------------

  /** The role of a client that comes. Within what its credential allows, whatever it wishes. */
  roleFor(wanted: Role | null, { name, highest }: Introduction): Role {
    const { roster } = this.#parts;
    const given = name === null ? null : roster.roleGiven(name);
    // Its old socket may be there still: it takes its place.
    const before = name === null ? undefined : roster.all().find((each) => each.name === name);
    return within(given ?? wanted ?? before?.role ?? this.#defaultRole(name), highest);
  }

  #defaultRole(name: string | null): Role {
    const { roster } = this.#parts;
    if (roster.all().some(({ role }) => role === 'controller')) return 'speaker';
    // The place is kept for the one who left; a client without a name cannot be told from another.
    const isKept = roster.size > 0 && this.#awaited !== null && this.#awaited.name !== name;
    return isKept ? 'speaker' : 'controller';
  }

  joined(client: Client): void {
    if (client.role === 'controller') this.#controlled();
    this.control.clientJoined(client);
  }

  /** After it is out of the roster. */
  left(client: Client, code: number, reason: string, now: number): void {
    const { roster, wire, host } = this.#parts;
    this.control.clientLeft(client, code, reason);
    this.floor(this.#floor.release(client.number, 'left', now), now);
    if (roster.size === 0) {
      this.#controlled();
      return;
    }
    if (client.role !== 'controller' || roster.all().some(({ role }) => role === 'controller')) return;
    switch (this.#policy) {
      case 'end':
        host.end(causes.parleyEnds('controller_left', causes.closeFor('controller_left')), now);
        return;
      case 'hand_over':
        this.#handOver(now);
        return;
      case 'wait':
        this.#awaited = { name: client.name };
        wire.setDeadline('controller', now + this.#graceMs);
    }
  }

  /** There is a controller, or nobody. */
  #controlled(): void {
    this.#awaited = null;
    this.#parts.wire.setDeadline('controller', null);
  }

  /** To the speaker that has been there longest, and may have it. Where none may, the next that comes can. */
  #handOver(now: number): void {
    const next = this.#parts.roster
      .all()
      .find(({ role, highest }) => role === 'speaker' && highest === 'controller');
    this.#controlled();
    if (next !== undefined) this.setRole(next, 'controller', 'hand_over', null, now);
  }

  // --- what clients bring about ----------------------------------------------------------------------------------

  setRole(
    client: Client,
    role: Role,
    cause: (typeof UPDATE_CAUSES)[number],
    by: Client | null,
    now: number,
  ): void {
    const before = client.role;
    if (before === role) return;
    const { roster, wire, later } = this.#parts;
    roster.setRole(client, role);
    wire.roleChanged(client.number, role);
    const update = { client: client.sender.client, role, before, cause, by: by?.sender.client ?? null };
    later().books.record('client.updated', update, now);
    this.control.tell({ type: 'parley.client.updated', ...update });
    if (role === 'controller') this.#controlled();
    if (role === 'observer') this.floor(this.#floor.release(client.number, 'revoked', now), now);
  }

  remove(client: Client, by: Client, now: number): void {
    this.#parts.host.cut(client, 'removed', { by: by.sender.client }, now);
  }

  floor(events: readonly FloorEvent[], now: number): void {
    for (const event of events) {
      const { kind, client, ...rest } = event;
      const body = 'by' in rest ? { by: rest.by === null ? null : clientName(rest.by) } : rest;
      this.#parts.later().books.record('floor', { event: kind, client: clientName(client), ...body }, now);
      this.control.floor(event);
    }
    if (this.#floor.mode === 'single') this.#parts.wire.setDeadline('floor', this.#floor.due);
  }

  mark(client: Client, name: string, data: Readonly<Record<string, JsonValue>>, now: number): void {
    this.#parts.later().books.record('mark', { client: client.sender.client, name, data }, now);
  }

  end(now: number): void {
    const { host } = this.#parts;
    host.end(causes.parleyEnds('ended_by_controller', causes.closeFor('ended_by_controller')), now);
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** An upstream relays, and will no longer than until `endsAt`. */
  resumed(endsAt: number, now: number): void {
    const at = endsAt - this.#parts.limits.endingAheadMs;
    if (at > now) this.#parts.wire.setDeadline('ending', at);
  }

  /** At rest nothing is waited for. */
  phase(phase: string, after: string | null): void {
    this.control.phase(phase, after);
    if (phase !== 'resting') return;
    this.#parts.wire.setDeadline('ending', null);
  }

  deadline(name: Extract<DeadlineName, 'floor' | 'controller' | 'totals' | 'ending'>, now: number): void {
    const { later, limits } = this.#parts;
    switch (name) {
      case 'floor':
        this.floor(this.#floor.expire(now), now);
        return;
      case 'controller':
        this.#handOver(now);
        return;
      case 'totals':
        this.#isTotalsDue = false;
        this.control.usage(later().books.totals());
        return;
      case 'ending':
        this.control.ending('session_too_long', limits.endingAheadMs);
    }
  }
}
