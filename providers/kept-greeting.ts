/** What a provider says first on a socket, kept for clients that join later and wait for it as the first one did. */
import { asText, type JsonObject } from '../protocol/json.ts';

export type Greeted = {
  /** As the provider sent it; absent: it said nothing yet, or too much to keep. */
  readonly greeting?: string;
};

const LONGEST = 4096;

/** @param key the member that tells messages apart */
export function withGreeting<S extends Greeted>(
  state: S,
  message: JsonObject,
  frame: string,
  types: readonly string[],
  key = 'type',
): S {
  return types.includes(asText(message[key]) ?? '') && frame.length <= LONGEST
    ? { ...state, greeting: frame }
    : state;
}

export function greetingOf({ greeting }: Greeted): readonly string[] {
  return greeting === undefined ? [] : [greeting];
}
