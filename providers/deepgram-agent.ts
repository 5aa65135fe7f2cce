/** Reads Deepgram's voice agent, and restores its conversation: the same settings again, with what was said as context. */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Observation, UsageObservation } from '../protocol/observations.ts';
import type { Outgoing, Reading, SocketLife } from './adapter.ts';
import type { Read } from './deepgram-listen.ts';
import { agentAudio, type AgentState } from './deepgram-state.ts';

/** Longer settings are not kept: then the agent cannot be restored. In UTF-16 units, as what follows. */
const MOST_SETTINGS = 128 * 1024;
const MOST_MESSAGES = 200;
const MOST_MESSAGE_TEXT = 64 * 1024;
const ID_CHARACTERS = 128;

/** Each changes one member of the settings' `agent`. */
const UPDATES: Readonly<Record<string, string>> = {
  UpdateThink: 'think',
  UpdateSpeak: 'speak',
  UpdateListen: 'listen',
};

const turnName = ({ turn }: AgentState): string => `turn_${turn}`;

export function readAgentClient(state: AgentState, message: JsonObject): Read<AgentState> {
  const type = asText(message['type']) ?? '';
  if (type === 'Settings') {
    return { state: { ...keep(state, message), ...agentAudio(message) }, observations: [] };
  }
  if (type === 'InjectUserMessage') return { state, observations: [{ kind: 'asked' }] };
  const { settings } = state;
  const agent = asObject(settings?.['agent']);
  if (settings === null || agent === undefined) return { state, observations: [] };
  if (type === 'UpdatePrompt') {
    const think = prompted(agent['think'], message['prompt'] ?? '');
    return { state: keep(state, { ...settings, agent: { ...agent, think } }), observations: [] };
  }
  const member = Object.hasOwn(UPDATES, type) ? UPDATES[type] : undefined;
  if (member === undefined) return { state, observations: [] };
  const changed = { ...agent, [member]: message[member] ?? null };
  return { state: keep(state, { ...settings, agent: changed }), observations: [] };
}

/** Several models may stand by for each other; each has its prompt. */
function prompted(think: JsonValue | undefined, prompt: JsonValue): JsonValue {
  const models = asArray(think);
  return models === undefined
    ? { ...asObject(think), prompt }
    : models.map((each) => ({ ...asObject(each), prompt }));
}

function keep(state: AgentState, settings: JsonObject): AgentState {
  return { ...state, settings: JSON.stringify(settings).length > MOST_SETTINGS ? null : settings };
}

export function readAgentServer(state: AgentState, message: JsonObject): Read<AgentState> {
  switch (message['type']) {
    case 'ConversationText':
      return readConversation(state, message);
    case 'AgentStartedSpeaking':
      return start(state);
    case 'AgentAudioDone':
      return end(state, 'completed');
    case 'UserStartedSpeaking':
      return end({ ...state, hearing: true }, 'interrupted');
    case 'FunctionCallRequest':
      return { state, observations: readCalls(message) };
    default:
      return { state, observations: [] };
  }
}

function readConversation(state: AgentState, message: JsonObject): Read<AgentState> {
  const role = asText(message['role']);
  const text = asText(message['content']) ?? '';
  if (text === '' || (role !== 'user' && role !== 'assistant')) return { state, observations: [] };
  const said = remember({ ...state, hearing: false }, { type: 'History', role, content: text });
  if (role === 'user') {
    const transcript = {
      kind: 'transcript',
      speaker: 'user',
      itemId: `user_${state.turn + 1}`,
      text,
    } as const;
    return { state: said, observations: [transcript, { kind: 'asked' }] };
  }
  const started = start(said);
  const itemId = turnName(started.state);
  return {
    state: started.state,
    observations: [...started.observations, { kind: 'transcript', speaker: 'model', itemId, text }],
  };
}

