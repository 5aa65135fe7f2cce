/**
 * Names of OpenTelemetry's conventions for generative AI (open-telemetry/semantic-conventions-genai, status Development,
 * read 2026-11-25), and our own beside them, which begin with `parley.`. All in one place, since the former still change.
 */
import type { TokenTotals } from './recording.ts';

export const GEN_AI = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  conversation: 'gen_ai.conversation.id',
  realtimeSession: 'gen_ai.realtime_session.id',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  outputType: 'gen_ai.output.type',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedTokens: 'gen_ai.usage.cache_read.input_tokens',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  toolName: 'gen_ai.tool.name',
  toolCallId: 'gen_ai.tool.call.id',
  errorType: 'error.type',
} as const;

/** What a session does: talk, or only one half of it, for which the conventions have no realtime span. */
export type Operation = 'realtime_inference' | 'text_to_speech' | 'speech_to_text';
export const EXECUTE_TOOL = 'execute_tool';

/** By modality; 0 is left out, since a total is always there. */
export const TOKEN_ATTRIBUTES: Readonly<Record<keyof TokenTotals, string>> = {
  input_text: 'gen_ai.usage.text.input_tokens',
  input_audio: 'gen_ai.usage.audio.input_tokens',
  input_image: 'gen_ai.usage.image.input_tokens',
  cached_text: 'gen_ai.usage.text.cache_read.input_tokens',
  cached_audio: 'gen_ai.usage.audio.cache_read.input_tokens',
  cached_image: 'gen_ai.usage.image.cache_read.input_tokens',
  output_text: 'gen_ai.usage.text.output_tokens',
  output_audio: 'gen_ai.usage.audio.output_tokens',
  output_image: 'gen_ai.usage.image.output_tokens',
  reasoning: 'gen_ai.usage.reasoning.output_tokens',
};

export const PARLEY = {
  session: 'parley.session',
  account: 'parley.account',
  gateway: 'parley.gateway',
  endedReason: 'parley.ended_reason',
  closedBy: 'parley.closed_by',
  closeCode: 'parley.close_code',
  simulated: 'parley.simulated',
  dialMs: 'parley.dial_ms',
  turns: 'parley.turns',
  interruptions: 'parley.interruptions',
  toolCalls: 'parley.tool_calls',
  errors: 'parley.errors',
  audioInMs: 'parley.audio.in_ms',
  audioOutMs: 'parley.audio.out_ms',
  silenceMs: 'parley.silence_ms',
  cost: 'parley.cost.usd',
  costComplete: 'parley.cost.complete',
  eventId: 'parley.event_id',
  /** Followed by the tag's name. */
  metadata: 'parley.metadata.',
  outcome: 'parley.outcome',
  firstOutputMs: 'parley.first_output_ms',
  /** Events of the session's span: usage of no turn, and errors. */
  usage: 'parley.usage',
  usagePurpose: 'parley.usage.purpose',
  usageUnit: 'parley.usage.unit',
  usageAmount: 'parley.usage.amount',
  error: 'parley.error',
  errorMessage: 'parley.error.message',
  /** Turns and tool calls past the limit of one export. */
  leftOut: 'parley.spans_left_out',
} as const;
