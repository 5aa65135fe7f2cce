/**
 * Restoring a Gemini Live session on a new socket. Every socket begins with a setup, so the client's is sent again: with the
 * newest handle, by which Google finds the session; without one the words of the conversation follow it.
 *
 *     setup with handle           -> setupComplete (swallowed) -> restored
 *     setup -> setupComplete (swallowed) -> clientContent with the history -> restored
 */
import type { JsonObject } from '../protocol/json.ts';
import type { Outgoing } from './adapter.ts';
import { type Content, type GeminiState, setupWith } from './gemini-state.ts';
import { field, serverFrame } from './gemini-wire.ts';

const NOTHING: Outgoing = { upstream: [], clients: [] };

/**
 * A session whose setup never came, or is too long to be kept, has nothing to begin a new socket with: Google then closes at
 * the next frame, for want of one.
 *
 * @param announces whether a setup may announce a history
 */
export function beginRestore(state: GeminiState, announces: boolean) {
  const dials = state.dials + 1;
  if (state.dials === 0 || state.setup === null) {
    return { state: { ...state, dials }, send: NOTHING, complete: true };
  }
  // A restoration that did not get its answer: its handle was refused, or has expired.
  const handle = state.restoring === 'by handle' ? null : state.handle;
  const restoring = handle === null ? ('by history' as const) : ('by handle' as const);
  const setup =
    handle === null ? freshSetup(state, state.setup, announces) : resumingSetup(state.setup, handle);
  return {
    state: { ...state, dials, handle, restoring, turn: null, asked: false, calls: [], said: '' },
    send: { upstream: [JSON.stringify({ setup })], clients: brokenOff(state) },
    complete: false,
  };
}

/**
 * The provider's answer to our setup: no client sees it, unless the socket before died without one. Null for any other
 * message.
 */
export function continueRestore(state: GeminiState, message: JsonObject) {
  if (message['setupComplete'] === undefined) return null;
  const route = state.isSetUp ? ('nowhere' as const) : ('across' as const);
  const turns = state.restoring === 'by history' ? seed(state) : [];
  const frame = JSON.stringify({ clientContent: { turns, turnComplete: false } });
  return {
    state: { ...state, restoring: null, isSetUp: true },
    route,
    send: turns.length === 0 ? NOTHING : { upstream: [frame], clients: [] },
  };
}

/** The history is Google's to remember. A setup that announced one would take the client's next turn for it. */
function resumingSetup(setup: JsonObject, handle: string): JsonObject {
  const resumption = field(setup, 'sessionResumption');
  const settings = typeof resumption === 'object' && !Array.isArray(resumption) ? resumption : {};
  return setupWith(setupWith(setup, 'historyConfig', undefined), 'sessionResumption', {
    ...settings,
    handle,
  });
}

function freshSetup(state: GeminiState, setup: JsonObject, announces: boolean): JsonObject {
  const asked = field(setup, 'sessionResumption');
  const plain = setupWith(setup, 'sessionResumption', asked === undefined ? undefined : {});
  if (state.history.length === 0 || !announces || isSecondGeneration(state)) return plain;
  return setupWith(plain, 'historyConfig', { initialHistoryInClientContent: true });
}

function seed(state: GeminiState): readonly JsonObject[] {
  // Models of the second generation want a user's turn last.
  const end = isSecondGeneration(state)
    ? state.history.findLastIndex(({ role }) => role === 'user') + 1
    : state.history.length;
  return merged(state.history.slice(0, end)).map(({ role, text }) => ({ role, parts: [{ text }] }));
}

/** Turns alternate: what one side said in pieces is one turn. */
function merged(history: readonly Content[]): readonly Content[] {
  const turns: Content[] = [];
  for (const { role, text } of history) {
    const last = turns.at(-1);
    if (last?.role === role) turns[turns.length - 1] = { role, text: `${last.text}\n${text}` };
    else turns.push({ role, text });
  }
  return turns;
}

function isSecondGeneration({ model }: GeminiState): boolean {
  return /^gemini-2\b/.test(model ?? '');
}

/**
 * The end of what died with its socket. Clients drop their audio at it; a call that Google will not remember is cancelled as
 * Google would cancel it.
 */
function brokenOff(state: GeminiState): readonly ArrayBuffer[] {
  const messages: JsonObject[] = [];
  if (state.calls.length > 0) messages.push({ toolCallCancellation: { ids: state.calls } });
  if (state.turn !== null || state.asked) {
    messages.push({ serverContent: { interrupted: true } }, { serverContent: { turnComplete: true } });
  }
  return messages.map(serverFrame);
}
