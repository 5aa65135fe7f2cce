/** What a simulated provider says, in order, until it closes. */
import type { JsonObject } from '../protocol/json.ts';
import type { SimulatorOutput } from './simulator.ts';

export class Outbox {
  closed = false;
  #outputs: SimulatorOutput[] = [];

  json(frame: JsonObject): void {
    this.text(JSON.stringify(frame));
  }

  text(payload: string): void {
    if (!this.closed) this.#outputs.push({ kind: 'send', payload });
  }

  binary(bytes: Uint8Array): void {
    // A copy, so that the ArrayBuffer holds these bytes and no others.
    if (!this.closed) this.#outputs.push({ kind: 'send', payload: new Uint8Array(bytes).buffer });
  }

  /** The frame that was said last, once more. */
  repeat(): void {
    const last = this.#outputs.at(-1);
    if (last?.kind === 'send') this.#outputs.push(last);
  }

  close(code: number, reason: string): void {
    if (!this.closed) this.#outputs.push({ kind: 'close', code, reason });
    this.closed = true;
  }

  drop(): void {
    if (!this.closed) this.#outputs.push({ kind: 'drop' });
    this.closed = true;
  }

  /** What was said since the last call. */
  take(): readonly SimulatorOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
}
