/** A simulated xAI voice service. A conversation that is resumed keeps its id; what it held is on another socket, and gone. */
import { refusal } from './faults.ts';
import { modelOf, readUpgrade } from './openai-handshake.ts';
import { play } from './openai.ts';
import type { Simulator } from './simulator.ts';
import { xaiWire } from './xai-wire.ts';

/** What the service takes when a client names no model. */
const DEFAULT_MODEL = 'grok-voice-latest';
const SECRET_PREFIX = 'xai-client-secret.';

export const xaiSimulator: Simulator = (request, now) => {
  const { headers, offered, query } = readUpgrade(request.url, request.headers);
  const secret = offered.find((value) => value.startsWith(SECRET_PREFIX))?.slice(SECRET_PREFIX.length);
  const key = headers['authorization']?.replace(/^Bearer\s+/i, '') ?? secret ?? '';
  // How the service refuses a key on a WebSocket is not known: a plain 401 here.
  if (key.includes('bad')) {
    return { kind: 'refuse', ...refusal(401, 'invalid_api_key', 'Incorrect API key provided.') };
  }
  return play(request, now, (upgrade) => ({
    model: modelOf(upgrade) ?? DEFAULT_MODEL,
    refusal: null,
    variant: xaiWire(),
    conversationId: query.get('conversation_id'),
  }));
};
