/**
 * xAI Grok voice: OpenAI's realtime wire with differences. Sources, as of 2026-11: docs.x.ai, `@ai-sdk/xai` 5.0.12, and
 * public clients of it. It bills audio minutes and created items, and reports neither, so both are measured here.
 */
import { asArray, asObject, asText, type JsonObject, member } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type {
  ConnectRequest,
  Outgoing,
  Payload,
  ProviderAdapter,
  Reading,
  Sender,
  UpstreamRequest,
} from './adapter.ts';
import { openaiDialect, readEvent } from './openai.ts';
import { eventOf } from './openai-read.ts';
import { openaiGreeting, openaiSharing } from './openai-sharing.ts';
import { skim } from './openai-skim.ts';
import { FRESH, type OpenAIState, withoutItem } from './openai-state.ts';

export type XaiState = {
  readonly wire: OpenAIState;
  /** By which the provider resumes the conversation on a new socket. */
  readonly conversationId: string | null;
  /** Audio of both directions that no usage has told yet. */
  readonly audioMs: number;
  /** Usages told so far: each makes the next one's key. */
  readonly told: number;
};

const CONVERSATION = 'conversation_id';

const realtime = openaiDialect({
  id: 'xai',
  genAiName: 'x_ai',
  aliases: ['grok'],
  settings: { key: 'XAI_API_KEY', baseUrl: 'XAI_BASE_URL', defaultBaseUrl: 'https://api.x.ai/v1' },
});

/** docs.x.ai, as of 2026: a session lasts 120 minutes. */
const SESSION_MS = 120 * 60_000;

export const xai: ProviderAdapter<XaiState> = {
  ...realtime,
  // Transcripts of what the user says grow until they are done, in frames of one type.
  streamedText: [
    ...realtime.streamedText,
    { type: 'conversation.item.input_audio_transcription.*', path: 'transcript' },
  ],
  carriers: [{ in: 'subprotocol', prefix: 'xai-client-secret.' }, ...realtime.carriers],
  forwardHeaders: [],
  // Text comes in events of its own names: for its own models alone.
  ...(realtime.standIn === undefined ? {} : { standIn: { ...realtime.standIn, wire: 'xai-realtime' } }),
  begin: () => ({
    // Each item that is created again is paid for: its words will do.
    wire: FRESH,
    conversationId: null,
    audioMs: 0,
    told: 0,
  }),
  dial,
  read,
  // Audio is billed by what passed, so `read` counts it in the state: nothing is left for the fast path.
  skim: () => null,
  intercepts: (state) => realtime.intercepts(state.wire),
  succession: { longestMs: () => SESSION_MS },
  settled: (state) => realtime.settled?.(state.wire) ?? true,
  restore: (state) => {
    const restored = realtime.restore(resumes(state) ? { ...state.wire, items: [] } : state.wire);
    // What the socket before had left to tell is told.
    const told = state.audioMs === 0 ? state.told : state.told + 1;
    return { ...restored, state: { ...state, wire: restored.state, audioMs: 0, told } };
  },
  greeting: ({ wire }, history) => openaiGreeting(wire, history),
  sharing: openaiSharing(({ wire }: XaiState) => wire),
  farewell: (state) => realtime.farewell?.(state.wire) ?? null,
  resumable: (code, reason, state) => realtime.resumable?.(code, reason, state.wire) === true,
  atEnd: (state, life) => [...audioUsage(state), ...(realtime.atEnd?.(state.wire, life) ?? [])],
  owes: (state) => realtime.owes(state.wire),
};

/**
 * Whether the provider itself brings the conversation back: its client asked for that. Otherwise the items are created
 * again, at the price of each.
 */
function resumes({ wire, conversationId }: XaiState): boolean {
  const enabled = [wire.wanted, wire.session].some(
    (config) => member(member(config ?? undefined, 'resumption'), 'enabled') === true,
  );
  return enabled && conversationId !== null;
}

function dial(request: ConnectRequest, state: XaiState): UpstreamRequest {
  const { conversationId } = state;
  // With the key in its header xAI is offered none; what OpenAI's clients offer is answered here.
  const own = { ...request, subprotocols: [] };
  if (state.wire.dials === 0 || conversationId === null || !resumes(state)) {
    return realtime.dial(own, state.wire);
  }
  const others = request.query.filter(([name]) => name !== CONVERSATION);
  return realtime.dial({ ...own, query: [...others, [CONVERSATION, conversationId]] }, state.wire);
}

