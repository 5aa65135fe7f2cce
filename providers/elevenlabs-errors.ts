/** ElevenLabs' error shapes: each product has its own. */
import { asCount, asObject, asText, type JsonObject } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { PublicError } from '../protocol/errors.ts';
import type { Target } from './adapter.ts';
import { wireOf } from './elevenlabs-wires.ts';

const MESSAGE_CHARACTERS = 1000;

export function errorFrame({ code, message, close }: PublicError, target: Target): string {
  switch (wireOf(target)) {
    case 'stream':
    case 'multi':
    case 'dialogue':
      return JSON.stringify({ message, error: code, code: close });
    case 'transcription':
      return JSON.stringify({ message_type: 'error', error: `${code}: ${message}` });
    case 'agent':
    case null:
      return JSON.stringify({
        type: 'error',
        error_event: { code: close, message, error_type: code, reason: code },
      });
  }
}

/** `{"message","error","code"}`, as the text-to-speech sockets have it; null when the frame is none. */
export function speechError(event: JsonObject): Observation | null {
  const code = asText(event['error']) ?? asCount(event['code'])?.toString();
  const message = asText(event['message']);
  if (code === undefined || (message === undefined && event['audio'] !== undefined)) return null;
  return observed(code, message ?? code);
}

/** `error_event`, or the flat form that exists beside it. */
export function agentError(event: JsonObject): Observation {
  const error = asObject(event['error_event']) ?? event;
  const code = asText(error['error_type']) ?? asCount(error['code'])?.toString() ?? 'error';
  return observed(code, asText(error['message']) ?? asText(error['reason']) ?? code);
}

/** Its kind is the message's type. */
export function transcriptionError(event: JsonObject): Observation | null {
  const message = asText(event['error']);
  return message === undefined ? null : observed(asText(event['message_type']) ?? 'error', message);
}

function observed(code: string, message: string): Observation {
  return { kind: 'error', code, message: message.slice(0, MESSAGE_CHARACTERS) };
}
