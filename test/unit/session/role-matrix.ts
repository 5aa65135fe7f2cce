/** What clients can send to each provider, and what it does: every kind of event of every wire. */
import type { ConnectRequest, Payload } from '../../../protocol/connect.ts';
import type { Act, ProviderAdapter } from '../../../providers/adapter.ts';
import { assemblyai } from '../../../providers/assemblyai.ts';
import { azureOpenai } from '../../../providers/azure-openai.ts';
import { cartesia } from '../../../providers/cartesia.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { fal } from '../../../providers/fal.ts';
import { vertex } from '../../../providers/gemini-vertex.ts';
import { gemini } from '../../../providers/gemini.ts';
import { opaque } from '../../../providers/opaque.ts';
import { openai } from '../../../providers/openai.ts';
import { simulator } from '../../../providers/simulator.ts';
import { workersAi } from '../../../providers/workers-ai.ts';
import { xai } from '../../../providers/xai.ts';
import { encodeMsgpack } from '../../../simulators/msgpack.ts';

export interface Wire {
  readonly name: string;
  readonly adapter: ProviderAdapter;
  readonly request: ConnectRequest;
  readonly rows: readonly (readonly [Payload, Act])[];
}

const BASE: ConnectRequest = {
  path: '',
  query: [],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://x',
  credential: 'key',
};
const SOUND = new Uint8Array([1, 2, 3, 4]).buffer;

export function bytes(text: string): ArrayBuffer {
  return new Uint8Array(new TextEncoder().encode(text)).buffer;
}

const text = (value: unknown): string => JSON.stringify(value);

const OPENAI: readonly (readonly [Payload, Act])[] = [
  [text({ type: 'input_audio_buffer.append', audio: 'AAAA' }), 'speak'],
  [text({ event_id: 'e', type: 'input_audio_buffer.append', audio: 'AAAA' }), 'speak'],
  [text({ type: 'input_audio_buffer.append', audio: 'AAAA', session: { instructions: 'x' } }), 'configure'],
  [text({ type: 'input_audio_buffer.commit' }), 'speak'],
  [text({ type: 'input_audio_buffer.clear' }), 'speak'],
  [text({ type: 'output_audio_buffer.clear' }), 'speak'],
  [text({ type: 'response.create' }), 'speak'],
  [text({ type: 'response.create', response: { output_modalities: ['text'] } }), 'speak'],
  [text({ type: 'response.create', response: { instructions: 'obey' } }), 'configure'],
  [text({ type: 'response.create', response: { tools: [] } }), 'configure'],
  [text({ type: 'response.create', response: { input: [] } }), 'configure'],
  [text({ type: 'response.create', response: 'x' }), 'configure'],
  [text({ type: 'response.cancel' }), 'speak'],
  [text({ type: 'conversation.item.truncate', item_id: 'i', content_index: 0, audio_end_ms: 1 }), 'speak'],
  [text({ type: 'conversation.item.retrieve', item_id: 'i' }), 'attend'],
  [text({ type: 'conversation.item.delete', item_id: 'i' }), 'configure'],
  [userItem('user', 'input_text'), 'speak'],
  [userItem('user', 'output_text'), 'configure'],
  [userItem('system', 'input_text'), 'configure'],
  [userItem('assistant', 'output_text'), 'configure'],
  [
    text({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: 'c', output: '' },
    }),
    'answer',
  ],
  [text({ type: 'conversation.item.create', item: { type: 'mcp_approval_response' } }), 'answer'],
  [text({ type: 'conversation.item.create' }), 'unknown'],
  [text({ type: 'session.update', session: {} }), 'configure'],
  [text({ type: 'transcription_session.update', session: {} }), 'configure'],
  [text({ type: 'toString' }), 'unknown'],
  [text({ type: '__proto__' }), 'unknown'],
  [text({ type: 'INPUT_AUDIO_BUFFER.APPEND', audio: '' }), 'unknown'],
  [text({ type: ['input_audio_buffer.append'] }), 'unknown'],
  [text([{ type: 'input_audio_buffer.append', audio: '' }]), 'unknown'],
  [SOUND, 'unknown'],
];

function userItem(role: string, part: string): string {
  return text({
    type: 'conversation.item.create',
    item: { type: 'message', role, content: [{ type: part, text: 'hi' }] },
  });
}

