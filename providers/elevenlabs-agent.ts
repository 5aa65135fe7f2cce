/**
 * Reads a conversation with an agent. The wire has no end of a response: it ends when the next turn begins, when it is
 * interrupted, or with the session.
 */
import { asCount, asObject, asText, type JsonObject, member } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { SocketLife } from './adapter.ts';
import { audioObservation } from './elevenlabs-audio.ts';
import { agentError } from './elevenlabs-errors.ts';

export type AgentState = {
  readonly wire: 'agent';
  /** The first frame of the provider, which each client must get first; null until it came, or when it is too long. */
  readonly metadata: string | null;
  readonly inputFormat: string | null;
  readonly outputFormat: string | null;
  readonly responses: number;
  readonly open: OpenResponse | null;
  /** What a correction that names no event corrects. */
  readonly lastItem: string;
  readonly isTextOnly: boolean;
};

type OpenResponse = {
  readonly id: string;
  readonly hasOutput: boolean;
  /** Its text has come. */
  readonly isTold: boolean;
};

export interface AgentReading {
  readonly state: AgentState;
  readonly observations: readonly Observation[];
}

export const FRESH_AGENT: AgentState = {
  wire: 'agent',
  metadata: null,
  inputFormat: null,
  outputFormat: null,
  responses: 0,
  open: null,
  lastItem: '',
  isTextOnly: false,
};

/** The name under which its minutes are in the price table: the agent's models are its own, and not told. */
const BILLED_AS = 'agents';
const LONGEST_METADATA = 8192;
const LONGEST_ID = 128;
const INITIATION = 'conversation_initiation_client_data';

export function isInitiation(event: JsonObject): boolean {
  return event['type'] === INITIATION;
}

export function readAgentClient(state: AgentState, event: JsonObject): AgentReading {
  const audio = asText(event['user_audio_chunk']);
  if (audio !== undefined)
    return { state, observations: [audioObservation('user', audio, state.inputFormat)] };
  switch (event['type']) {
    case INITIATION: {
      const conversation = member(event['conversation_config_override'], 'conversation');
      const isTextOnly = state.isTextOnly || member(conversation, 'text_only') === true;
      return {
        state: isTextOnly === state.isTextOnly ? state : { ...state, isTextOnly },
        observations: [],
      };
    }
    case 'user_message':
    case 'multimodal_message':
      return { state, observations: [{ kind: 'asked' }] };
    default:
      return { state, observations: [] };
  }
}

export function readAgentServer(state: AgentState, event: JsonObject, frame: string): AgentReading {
  switch (event['type']) {
    case 'conversation_initiation_metadata':
      return {
        state: initiated(state, asObject(event['conversation_initiation_metadata_event']) ?? {}, frame),
        observations: [],
      };
    case 'audio':
      return readAudio(state, asText(member(event['audio_event'], 'audio_base_64')) ?? '');
    case 'user_transcript':
      return readUserTranscript(state, asObject(event['user_transcription_event']) ?? {});
    case 'agent_response':
      return readAgentResponse(state, asObject(event['agent_response_event']) ?? {});
    case 'agent_response_correction':
      return readCorrection(state, asObject(event['agent_response_correction_event']) ?? {});
    case 'agent_chat_response_part':
      return readTextPart(state, asText(member(event['text_response_part'], 'type')));
    case 'interruption':
      return ended(state, 'interrupted');
    case 'client_tool_call': {
      const call = event['client_tool_call'];
      const callId = asText(member(call, 'tool_call_id')) ?? '';
      return {
        state,
        observations: [{ kind: 'tool.called', callId, name: asText(member(call, 'tool_name')) ?? '' }],
      };
    }
    case 'error':
      return { state, observations: [agentError(event)] };
    default:
      return { state, observations: [] };
  }
}

function initiated(state: AgentState, metadata: JsonObject, frame: string): AgentState {
  return {
    ...state,
    metadata: frame.length <= LONGEST_METADATA ? frame : null,
    inputFormat: asText(metadata['user_input_audio_format'])?.slice(0, LONGEST_ID) ?? 'pcm_16000',
    outputFormat: asText(metadata['agent_output_audio_format'])?.slice(0, LONGEST_ID) ?? null,
  };
}

