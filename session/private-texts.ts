/**
 * Keeps out of the records what is kept out of the log: the texts that an adapter observes are those of the frames as the
 * log holds them. Everything else, usage above all, is observed in the frames as they were.
 */
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Payload, ProviderAdapter, Sender, SocketLife } from '../providers/adapter.ts';
import type { Redactor } from './redactor.ts';

type Transcript = Extract<Observation, { kind: 'transcript' }>;
/** Those whose text came out of a frame. */
type Told = Transcript | Extract<Observation, { kind: 'tool.called' | 'error' }>;

export class PrivateTexts {
  readonly #redactor: Redactor;
  readonly #adapter: ProviderAdapter;
  readonly #maxCharacters: number;
  /** What the adapter would know if it had read the log. Null: it has missed nothing yet, so it knows the same. */
  #state: JsonValue | null = null;
  /** By stream: text whose rest is still to come. */
  readonly #begun = new Map<string, Transcript>();

  /** @param maxCharacters of text that is held back until its rest has come */
  constructor(redactor: Redactor, adapter: ProviderAdapter, maxCharacters: number) {
    this.#redactor = redactor;
    this.#adapter = adapter;
    this.#maxCharacters = maxCharacters;
  }

  /**
   * What is told of what was observed in a frame.
   *
   * @param before the adapter's state before it read the frame
   */
  read(
    before: JsonValue,
    from: Sender,
    payload: Payload,
    observed: readonly Observation[],
  ): readonly Observation[] {
    if (!this.#redactor.hasFields) return this.#whole(observed);
    const stored = this.#redactor.withoutFields(payload);
    if (this.#state === null && stored === payload) return this.#whole(observed);
    const reading = this.#adapter.read(this.#state ?? before, from, stored);
    this.#state = reading.state;
    return this.#whole(this.#asStored(observed, reading.observations));
  }

  /** A new upstream socket is open. */
  reopened(): void {
    if (this.#state !== null) this.#state = this.#adapter.restore(this.#state).state;
  }

  /** A successor took over, at a moment in which no text was under way. */
  moved(): void {
    this.#state = null;
  }

  /** What is told at the end: what was observed then, and what was held back. */
  atEnd(life: SocketLife, observed: readonly Observation[]): readonly Observation[] {
    const stored = this.#state === null ? observed : (this.#adapter.atEnd?.(this.#state, life) ?? []);
    const told = this.#whole(this.#asStored(observed, stored));
    const held = [...this.#begun.values()];
    this.#begun.clear();
    return [...told, ...held];
  }

  /** `observed`, with the texts of `stored`: the first of a kind with the first of that kind, and so on. */
  #asStored(observed: readonly Observation[], stored: readonly Observation[]): readonly Observation[] {
    if (observed === stored) return observed;
    const texts = new Map<Told['kind'], Told[]>();
    for (const each of stored) {
      if (isTold(each)) texts.set(each.kind, [...(texts.get(each.kind) ?? []), each]);
    }
    return observed.map((each) =>
      isTold(each) ? withText(each, texts.get(each.kind)?.shift(), this.#redactor.replacement) : each,
    );
  }

  /** Joins what belongs together, so that a pattern sees all of it; what still goes on is held back. */
  #whole(observed: readonly Observation[]): readonly Observation[] {
    if (!this.#redactor.hasPatterns || !observed.some((each) => each.kind === 'transcript' && each.part))
      return observed;
    return observed.flatMap((each) => {
      if (each.kind !== 'transcript' || each.part === undefined) return [each];
      const { of, isLast } = each.part;
      const begun = this.#begun.get(of);
      const text = begun === undefined ? each.text : `${begun.text} ${each.text}`;
      const joined: Transcript = { ...each, itemId: begun?.itemId ?? each.itemId, text };
      this.#begun.delete(of);
      if (isLast || text.length >= this.#maxCharacters) return [joined];
      this.#begun.set(of, joined);
      return [];
    });
  }
}

function isTold(observation: Observation): observation is Told {
  return ['transcript', 'tool.called', 'error'].includes(observation.kind);
}

/** @param stored null where the log says nothing of it: then nothing is told */
function withText(observed: Told, stored: Told | undefined, replacement: string): Observation {
  switch (observed.kind) {
    case 'transcript':
      return { ...observed, text: stored?.kind === 'transcript' ? stored.text : replacement };
    case 'tool.called':
      return { ...observed, name: stored?.kind === 'tool.called' ? stored.name : replacement };
    case 'error':
      return { ...observed, message: stored?.kind === 'error' ? stored.message : replacement };
  }
}