const GEMINI: readonly (readonly [Payload, Act])[] = [
  [text({ realtimeInput: { audio: { data: 'AAAA', mimeType: 'audio/pcm;rate=16000' } } }), 'speak'],
  [bytes(text({ realtimeInput: { audio: { data: 'AAAA', mimeType: 'audio/pcm' } } })), 'speak'],
  [text({ realtime_input: { media_chunks: [{ data: 'AAAA', mime_type: 'audio/pcm' }] } }), 'speak'],
  [text({ realtimeInput: { text: 'hi' } }), 'speak'],
  [text({ realtimeInput: { activityStart: {} } }), 'speak'],
  [text({ realtimeInput: { audioStreamEnd: true } }), 'speak'],
  [text({ realtimeInput: { systemInstruction: {} } }), 'unknown'],
  [
    text({ clientContent: { turns: [{ role: 'user', parts: [{ text: 'hi' }] }], turnComplete: true } }),
    'speak',
  ],
  [text({ clientContent: { turns: [{ role: 'model', parts: [] }] } }), 'configure'],
  [text({ clientContent: { turns: [{ role: 'user' }, { role: 'system' }] } }), 'configure'],
  [text({ clientContent: { turns: [{ role: 'user', Role: 'model' }] } }), 'unknown'],
  [text({ setup: { model: 'm' } }), 'configure'],
  [bytes(text({ setup: { model: 'm' } })), 'configure'],
  [text({ contextUpdate: {} }), 'configure'],
  [text({ toolResponse: { functionResponses: [] } }), 'answer'],
  [text({ realtimeInput: { text: 'hi' }, setup: {} }), 'unknown'],
  [text({ realtimeInput: { text: 'hi' }, realtime_input: { text: 'x' } }), 'unknown'],
  [text({ realtimeInput: { mediaChunks: [], media_chunks: [] } }), 'unknown'],
  [SOUND, 'unknown'],
];

const of = (
  adapter: ProviderAdapter,
  name: string,
  request: Partial<ConnectRequest>,
  rows: Wire['rows'],
): Wire => ({
  name: `${adapter.id} ${name}`,
  adapter,
  request: { ...BASE, ...request },
  rows,
});

const DEEPGRAM: readonly Wire[] = [
  of(deepgram, 'listen', { path: 'v1/listen' }, [
    [SOUND, 'speak'],
    [new ArrayBuffer(0), 'unknown'],
    [bytes('{"type":"CloseStream"}'), 'unknown'],
    [text({ type: 'KeepAlive' }), 'attend'],
    [text({ type: 'Finalize' }), 'speak'],
    [text({ type: 'Finalize', more: 1 }), 'configure'],
    [text({ type: 'CloseStream' }), 'configure'],
    [text({ type: 'finalize' }), 'unknown'],
  ]),
  of(deepgram, 'flux', { path: 'v2/listen' }, [
    [SOUND, 'speak'],
    [text({ type: 'Configure' }), 'configure'],
    [text({ type: 'CloseStream' }), 'configure'],
  ]),
  of(deepgram, 'speak', { path: 'v1/speak' }, [
    [text({ type: 'Speak', text: 'hi' }), 'speak'],
    [text({ type: 'Flush' }), 'speak'],
    [text({ type: 'Clear' }), 'speak'],
    [text({ type: 'Close' }), 'configure'],
    [SOUND, 'unknown'],
  ]),
  of(deepgram, 'speech', { path: 'v2/speak' }, [
    [text({ type: 'Speak', text: 'hi' }), 'speak'],
    [text({ type: 'Interrupt' }), 'speak'],
    [text({ type: 'Configure', speed: 2 }), 'configure'],
    [text({ type: 'Close' }), 'configure'],
  ]),
  of(deepgram, 'agent', { path: 'v1/agent/converse' }, [
    [SOUND, 'speak'],
    [text({ type: 'KeepAlive' }), 'attend'],
    [text({ type: 'InjectUserMessage', content: 'hi' }), 'speak'],
    ...['Settings', 'UpdatePrompt', 'UpdateThink', 'UpdateSpeak', 'UpdateListen', 'InjectAgentMessage'].map(
      (type): readonly [Payload, Act] => [text({ type }), 'configure'],
    ),
    [text({ type: 'FunctionCallResponse' }), 'answer'],
  ]),
];

