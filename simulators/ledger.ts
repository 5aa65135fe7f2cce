/**
 * What a simulated provider charges, kept where it decides a bill and by its own count: the figures that a record of usage
 * is held against. Nothing on the wire comes from it.
 */
const METERS = [
  'input_text',
  'input_audio',
  'input_image',
  'cached_text',
  'cached_audio',
  'cached_image',
  'output_text',
  'output_audio',
  'output_image',
  'reasoning',
  'seconds',
  'characters',
  'requests',
  'items',
] as const;

export type Meter = (typeof METERS)[number];
export type Amounts = Readonly<Record<Meter, number>>;

/** By what it is for: the model's answers, and the transcription of the user's speech where that is another bill. */
export interface Charged {
  readonly response: Amounts;
  readonly transcription: Amounts;
}

// Every meter is in the list.
const NOTHING = Object.fromEntries(METERS.map((meter) => [meter, 0])) as Amounts;

export class Ledger {
  #sums: Charged = { response: NOTHING, transcription: NOTHING };

  get charged(): Charged {
    return this.#sums;
  }

  charge(amounts: Partial<Amounts>, purpose: keyof Charged = 'response'): void {
    const sums = { ...this.#sums[purpose] };
    for (const meter of METERS) sums[meter] += amounts[meter] ?? 0;
    this.#sums = { ...this.#sums, [purpose]: sums };
  }
}

/** As the providers count that charge by the character: Unicode code points. */
export function charactersOf(text: string): number {
  return [...text].length;
}
