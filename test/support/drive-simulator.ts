/** Drives a simulated session with a clock of its own: frames in, events out, no waiting. */
import { parseRealtimeEvent } from '../../node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.js';
import { parseJson, asObject, asText, member, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { openaiSimulator } from '../../simulators/openai.ts';
import { encodeBase64 } from '../../simulators/base64.ts';
import { encodeSamples, type Encoding } from '../../simulators/audio-format.ts';
import type { Handshake, SimulatedSession, SimulatorOutput } from '../../simulators/simulator.ts';

export const START = 1_795_000_000_000;

export function connect(query: string, headers: Record<string, string> = {}, now = START): Handshake {
  return openaiSimulator({ url: `https://host/v1/realtime?${query}`, headers }, now);
}

export class Drive {
  now = START;
  readonly outputs: SimulatorOutput[] = [];
  /** When each output came. */
  readonly times: number[] = [];
  readonly #session: SimulatedSession;
  #read = 0;

  constructor(
    query = 'model=sim-support&seed=1',
    headers: Record<string, string> = {},
    handshake = connect(query, headers),
  ) {
    if (handshake.kind !== 'accept') throw new Error(`not accepted: ${handshake.kind}`);
    this.#session = handshake.session;
    this.#keep(this.#session.open(this.now));
  }

  /** Of another simulator than OpenAI's. */
  static of(handshake: Handshake): Drive {
    return new Drive('', {}, handshake);
  }

  #keep(outputs: readonly SimulatorOutput[]): void {
    for (const output of outputs) {
      this.outputs.push(output);
      this.times.push(this.now);
    }
  }

  send(event: JsonValue): this {
    return this.raw(JSON.stringify(event));
  }

  raw(payload: string | ArrayBuffer): this {
    this.#keep(this.#session.receive(payload, this.now));
    return this;
  }

  due(): number | null {
    return this.#session.due();
  }

  /** Lets `ms` pass, doing each thing when it is due. */
  pass(ms: number): this {
    const until = this.now + ms;
    for (let due = this.#session.due(); due !== null && due <= until; due = this.#session.due()) {
      this.now = Math.max(this.now, due);
      this.#keep(this.#session.advance(this.now));
    }
    this.now = until;
    return this;
  }

  /** Lets time pass until the events since the last `take` hold one of this type, for at most `ms`. */
  until(type: string, ms = 60_000): this {
    const end = this.now + ms;
    while (!this.#fresh().some((event) => event['type'] === type)) {
      const due = this.#session.due();
      if (due === null || due > end) throw new Error(`no ${type} within ${ms} ms`);
      this.pass(Math.max(0, due - this.now));
    }
    return this;
  }

  /** Appends sound in 100 ms pieces, in real time. `samples` are at 24 kHz. */
  speak(samples: Int16Array, encoding: Encoding = 'audio/pcm'): this {
    const piece = 2400;
    for (let at = 0; at < samples.length; at += piece) {
      const bytes = encodeSamples(samples.subarray(at, at + piece), encoding);
      this.send({ type: 'input_audio_buffer.append', audio: encodeBase64(bytes) });
      this.pass(100);
    }
    return this;
  }

  /** Every event so far; frames that are not JSON are left out. */
  events(): readonly JsonObject[] {
    return this.outputs.flatMap((output) => {
      const event =
        output.kind === 'send' && typeof output.payload === 'string' ? parseJson(output.payload) : undefined;
      const object = asObject(event);
      return object === undefined ? [] : [object];
    });
  }

  #fresh(): readonly JsonObject[] {
    return this.events().slice(this.#read);
  }

  /** The events since the last call. */
  take(): readonly JsonObject[] {
    const fresh = this.#fresh();
    this.#read += fresh.length;
    return fresh;
  }

  /** A user's text, and the whole answer up to its rate limits. */
  ask(text: string, response?: JsonObject): readonly JsonObject[] {
    this.take();
    const content = [{ type: 'input_text', text }];
    this.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    this.send({ type: 'response.create', ...(response === undefined ? {} : { response }) });
    return this.until('rate_limits.updated').take();
  }

  update(session: JsonObject): readonly JsonObject[] {
    this.take();
    return this.send({ type: 'session.update', session: { type: 'realtime', ...session } }).take();
  }
}

export function types(events: readonly JsonObject[]): readonly string[] {
  return events.map((event) => asText(event['type']) ?? '');
}

/** Types without repetition of neighbours: deltas become one. */
export function order(events: readonly JsonObject[]): readonly string[] {
  return types(events).filter((type, index, all) => type !== all[index - 1]);
}

export function only(events: readonly JsonObject[], type: string): JsonObject {
  const found = events.filter((event) => event['type'] === type);
  if (found.length !== 1) throw new Error(`${found.length} of ${type} in ${types(events).join(' ')}`);
  return found[0] ?? {};
}

/** The value at a path such as `response.usage.input_tokens`. */
export function at(value: JsonValue | undefined, path: string): JsonValue | undefined {
  return path.split('.').reduce<JsonValue | undefined>((inner, key) => {
    return Array.isArray(inner) ? inner[Number(key)] : member(inner, key);
  }, value);
}

export function tone(ms: number, amplitude = 8000, hz = 220): Int16Array {
  return Int16Array.from(
    { length: ms * 24 },
    (_, index) => amplitude * Math.sin((2 * Math.PI * hz * index) / 24_000),
  );
}

export function silent(ms: number): Int16Array {
  return new Int16Array(ms * 24);
}

/** The text that must be there. */
export function textOf(value: JsonValue | undefined): string {
  const text = asText(value);
  if (text === undefined) throw new Error(`not text: ${JSON.stringify(value)}`);
  return text;
}

export function bytesOf(value: JsonValue | undefined): Uint8Array {
  return Uint8Array.from(atob(textOf(value)), (letter) => letter.charCodeAt(0));
}

/** The deltas of one type. */
export function deltas(events: readonly JsonObject[], type: string): readonly string[] {
  return events.filter((event) => event['type'] === type).map((event) => textOf(event['delta']));
}

/** The frames that were sent as text. */
export function frames(drive: Drive): readonly string[] {
  return drive.outputs.flatMap((output) => {
    return output.kind === 'send' && typeof output.payload === 'string' ? [output.payload] : [];
  });
}

/** What the client library makes of each frame: one that its schema does not know is "generic", and ignored. */
export function generic(drive: Drive): readonly string[] {
  return frames(drive).filter((data) => parseRealtimeEvent(new MessageEvent('message', { data })).isGeneric);
}
