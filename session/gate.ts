/** Whether a client's frame may go up: by its role, and by the floor. What may not is dropped, and its sender told. */
import type { ConnectRequest, Payload } from '../protocol/connect.ts';
import { type ErrorCode, publicError } from '../protocol/errors.ts';
import type { Act, ProviderAdapter, ReadAct } from '../providers/adapter.ts';
import type { ControlChannel } from './control.ts';
import type { Floor } from './floor.ts';
import type { Limits } from './limits.ts';
import { described, mayDo } from './roles.ts';
import type { Client } from './roster.ts';
import type { Wire } from './wire.ts';

interface Conduct {
  /** Frames against its role since `from`. */
  forbidden: number;
  from: number;
  /** When it was told last. */
  toldAt: number;
}

type Told = 'role_forbids_sending' | 'floor_taken';

export interface GateHost {
  readonly cut: (
    client: Client,
    code: ErrorCode,
    values: Readonly<Record<string, string>>,
    now: number,
  ) => void;
  /** A client that cannot ask for the floor speaks while nobody has it. */
  readonly takeFloor: (client: Client, now: number) => void;
}

export class Gate {
  readonly #adapter: ProviderAdapter;
  readonly #request: ConnectRequest;
  readonly #acts: ReadAct;
  readonly #limits: Limits;
  readonly #floor: Floor;
  readonly #control: ControlChannel;
  readonly #wire: Pick<Wire, 'toClient'>;
  readonly #host: GateHost;
  readonly #conduct = new WeakMap<Client, Conduct>();

  constructor(
    {
      adapter,
      request,
      limits,
      wire,
    }: {
      readonly adapter: ProviderAdapter;
      readonly request: ConnectRequest;
      readonly limits: Limits;
      readonly wire: Pick<Wire, 'toClient'>;
    },
    parts: { readonly floor: Floor; readonly control: ControlChannel; readonly host: GateHost },
  ) {
    this.#adapter = adapter;
    this.#request = request;
    this.#acts = adapter.acts(request);
    this.#limits = limits;
    this.#wire = wire;
    this.#floor = parts.floor;
    this.#control = parts.control;
    this.#host = parts.host;
  }

  /** A controller's frame is not looked into, unless another has the floor. */
  passes(client: Client, payload: Payload, now: number): boolean {
    const hasFloor = this.#floor.isOpenTo(client.number);
    if (client.role === 'controller' && hasFloor) {
      this.#floor.spoke(now);
      return true;
    }
    const act = this.#acts(payload);
    if (!mayDo(client.role, act)) {
      this.#forbidden(client, act, now);
      return false;
    }
    if (act !== 'speak') return true;
    if (hasFloor) {
      this.#floor.spoke(now);
      return true;
    }
    if (client.control === 0 && this.#floor.holder === null) {
      this.#host.takeFloor(client, now);
      return true;
    }
    this.#tell(client, 'floor_taken', {}, this.#conductOf(client, now), now);
    return false;
  }

  #forbidden(client: Client, act: Act, now: number): void {
    // What SDKs send by themselves is no offence: nobody meant it.
    if (act === 'attend') return;
    const values = { role: client.role, act: described(act) };
    const conduct = this.#conductOf(client, now);
    if (now - conduct.from >= this.#limits.forbiddenMs) Object.assign(conduct, { forbidden: 0, from: now });
    conduct.forbidden += 1;
    if (conduct.forbidden > this.#limits.forbiddenFrames)
      this.#host.cut(client, 'role_forbids_sending', values, now);
    else this.#tell(client, 'role_forbids_sending', values, conduct, now);
  }

  #conductOf(client: Client, now: number): Conduct {
    const known = this.#conduct.get(client);
    if (known !== undefined) return known;
    const conduct = { forbidden: 0, from: now, toldAt: Number.NEGATIVE_INFINITY };
    this.#conduct.set(client, conduct);
    return conduct;
  }

  /** Not for each: who streams sound would get as many frames back. */
  #tell(
    client: Client,
    code: Told,
    values: Readonly<Record<string, string>>,
    conduct: Conduct,
    now: number,
  ): void {
    if (now - conduct.toldAt < this.#limits.noticeMs) return;
    conduct.toldAt = now;
    if (client.control > 0) {
      this.#control.refuse(client, code, values);
      return;
    }
    const frame = this.#adapter.errorFrame(publicError(code, values), this.#request);
    if (frame !== null) this.#wire.toClient(client.number, frame);
  }
}
