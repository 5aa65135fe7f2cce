/** Drives any simulator's session with a clock of its own: frames in, frames out, no waiting. */
import { asObject, type JsonObject, type JsonValue, parseJson } from '../../protocol/json.ts';
import type { Charged } from '../../simulators/ledger.ts';
import type { SimulatedSession, Simulator, SimulatorOutput } from '../../simulators/simulator.ts';

const START = 1_795_000_000_000;

type Refused = Extract<ReturnType<Simulator>, { kind: 'refuse' }>;

export function refusedBy(simulator: Simulator, url: string, headers: Record<string, string> = {}): Refused {
  const handshake = simulator({ url, headers }, START);
  if (handshake.kind !== 'refuse') throw new Error(`not refused: ${handshake.kind}`);
  return handshake;
}

export class SessionDrive {
  readonly outputs: SimulatorOutput[] = [];
  /** The subprotocol that was chosen. */
  readonly subprotocol: string | null;
  now = START;
  readonly #session: SimulatedSession;
  #taken = 0;

  constructor(simulator: Simulator, url: string, headers: Record<string, string> = {}) {
    const handshake = simulator({ url, headers }, START);
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(handshake)}`);
    this.subprotocol = handshake.subprotocol;
    this.#session = handshake.session;
    this.outputs.push(...this.#session.open(this.now));
  }

  /** ms since the opening. */
  get elapsed(): number {
    return this.now - START;
  }

  send(frame: JsonValue): this {
    return this.raw(JSON.stringify(frame));
  }

  raw(payload: string | ArrayBuffer): this {
    this.outputs.push(...this.#session.receive(payload, this.now));
    return this;
  }

  /** What it has cost so far. */
  get charged(): Charged {
    return this.#session.charged;
  }

  /** The socket is gone. */
  over(): this {
    this.#session.closed(this.now);
    return this;
  }

  /** Lets `ms` pass, doing each thing when it is due. */
  pass(ms: number): this {
    const until = this.now + ms;
    for (let due = this.#session.due(); due !== null && due <= until; due = this.#session.due()) {
      this.now = Math.max(this.now, due);
      this.outputs.push(...this.#session.advance(this.now));
    }
    this.now = until;
    return this;
  }

  /** Lets time pass until a frame since the last `take` fulfils the condition, for at most `ms`. */
  until(condition: (frame: JsonObject) => boolean, ms = 60_000): this {
    const end = this.now + ms;
    while (!this.#objects(this.#taken).some((frame) => condition(frame))) {
      const due = this.#session.due();
      if (due === null || due > end) throw new Error(`it did not come within ${ms} ms`);
      this.pass(Math.max(0, due - this.now));
    }
    return this;
  }

  /** The JSON frames since the last call. */
  take(): readonly JsonObject[] {
    const fresh = this.#objects(this.#taken);
    this.#taken = this.outputs.length;
    return fresh;
  }

  get closed(): SimulatorOutput | undefined {
    return this.outputs.find(({ kind }) => kind !== 'send');
  }

  #objects(from: number): readonly JsonObject[] {
    return this.outputs.slice(from).flatMap((output) => {
      if (output.kind !== 'send' || typeof output.payload !== 'string') return [];
      const object = asObject(parseJson(output.payload));
      return object === undefined ? [] : [object];
    });
  }
}
