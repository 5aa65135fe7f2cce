/** The server's side of one Gemini Live socket: messages in binary frames, closes that carry the error, and faults. */
import { asArray, asObject, parseJson, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Payload } from '../providers/adapter.ts';
import type { Dials } from './faults.ts';
import { seeded, type Seeded } from './seeded.ts';
import type { SimulatorOutput } from './simulator.ts';

/** Google has no error message: it closes, and says why in the reason. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
}

export const INVALID_ARGUMENT: Refusal = { code: 1007, reason: 'Request contains an invalid argument.' };

/** A field that the message does not have, in the words of Google's JSON reader. */
export function unknownField(name: string, at: string): Refusal {
  const where = at === '' ? '' : ` at '${at}'`;
  return {
    code: 1007,
    reason: `Invalid JSON payload received. Unknown name "${name.slice(0, 30)}"${where}: Cannot find field.`,
  };
}

export class GeminiWire {
  closed = false;
  #outputs: SimulatorOutput[] = [];
  readonly #ids: Seeded;
  readonly #dials: Dials;
  #malformed = false;

  constructor(seed: string, dials: Dials) {
    this.#ids = seeded(seed, 'ids');
    this.#dials = dials;
  }

  id(prefix: string): string {
    return `${prefix}-${this.#ids.letters(16)}`;
  }

  message(message: JsonObject): void {
    if (this.closed) return;
    // Indented, as Google sends it: what looks at the first bytes only is wrong.
    const text = `${JSON.stringify(message, null, 2)}\n`;
    if (this.#dials.faults.malformed_json && !this.#malformed && message['serverContent'] !== undefined) {
      this.#malformed = true;
      this.binary(text.slice(0, text.length >> 1));
    }
    this.binary(text);
  }

  binary(text: string): void {
    // A copy, so that the ArrayBuffer holds these bytes and no others.
    const payload = new Uint8Array(new TextEncoder().encode(text)).buffer;
    if (!this.closed) this.#outputs.push({ kind: 'send', payload });
  }

  /** The message sent last, once more. */
  repeat(): void {
    const last = this.#outputs.at(-1);
    if (last?.kind === 'send') this.#outputs.push(last);
  }

  close({ code, reason }: Refusal): void {
    if (!this.closed) this.#outputs.push({ kind: 'close', code, reason });
    this.closed = true;
  }

  drop(): void {
    if (!this.closed) this.#outputs.push({ kind: 'drop' });
    this.closed = true;
  }

  /** What was said since the last call. */
  flush(): readonly SimulatorOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
}

/** Members whose keys are the client's own data. */
const OWN_KEYS = new Set(['response', 'args', 'parameters', 'parametersJsonSchema', 'labels']);

/** A client's message with its names in camelCase, or undefined when it is no JSON object. */
export function readMessage(payload: Payload): JsonObject | undefined {
  const text = typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
  const message = asObject(parseJson(text));
  return message === undefined ? undefined : asObject(camelCase(message));
}

function camelCase(value: JsonValue): JsonValue {
  const items = asArray(value);
  if (items !== undefined) return items.map(camelCase);
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(
    Object.entries(object).map(([key, each]) => {
      const name = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return [name, OWN_KEYS.has(name) ? each : camelCase(each)];
    }),
  );
}