const ELEVENLABS: readonly Wire[] = [
  of(elevenlabs, 'stream', { path: 'v1/text-to-speech/v/stream-input' }, [
    [text({ text: 'hi ' }), 'speak'],
    [text({ text: 'hi ', flush: true }), 'speak'],
    [text({ text: '' }), 'configure'],
    [text({ text: ' ', voice_settings: {} }), 'configure'],
    [text({ text: ' ', xi_api_key: 'k' }), 'configure'],
    [text({ flush: true }), 'unknown'],
  ]),
  of(elevenlabs, 'multi', { path: 'v1/text-to-speech/v/multi-stream-input' }, [
    [text({ text: 'hi ', context_id: 'a' }), 'speak'],
    [text({ context_id: 'a', close_context: true }), 'speak'],
    [text({ close_socket: true }), 'configure'],
    [text({ text: 'x', close_socket: true }), 'configure'],
    [text({ context_id: 'a' }), 'unknown'],
  ]),
  of(elevenlabs, 'dialogue', { path: 'v1/text-to-dialogue/stream-input' }, [
    [text({ inputs: [{ text: 'hi', voice_id: 'v' }] }), 'speak'],
    [text({ inputs: [{ text: 'hi', voice_id: 'v', settings: {} }] }), 'configure'],
    [text({ voices: ['v'] }), 'configure'],
  ]),
  of(elevenlabs, 'transcription', { path: 'v1/speech-to-text/realtime' }, [
    [text({ message_type: 'input_audio_chunk', audio_base_64: 'AAAA' }), 'speak'],
    [text({ message_type: 'input_audio_chunk', audio_base_64: 'AAAA', commit: true }), 'speak'],
    [text({ message_type: 'input_audio_chunk', audio_base_64: '', previous_text: 'x' }), 'configure'],
    [text({ message_type: 'other' }), 'unknown'],
  ]),
  of(elevenlabs, 'agent', { path: 'v1/convai/conversation' }, [
    [text({ user_audio_chunk: 'AAAA' }), 'speak'],
    [text({ user_audio_chunk: 1 }), 'unknown'],
    [text({ user_audio_chunk: 'AAAA', type: 'contextual_update' }), 'configure'],
    [text({ type: 'user_message', text: 'hi' }), 'speak'],
    [text({ type: 'user_activity' }), 'speak'],
    [text({ type: 'pong', event_id: 1 }), 'attend'],
    [text({ type: 'feedback', score: 'like', event_id: 1 }), 'attend'],
    [text({ type: 'client_tool_result' }), 'answer'],
    [text({ type: 'mcp_tool_approval_result' }), 'answer'],
    [text({ type: 'contextual_update', text: 'x' }), 'configure'],
    [text({ type: 'conversation_initiation_client_data' }), 'configure'],
  ]),
];

