/** Drives a simulated ElevenLabs socket with a clock of its own: frames in, events out, no waiting. */
import { asObject, type JsonObject, type JsonValue, parseJson } from '../../protocol/json.ts';
import { elevenlabsSimulator } from '../../simulators/elevenlabs.ts';
import type { Handshake, SimulatedSession, SimulatorOutput } from '../../simulators/simulator.ts';

export const START = 1_795_000_000_000;

export function handshake(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  now = START,
): Handshake {
  return elevenlabsSimulator({ url: `https://api.elevenlabs.io/${path}`, headers }, now);
}

export class Drive {
  now = START;
  readonly outputs: SimulatorOutput[] = [];
  readonly #session: SimulatedSession;

  constructor(path: string, headers: Readonly<Record<string, string>> = {}) {
    const answer = handshake(path, headers);
    if (answer.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
    this.#session = answer.session;
    this.outputs.push(...this.#session.open(this.now));
  }

  send(...events: readonly JsonValue[]): this {
    for (const event of events) this.raw(JSON.stringify(event));
    return this;
  }

  raw(payload: string | ArrayBuffer): this {
    this.outputs.push(...this.#session.receive(payload, this.now));
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

  /** Lets time pass until an event since `from` is such a one, for at most a minute. */
  until(is: (event: JsonObject) => boolean, from = 0): this {
    const end = this.now + 60_000;
    while (!this.events().slice(from).some(is)) {
      const due = this.#session.due();
      if (due === null || due > end) throw new Error(`nothing of it in ${JSON.stringify(this.events())}`);
      this.pass(Math.max(0, due - this.now));
    }
    return this;
  }

  events(): readonly JsonObject[] {
    return this.outputs.flatMap((output) => {
      const text = output.kind === 'send' && typeof output.payload === 'string' ? output.payload : '';
      const event = asObject(parseJson(text));
      return event === undefined ? [] : [event];
    });
  }

  of(type: string): readonly JsonObject[] {
    return this.events().filter((event) => event['type'] === type || event['message_type'] === type);
  }

  /** The Close frame, or null. */
  get closed(): SimulatorOutput | null {
    return this.outputs.find(({ kind }) => kind === 'close') ?? null;
  }
}

/** A text frame of type `type`. */
export function isOf(type: string): (event: JsonObject) => boolean {
  return (event) => event['type'] === type || event['message_type'] === type;
}
