/** Drives any simulated socket with a clock of its own: frames in, frames out, no waiting. */
import { asObject, asText, type JsonObject, type JsonValue, parseJson } from '../../protocol/json.ts';
import { encodeRaw, type RawFormat } from '../../simulators/raw-audio.ts';
import type { SimulatedSession, Simulator, SimulatorOutput } from '../../simulators/simulator.ts';

const START = 1_795_000_000_000;
export const PCM_16K: RawFormat = { encoding: 'linear16', rate: 16_000, channels: 1 };

export class SocketDrive {
  now = START;
  readonly outputs: SimulatorOutput[] = [];
  readonly subprotocol: string | null;
  readonly #session: SimulatedSession;

  constructor(simulator: Simulator, url: string, headers: Readonly<Record<string, string>> = {}) {
    const handshake = simulator({ url, headers }, START);
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(handshake)}`);
    this.subprotocol = handshake.subprotocol;
    this.#session = handshake.session;
    this.outputs.push(...this.#session.open(this.now));
  }

  send(message: JsonValue): this {
    return this.raw(JSON.stringify(message));
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

  /** Sound at 24 kHz, in pieces of 100 ms, in real time. */
  hear(samples: Int16Array, format: RawFormat = PCM_16K): this {
    for (let at = 0; at < samples.length; at += 2_400) {
      this.raw(new Uint8Array(encodeRaw(samples.subarray(at, at + 2_400), format)).buffer);
      this.pass(100);
    }
    return this;
  }

  /** Every text frame that is a JSON object. */
  messages(type?: string): readonly JsonObject[] {
    return this.outputs.flatMap((output) => {
      const message =
        output.kind === 'send' && typeof output.payload === 'string' ? parseJson(output.payload) : undefined;
      const object = asObject(message);
      return object === undefined || (type !== undefined && object['type'] !== type) ? [] : [object];
    });
  }

  /** Bytes of all binary frames. */
  get audioBytes(): number {
    return this.outputs.reduce((sum, output) => {
      return output.kind === 'send' && typeof output.payload !== 'string'
        ? sum + output.payload.byteLength
        : sum;
    }, 0);
  }

  /** Kinds in order, neighbours of one kind as one: types of messages, `audio`, and the end. */
  order(): readonly string[] {
    const kinds = this.outputs.map((output) => {
      if (output.kind === 'close') return `close ${output.code}`;
      if (output.kind === 'drop') return 'drop';
      if (typeof output.payload !== 'string') return 'audio';
      return asText(asObject(parseJson(output.payload))?.['type']) ?? 'unreadable';
    });
    return kinds.filter((kind, index) => kind !== kinds[index - 1]);
  }
}