function read(state: XaiState, from: Sender, payload: Payload): Reading<XaiState> {
  // Audio need not be parsed to be counted.
  const isRead = typeof payload === 'string' && payload.startsWith(READ_HERE);
  const quick = isRead ? null : skim(state.wire, from, payload);
  if (quick !== null) return { state: withAudio(state, quick), observations: quick, route: 'across' };
  const event = eventOf(payload);
  if (event === undefined) return { state, observations: [], route: 'across' };
  const reading = readEvent(state.wire, from, asOpenai(event));
  const wire = from.side === 'client' ? withoutDeleted(reading.state, event) : reading.state;
  const next = withAudio(wire === state.wire ? state : { ...state, wire }, reading.observations);
  const measured = from.side === 'client' ? created(next, [event]) : readServer(next, event, reading.send);
  return {
    ...reading,
    state: measured.state,
    observations: [...reading.observations, ...measured.observations],
  };
}

/** What OpenAI's wire says nothing with is read here: the conversation's id, and items that clients create and delete. */
const READ_HERE = '{"type":"conversation.';

interface Measured {
  readonly state: XaiState;
  readonly observations: readonly Observation[];
}

/** @param sent what the event made the broker send */
function readServer(state: XaiState, event: JsonObject, sent: Outgoing | undefined): Measured {
  if (sent !== undefined)
    return created(
      state,
      sent.upstream.map(eventOf).filter((each) => each !== undefined),
    );
  switch (asText(event['type'])) {
    case 'conversation.created': {
      const conversationId = asText(member(event['conversation'], 'id')) ?? state.conversationId;
      const isNew = conversationId !== state.conversationId;
      return { state: isNew ? { ...state, conversationId } : state, observations: [] };
    }
    case 'response.done': {
      const observations = audioUsage(state);
      return observations.length === 0
        ? { state, observations }
        : { state: { ...state, audioMs: 0, told: state.told + 1 }, observations };
    }
    default:
      return { state, observations: [] };
  }
}

/** Each item that is created is billed, but for the answer of a function and for audio. */
function created(state: XaiState, events: readonly JsonObject[]): Measured {
  const items = events.filter(
    (event) => event['type'] === 'conversation.item.create' && !isFree(asObject(event['item']) ?? {}),
  ).length;
  if (items === 0) return { state, observations: [] };
  return {
    state: { ...state, told: state.told + 1 },
    observations: [
      {
        kind: 'usage',
        dedupeKey: `items/${state.told}`,
        purpose: 'response',
        model: modelOf(state),
        usage: { unit: 'items', items },
        source: 'measured',
        raw: { type: 'conversation.item.create', items },
      },
    ],
  };
}

function isFree(item: JsonObject): boolean {
  if (item['type'] === 'function_call_output') return true;
  return (asArray(item['content']) ?? []).some((part) => member(part, 'type') === 'input_audio');
}

function audioUsage(state: XaiState): readonly Observation[] {
  if (state.audioMs === 0) return [];
  const seconds = state.audioMs / 1000;
  return [
    {
      kind: 'usage',
      dedupeKey: `audio/${state.told}`,
      purpose: 'response',
      model: modelOf(state),
      usage: { unit: 'seconds', seconds },
      source: 'measured',
      raw: { type: 'audio', seconds },
    },
  ];
}

function modelOf({ wire }: XaiState): string | null {
  return asText(wire.session?.['model']) ?? null;
}

/** Audio of an unknown format has no length that could be billed. */
function withAudio(state: XaiState, observations: readonly Observation[]): XaiState {
  const ms = observations.reduce((sum, each) => (each.kind === 'audio' ? sum + (each.ms ?? 0) : sum), 0);
  return ms === 0 ? state : { ...state, audioMs: state.audioMs + ms };
}

/** An event as OpenAI would have sent it, where what xAI sends would be read wrongly. */
function asOpenai(event: JsonObject): JsonObject {
  const type = asText(event['type']) ?? '';
  if (type === 'response.done') {
    // The usage may stand beside the response.
    const response = asObject(event['response']) ?? {};
    return member(response['usage'], 'input_tokens') === undefined && event['usage'] !== undefined
      ? { ...event, response: { ...response, usage: event['usage'] } }
      : event;
  }
  // Cumulative until it is done: each would be a transcript of its own.
  if (event['status'] === 'in_progress' && type.startsWith('conversation.item.input_audio_transcription.')) {
    return { ...event, type: 'conversation.item.input_audio_transcription.delta' };
  }
  // Null is "first" at OpenAI; here it comes with items that are last.
  if (event['previous_item_id'] === null && type.startsWith('conversation.item.')) {
    const { previous_item_id: _unknown, ...rest } = event;
    return rest;
  }
  return event;
}

/** `conversation.item.deleted` comes without the id, so the wish for it must do. */
function withoutDeleted(wire: OpenAIState, event: JsonObject): OpenAIState {
  return event['type'] === 'conversation.item.delete'
    ? withoutItem(wire, asText(event['item_id']) ?? '')
    : wire;
}