function readAudio(state: AgentState, audio: string): AgentReading {
  const heard = audioObservation('model', audio, state.outputFormat);
  const { state: next, observations } = withOutput(state, 'audio');
  return { state: next, observations: [heard, ...observations] };
}

/** The user's words come when the turn is theirs: what the agent had said before is over. */
function readUserTranscript(state: AgentState, event: JsonObject): AgentReading {
  const { state: next, observations } = ended(state, 'completed');
  const text = asText(event['user_transcript']) ?? '';
  const itemId = `user_${eventId(event) ?? state.responses}`;
  return {
    state: next,
    observations: [...observations, { kind: 'transcript', speaker: 'user', itemId, text }, { kind: 'asked' }],
  };
}

function readAgentResponse(state: AgentState, event: JsonObject): AgentReading {
  const before = state.open?.isTold === true ? ended(state, 'completed') : { state, observations: [] };
  const begun = before.state.isTextOnly ? withOutput(before.state, 'text') : opened(before.state);
  const { open } = begun.state;
  const itemId = `agent_${eventId(event) ?? begun.state.responses}`;
  return {
    state: { ...begun.state, lastItem: itemId, open: open === null ? null : { ...open, isTold: true } },
    observations: [
      ...before.observations,
      ...begun.observations,
      { kind: 'transcript', speaker: 'model', itemId, text: asText(event['agent_response']) ?? '' },
    ],
  };
}

/** What was heard of a response that was interrupted; it stands for the response's own text. */
function readCorrection(state: AgentState, event: JsonObject): AgentReading {
  const text = asText(event['corrected_agent_response']);
  if (text === undefined) return { state, observations: [] };
  const id = eventId(event);
  const itemId = id === undefined ? state.lastItem : `agent_${id}`;
  return { state, observations: [{ kind: 'transcript', speaker: 'model', itemId, text }] };
}

function readTextPart(state: AgentState, part: string | undefined): AgentReading {
  switch (part) {
    case 'start': {
      const before = state.open?.isTold === true ? ended(state, 'completed') : { state, observations: [] };
      const begun = opened(before.state);
      return { state: begun.state, observations: [...before.observations, ...begun.observations] };
    }
    case 'delta':
      return withOutput(state, 'text');
    default:
      return { state, observations: [] };
  }
}

function opened(state: AgentState): AgentReading {
  if (state.open !== null) return { state, observations: [] };
  const responses = state.responses + 1;
  const id = `response_${responses}`;
  return {
    state: { ...state, responses, open: { id, hasOutput: false, isTold: false } },
    observations: [{ kind: 'response.started', responseId: id }],
  };
}

function withOutput(state: AgentState, of: 'audio' | 'text'): AgentReading {
  const { state: begun, observations } = opened(state);
  const { open } = begun;
  if (open === null || open.hasOutput) return { state: begun, observations };
  return {
    state: { ...begun, open: { ...open, hasOutput: true } },
    observations: [...observations, { kind: 'response.output', responseId: open.id, of }],
  };
}

function ended(state: AgentState, outcome: 'completed' | 'interrupted' | 'incomplete'): AgentReading {
  if (state.open === null) return { state, observations: [] };
  return {
    state: { ...state, open: null },
    observations: [{ kind: 'response.ended', responseId: state.open.id, outcome }],
  };
}

/** A conversation is billed by the time for which it is open, which the wire does not tell. */
export function finishAgent(state: AgentState, { openMs }: SocketLife): readonly Observation[] {
  const { observations } = ended(state, state.open?.isTold === true ? 'completed' : 'incomplete');
  if (openMs === 0) return observations;
  const seconds = openMs / 1000;
  return [
    ...observations,
    {
      kind: 'usage',
      dedupeKey: 'conversation',
      purpose: 'response',
      model: BILLED_AS,
      usage: { unit: 'seconds', seconds },
      source: 'measured',
      raw: { connected_seconds: seconds },
    },
  ];
}

/** The answer that keeps a conversation while no client is there to give it. */
export function pongFor(event: JsonObject): string | null {
  const id = member(event['ping_event'], 'event_id');
  return event['type'] === 'ping' && id !== undefined ? JSON.stringify({ type: 'pong', event_id: id }) : null;
}

/** A number on the wire; the client library reads it from text too. */
function eventId(event: JsonObject): string | undefined {
  return asText(event['event_id'])?.slice(0, LONGEST_ID) ?? asCount(event['event_id'])?.toString();
}