/** The oldest are forgotten first. */
function remember(state: AgentState, message: JsonObject): AgentState {
  const messages = [...state.messages, message].slice(-MOST_MESSAGES);
  const lengths = messages.map((each) => JSON.stringify(each).length);
  let total = lengths.reduce((sum, length) => sum + length, 0);
  let first = 0;
  while (total > MOST_MESSAGE_TEXT && first < messages.length) {
    total -= lengths[first] ?? 0;
    first += 1;
  }
  return { ...state, messages: messages.slice(first) };
}

function readCalls(message: JsonObject): readonly Observation[] {
  return (asArray(message['functions']) ?? []).flatMap((each): readonly Observation[] => {
    const callId = asText(member(each, 'id'))?.slice(0, ID_CHARACTERS);
    const name = asText(member(each, 'name'))?.slice(0, ID_CHARACTERS);
    return callId === undefined || name === undefined ? [] : [{ kind: 'tool.called', callId, name }];
  });
}

function start(state: AgentState): Read<AgentState> {
  if (state.open) return { state, observations: [] };
  const started = { ...state, turn: state.turn + 1, open: true, sounding: false };
  return { state: started, observations: [{ kind: 'response.started', responseId: turnName(started) }] };
}

function end(state: AgentState, outcome: 'completed' | 'interrupted'): Read<AgentState> {
  if (!state.open) return { state, observations: [] };
  return {
    state: { ...state, open: false, sounding: false },
    observations: [{ kind: 'response.ended', responseId: turnName(state), outcome }],
  };
}

/** The first audio of a turn. */
export function readAgentAudio(state: AgentState): Read<AgentState> {
  if (!state.open || state.sounding) return { state, observations: [] };
  return {
    state: { ...state, sounding: true },
    observations: [{ kind: 'response.output', responseId: turnName(state), of: 'audio' }],
  };
}

/** Billed by connected time, which the wire does not tell. */
export function unreportedAgent(
  { socket, model }: AgentState,
  life: SocketLife,
): readonly UsageObservation[] {
  const seconds = life.openMs / 1000;
  return [
    {
      kind: 'usage',
      dedupeKey: `socket_${socket}`,
      purpose: 'response',
      model,
      usage: { unit: 'seconds', seconds },
      source: 'measured',
      raw: { connected_seconds: seconds },
    },
  ];
}

/** On a new socket. A turn that died with the old one is over for its clients. */
export function restoreAgent(state: AgentState): {
  readonly state: AgentState;
  readonly send: Outgoing;
  readonly complete: boolean;
} {
  const { settings, messages, open } = state;
  const clients = open ? ['{"type":"AgentAudioDone"}'] : [];
  const quiet = { ...state, hearing: false, open: false, sounding: false };
  if (settings === null)
    return { state: { ...quiet, restoring: false }, send: { upstream: [], clients }, complete: true };
  const again = JSON.stringify(withContext(settings, messages));
  return {
    state: { ...quiet, restoring: true },
    send: { upstream: [again], clients },
    complete: false,
  };
}

/** An agent that is only named, not written out, has no place for a context. */
function withContext(settings: JsonObject, messages: readonly JsonValue[]): JsonObject {
  const written = asObject(settings['agent']);
  if (written === undefined) return settings;
  const { greeting: _, ...agent } = written;
  const before = asArray(member(agent['context'], 'messages')) ?? [];
  const context: JsonValue = { ...asObject(agent['context']), messages: [...before, ...messages] };
  return { ...settings, agent: { ...agent, context } };
}

/** The answers to a restoration, which clients have seen once already; null for any other frame. */
export function continueAgentRestore(
  state: AgentState,
  message: JsonObject,
): Omit<Reading<AgentState>, 'observations'> | null {
  if (!state.restoring) return null;
  switch (message['type']) {
    case 'Welcome':
      return { state, route: 'nowhere' };
    case 'SettingsApplied':
      return { state: { ...state, restoring: false }, route: 'nowhere', restored: true };
    default:
      return null;
  }
}