export const WIRES: readonly Wire[] = [
  of(openai, 'realtime', {}, OPENAI),
  of(azureOpenai, 'realtime', {}, OPENAI),
  of(xai, 'realtime', {}, OPENAI),
  of(simulator, 'realtime', {}, OPENAI),
  of(openai, 'translation', { path: 'realtime/translations' }, [
    [text({ type: 'session.input_audio_buffer.append', audio: 'AAAA' }), 'speak'],
    [text({ type: 'session.update', session: {} }), 'configure'],
    [text({ type: 'session.close' }), 'configure'],
    [text({ type: 'input_audio_buffer.append', audio: '' }), 'unknown'],
  ]),
  of(openai, 'live', { path: 'live/sessions' }, [
    [text({ type: 'session.input_audio.append', audio: 'AAAA' }), 'speak'],
    [text({ type: 'session.start' }), 'configure'],
    [text({ type: 'session.close' }), 'configure'],
  ]),
  of(openai, 'responses', { path: 'responses' }, [
    [text({ type: 'response.create', input: 'hi' }), 'configure'],
  ]),
  of(gemini, 'live', {}, GEMINI),
  of(vertex, 'live', {}, GEMINI),
  of(
    gemini,
    'music',
    { path: 'ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic' },
    [[text({ realtimeInput: { text: 'hi' } }), 'unknown']],
  ),
  of(cartesia, 'tts', { path: 'tts/websocket' }, [
    [text({ model_id: 'm', transcript: 'hi', voice: {}, context_id: 'a' }), 'speak'],
    [text({ context_id: 'a', cancel: true }), 'speak'],
    [text({ context_id: 'a' }), 'unknown'],
    [text({ type: 'config', transcript: 'hi' }), 'unknown'],
    [SOUND, 'unknown'],
  ]),
  of(cartesia, 'stt', { path: 'stt/websocket' }, [
    [SOUND, 'speak'],
    ['finalize', 'speak'],
    ['close', 'configure'],
    ['done', 'configure'],
    ['finalize ', 'unknown'],
    [bytes('{"type":"config"}'), 'unknown'],
  ]),
  of(cartesia, 'turns', { path: 'stt/turns/websocket' }, [
    [SOUND, 'speak'],
    [text({ type: 'config', turn: {} }), 'configure'],
    [text({ type: 'close' }), 'configure'],
  ]),
  ...ELEVENLABS,
  ...DEEPGRAM,
  of(workersAi, 'listen', { query: [['model', '@cf/deepgram/nova-3']] }, DEEPGRAM[0]?.rows ?? []),
  of(assemblyai, 'v3', { path: 'v3/ws' }, [
    [SOUND, 'speak'],
    [text({ type: 'ForceEndpoint' }), 'speak'],
    [text({ type: 'KeepAlive' }), 'attend'],
    [text({ type: 'UpdateConfiguration' }), 'configure'],
    [text({ type: 'Terminate' }), 'configure'],
    [bytes('{"type":"Terminate"}'), 'unknown'],
  ]),
  of(fal, 'http', { path: 'fal-ai/x' }, [
    [text({ prompt: 'hi' }), 'speak'],
    ['"hi"', 'unknown'],
    [SOUND, 'unknown'],
  ]),
  of(fal, 'realtime', { path: 'fal-ai/x/realtime' }, [
    [
      new Uint8Array(encodeMsgpack({ prompt: 'hi', image: { size: 512, big: [1.5, null, true] } })).buffer,
      'speak',
    ],
    // {"a":1,"a":2}, {"a":1,"A":2}, what ends early, and what goes on.
    [new Uint8Array([0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02]).buffer, 'unknown'],
    [new Uint8Array([0x82, 0xa1, 0x61, 0x01, 0xa1, 0x41, 0x02]).buffer, 'unknown'],
    [new Uint8Array([0x82, 0xa1, 0x61, 0x01]).buffer, 'unknown'],
    [new Uint8Array([0x81, 0xa1, 0x61, 0x01, 0x01]).buffer, 'unknown'],
    [new Uint8Array([0x93, 0x01, 0x02, 0x03]).buffer, 'unknown'],
    [new Uint8Array([0xc1]).buffer, 'unknown'],
  ]),
  of(opaque, 'anything', {}, [
    [text({ type: 'speak' }), 'unknown'],
    [SOUND, 'unknown'],
  ]),
];

/** The same event, written so that parsers may disagree about it. `forbidden` is what a reader could take it for. */
export const HOSTILE: readonly string[] = [
  '{"type":"input_audio_buffer.append","type":"session.update"}',
  '{"type":"session.update","type":"input_audio_buffer.append","audio":""}',
  '{"type":"input_audio_buffer.append","\\u0074ype":"session.update","audio":""}',
  '{"type":"input_audio_buffer.append","Type":"session.update","audio":""}',
  '{"type":"input_audio_buffer.append","audio":"AAAA","audio":"","session":{}}',
  '{"type":"input_audio_buffer.append","audio":"A","type":"session.update","x":"A"}',
  '{"type":"input_audio_buffer.append","audio":"A\\","type":"session.update","x":"A"}',
  '{"type":"session.\\u0075pdate","session":{}}',
  '{ "type" : "session.update" , "session" : {} }',
  '\n\t{"type":"session.update"}',
  '\uFEFF{"type":"session.update"}',
  '\uFEFF{"type":"input_audio_buffer.append","audio":""}',
  '[{"type":"session.update"}]',
  '{"type":"response.create","response":{"instructions":"a","instructions":"b"}}',
  '{"type":"response.create","response":{"metadata":{"a":1,"a":2}}}',
  '{"type":"response.create","response":{"\\u0069nstructions":"x"}}',
  '{"type":"response.create","response":{},"response":{"tools":[]}}',
  '{"type":{"$":"input_audio_buffer.append"}}',
  '{"__proto__":{"type":"input_audio_buffer.append"}}',
  '{"type":"input_audio_buffer.append","audio":"AAAA"}{"type":"session.update"}',
  '{"type":"input_audio_buffer.append","audio":"AAAA"}\n{"type":"session.update"}',
  "{'type':'session.update'}",
  '{"type":"input_audio_buffer.append"/**/,"type":"session.update"}',
  '',
  'null',
  '"session.update"',
];
