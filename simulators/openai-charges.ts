/** What a service of OpenAI's realtime wire charges for: tokens, as it reports them, or sound and items, of which it says nothing. */
import { type Amounts, type Charged, Ledger } from './ledger.ts';
import type { Item } from './openai-items.ts';
import { type Bill, chargeOf } from './openai-usage.ts';
import type { Variant } from './openai-variant.ts';

export class Charges {
  readonly #by: Variant['charges'];
  readonly #ledger = new Ledger();

  constructor(by: Variant['charges']) {
    this.#by = by;
  }

  get charged(): Charged {
    return this.#ledger.charged;
  }

  response(bill: Bill): void {
    if (this.#by === 'tokens') this.#ledger.charge(chargeOf(bill));
  }

  transcription(amounts: Partial<Amounts>): void {
    if (this.#by === 'tokens') this.#ledger.charge(amounts, 'transcription');
  }

  /** Of either side. */
  sound(ms: number): void {
    if (this.#by === 'sound and items') this.#ledger.charge({ seconds: ms / 1000 });
  }

  /** One that a client adds: sound is charged by its time, and the answer of a function is free. */
  item({ wire, audio }: Item): void {
    const isFree = audio !== null || wire['type'] === 'function_call_output';
    if (this.#by === 'sound and items' && !isFree) this.#ledger.charge({ items: 1 });
  }
}
