/**
 * An OpenAI Realtime session with several clients. What their SDKs send by themselves, each as if it were the only one, is
 * kept from harming the others: a configuration on connecting, an interruption that every client cancels, a tool call that
 * each answers (agents clients also answer calls of tools that they do not have), an item that each fetches with its audio. Sources: `@openai/agents-realtime` 0.20 and `openai` 7.57.
 */
import { asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { withMember } from './member-edit.ts';
import { eventOf } from './openai-read.ts';
import { isBetaSession, type OpenAIState } from './openai-state.ts';
import { renamed, type Sharing, shortId, type Speaker } from './sharing.ts';
import type { Payload } from './adapter.ts';

/**
 * Events that clients named, whose errors are theirs; items that they asked for, in order; what one of them ended, or answered;
 * who gave the session its tools; and whose answer to a tool call was the last that it said, and did not go up.
 */
export type OpenAIMemory = {
  readonly events: readonly { readonly id: string; readonly wire: string; readonly owner: number }[];
  readonly retrieved: readonly { readonly item: string; readonly owner: number }[];
  readonly truncated: readonly { readonly item: string; readonly owner: number }[];
  readonly cancelled: readonly string[];
  readonly calls: readonly { readonly item: string; readonly owner: number }[];
  readonly toolsOf: number;
  readonly unheard: readonly number[];
};

const FRESH = { events: [], retrieved: [], truncated: [], cancelled: [], calls: [], unheard: [] };
/** Of each kind; a provider answers within a few events. */
const REMEMBERED = 128;

/** What answers a configuration. */
const CONFIGURED: Readonly<Record<string, string>> = {
  'session.update': 'session.updated',
  'transcription_session.update': 'transcription_session.updated',
};

const AUDIO = '{"type":"input_audio_buffer.append"';
/** Where a name for an event stands, beside audio that is not parsed. */
const MARGIN = 256;

/** @param wireOf the state of this wire within an adapter's own; null: its socket is another */
export function openaiSharing<S extends JsonValue>(
  wireOf: (state: S) => OpenAIState | null,
): Sharing<S, OpenAIMemory> {
  return {
    begin: (_state, first) => ({ ...FRESH, toolsOf: first }),
    habit: (stateNow, { isController, isOpening, isAlone }, payload) => {
      if (isController || !isOpening || isAlone) return null;
      if (typeof payload !== 'string' || !payload.includes('session.update')) return null;
      const answer = CONFIGURED[asText(eventOf(payload)?.['type']) ?? ''];
      if (answer === undefined) return null;
      const wire = wireOf(stateNow());
      if (wire === null) return null;
      // Before the provider has told its configuration, that is still to come to everyone.
      return wire.session === null ? [] : [serverEvent(answer, { session: wire.session })];
    },
    up: (before, stateNow, speaker, payload) => {
      const event = isUnnamedAudio(payload) ? undefined : eventOf(payload);
      if (event === undefined || typeof payload !== 'string') return { memory: before, up: [payload] };
      const { owner } = speaker;
      const call = answeredCall(event);
      if (isForAnother(before, speaker, call))
        return { memory: { ...before, unheard: [...before.unheard, owner] }, up: [] };
      const memory = heard(before, owner);
      // What its SDK asks for after the answer that did not go up.
      if (memory !== before && event['type'] === 'response.create') return { memory, up: [] };
      const wire = speaker.isAlone ? null : wireOf(stateNow());
      const noted = note(memory, wire, owner, event, call);
      return noted === null ? { memory, up: [] } : named(noted, owner, event, payload);
    },
    down: (memory, payload) => {
      const everyone = { memory, to: null, own: payload };
      if (typeof payload !== 'string' || !/"error"|conversation\.item\.retrieved/.test(payload))
        return everyone;
      const event = eventOf(payload);
      if (event?.['type'] === 'error') return failed(memory, event, payload);
      if (event?.['type'] !== 'conversation.item.retrieved') return everyone;
      const id = asText(member(event['item'], 'id'));
      return answered(
        memory,
        memory.retrieved.find(({ item }) => item === id),
        payload,
      );
    },
  };
}

/** Nearly every frame of a voice session. */
function isUnnamedAudio(payload: Payload): boolean {
  return (
    typeof payload === 'string' &&
    payload.startsWith(AUDIO) &&
    !payload.slice(0, MARGIN).includes('"event_id"') &&
    !payload.slice(-MARGIN).includes('"event_id"')
  );
}

/** Null for a frame that asks for what another client has asked for already. @param wire null: nobody else could have */
function note(
  memory: OpenAIMemory,
  wire: OpenAIState | null,
  owner: number,
  event: JsonObject,
  call: string | undefined,
): OpenAIMemory | null {
  const item = shortId(event['item_id']);
  switch (event['type']) {
    case 'session.update':
      return member(event['session'], 'tools') === undefined ? memory : { ...memory, toolsOf: owner };
    case 'conversation.item.create':
      return call === undefined
        ? memory
        : { ...memory, calls: last([...memory.calls, { item: call, owner }]) };
    case 'conversation.item.truncate': {
      if (item === undefined) return memory;
      if (memory.truncated.some((each) => each.item === item && each.owner !== owner)) return null;
      return { ...memory, truncated: last([...memory.truncated, { item, owner }]) };
    }
    case 'conversation.item.retrieve':
      return item === undefined
        ? memory
        : { ...memory, retrieved: last([...memory.retrieved, { item, owner }]) };
    case 'response.cancel':
      return wire === null ? memory : cancel(memory, wire, asText(event['response_id']));
    default:
      return memory;
  }
}

/** The call that a frame is the answer to. */
function answeredCall(event: JsonObject): string | undefined {
  const item = event['type'] === 'conversation.item.create' ? event['item'] : undefined;
  return member(item, 'type') === 'function_call_output' ? shortId(member(item, 'call_id')) : undefined;
}

/** Whoever gave the session its tools answers their calls; while it is not there, whoever comes first. */
function isForAnother(memory: OpenAIMemory, speaker: Speaker, call: string | undefined): boolean {
  const { toolsOf, calls } = memory;
  if (call === undefined || speaker.isAlone || speaker.owner === toolsOf) return false;
  return (
    speaker.isAttached(toolsOf) || calls.some(({ item, owner }) => item === call && owner !== speaker.owner)
  );
}

function heard(memory: OpenAIMemory, owner: number): OpenAIMemory {
  if (!memory.unheard.includes(owner)) return memory;
  return { ...memory, unheard: memory.unheard.filter((each) => each !== owner) };
}

/** One cancellation for each response: any further one would be an error, in every client. */
function cancel(memory: OpenAIMemory, { open, asked }: OpenAIState, id: string | undefined) {
  const running = open.map((each) => each.id).filter((each) => id === undefined || each === id);
  const left = running.filter((each) => !memory.cancelled.includes(each));
  if (left.length > 0) return { ...memory, cancelled: last([...memory.cancelled, ...left]) };
  // One that was only asked for has no name yet.
  return id === undefined && asked > 0 && running.length === 0 ? memory : null;
}

/** Remembers whose event it is. Its name is changed only when another client's of the same name is not forgotten yet. */
function named(memory: OpenAIMemory, owner: number, event: JsonObject, payload: string) {
  const id = shortId(event['event_id']);
  if (id === undefined) return { memory, up: [payload] };
  const others = memory.events.filter((each) => each.id !== id || each.owner !== owner);
  const wire = others.some((each) => each.wire === id) ? renamed(id, owner) : id;
  return {
    memory: { ...memory, events: last([...others, { id, wire, owner }]) },
    up: [wire === id ? payload : withMember(payload, ['event_id'], wire)],
  };
}

/** An error is for the client whose event it names; one that names none, but answers an item's retrieval, for who asked first. */
function failed(memory: OpenAIMemory, event: JsonObject, payload: string) {
  const name = asText(member(event['error'], 'event_id'));
  const mine = memory.events.find(({ wire }) => wire === name);
  if (mine !== undefined) {
    const own = mine.wire === mine.id ? payload : withMember(payload, ['error', 'event_id'], mine.id);
    return {
      memory: { ...memory, events: memory.events.filter((each) => each !== mine) },
      to: mine.owner,
      own,
    };
  }
  const isRetrieval = asText(member(event['error'], 'code'))?.startsWith('item_retrieve') === true;
  return answered(memory, isRetrieval ? memory.retrieved[0] : undefined, payload);
}

function answered(
  memory: OpenAIMemory,
  asked: OpenAIMemory['retrieved'][number] | undefined,
  payload: Payload,
) {
  if (asked === undefined) return { memory, to: null, own: payload };
  return {
    memory: { ...memory, retrieved: memory.retrieved.filter((each) => each !== asked) },
    to: asked.owner,
    own: payload,
  };
}

function last<T>(entries: readonly T[]): readonly T[] {
  return entries.slice(-REMEMBERED);
}

/** What a client that joins is told first: the session as it is, and, if it wants them, the items so far. */
export function openaiGreeting(state: OpenAIState, history: 'none' | 'items'): readonly string[] {
  const { session, conversation, items } = state;
  if (session === null) return [];
  const begun = [
    serverEvent('session.created', { session }),
    ...(conversation === undefined ? [] : [serverEvent('conversation.created', { conversation })]),
  ];
  return history === 'none' ? begun : [...begun, ...itemEvents(items, isBetaSession(session))];
}

/** The beta wire told of an item once, the current one tells of its beginning and of its end. */
function itemEvents(items: readonly JsonObject[], isBeta: boolean): readonly string[] {
  return items.flatMap((item, index) => {
    const body = { previous_item_id: items[index - 1]?.['id'] ?? null, item };
    if (isBeta) return [serverEvent('conversation.item.created', body)];
    const added = serverEvent('conversation.item.added', body);
    return item['status'] === 'in_progress' ? [added] : [added, serverEvent('conversation.item.done', body)];
  });
}

/** SDKs take no event without an id. */
function serverEvent(type: string, body: JsonObject): string {
  return JSON.stringify({ type, event_id: 'event_parley', ...body });
}
