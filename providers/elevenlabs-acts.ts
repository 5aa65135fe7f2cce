/** What clients' frames do on each of ElevenLabs' wires. Members that are not named here set something, or hold a key. */
import { asArray, asText, type JsonObject } from '../protocol/json.ts';
import { type Act, byType, hasOnly, only, readActs, type ReadAct } from './acts.ts';
import type { Wire } from './elevenlabs-wires.ts';

const TEXT = ['text', 'flush', 'try_trigger_generation'];
const DONE = /"\}$/y;

/** An empty text is the end of the one stream, for everybody. */
function streamAct(event: JsonObject): Act {
  const text = asText(event['text']);
  if (text === undefined) return 'unknown';
  return text !== '' && hasOnly(event, TEXT) ? 'speak' : 'configure';
}

function multiAct(event: JsonObject): Act {
  const names = [...TEXT, 'context_id', 'close_context'];
  const speaks =
    asText(event['text']) !== undefined || event['close_context'] === true || event['flush'] === true;
  if (!hasOnly(event, names)) return 'configure';
  return speaks ? 'speak' : 'unknown';
}

/** Each line of a dialogue names its voice, out of those that its opening set. */
function dialogueAct(event: JsonObject): Act {
  const names = ['inputs', 'flush', 'context_id', 'close_context'];
  if (!hasOnly(event, names)) return 'configure';
  const inputs = asArray(event['inputs']) ?? [];
  if (!inputs.every((each) => hasOnly(each, ['text', 'voice_id']))) return 'configure';
  return inputs.length > 0 || event['close_context'] === true || event['flush'] === true
    ? 'speak'
    : 'unknown';
}

const agent = byType(
  new Map<string, Act | ((event: JsonObject) => Act)>([
    ['user_message', only(['type', 'text'], 'speak')],
    ['multimodal_message', only(['type', 'text', 'file'], 'speak')],
    ['user_activity', only(['type'], 'speak')],
    ['pong', only(['type', 'event_id'], 'attend')],
    ['feedback', only(['type', 'score', 'event_id'], 'attend')],
    ['client_tool_result', 'answer'],
    ['mcp_tool_approval_result', 'answer'],
    ['contextual_update', 'configure'],
    ['conversation_initiation_client_data', 'configure'],
  ]),
);

const ACTS: Readonly<Record<Wire, ReadAct>> = {
  stream: readActs({ object: streamAct }),
  multi: readActs({ object: multiAct }),
  dialogue: readActs({ object: dialogueAct }),
  transcription: readActs({
    plain: { head: '{"message_type":"input_audio_chunk","audio_base_64":"', tail: DONE },
    object: byType(
      new Map([
        ['input_audio_chunk', only(['message_type', 'audio_base_64', 'commit', 'sample_rate'], 'speak')],
      ]),
      'message_type',
    ),
  }),
  agent: readActs({
    plain: { head: '{"user_audio_chunk":"', tail: DONE },
    object: (event) => (hasOnly(event, ['user_audio_chunk']) ? soundAct(event) : agent(event)),
  }),
};

function soundAct(event: JsonObject): Act {
  return asText(event['user_audio_chunk']) === undefined ? 'unknown' : 'speak';
}

export function elevenlabsActs(wire: Wire | null): ReadAct {
  return ACTS[wire ?? 'agent'];
}
