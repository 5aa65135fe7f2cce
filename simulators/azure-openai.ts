/** A simulated Azure OpenAI resource: the GA path speaks OpenAI's own wire, the preview path that of the beta. */
import { asText, member, parseJson } from '../protocol/json.ts';
import { betaWire } from './openai-beta-wire.ts';
import { modelOf, readUpgrade, type Upgrade } from './openai-handshake.ts';
import { isTranscription, type Played, play } from './openai.ts';
import { PLAIN } from './openai-variant.ts';
import type { Handshake, Simulator } from './simulator.ts';

const GA = '/openai/v1/realtime';
const PREVIEW = '/openai/realtime';

export const azureOpenaiSimulator: Simulator = (request, now) => {
  const upgrade = readUpgrade(request.url, request.headers);
  const { path, headers, query } = upgrade;
  const key = headers['api-key'] ?? query.get('api-key') ?? headers['authorization'] ?? '';
  // By Microsoft's pages a version on the GA path is a 401 too.
  if (key.includes('bad') || (path === GA && query.has('api-version'))) {
    return refused(401, 'Access denied due to invalid subscription key or wrong API endpoint.');
  }
  if (path === GA) return inOwnShape(play(request, now, playedGa));
  if (path !== PREVIEW || !query.has('api-version')) return refused(404, 'Resource not found');
  const deployment = query.get('deployment') ?? '';
  if (deployment === '' || deployment === 'nope') {
    return refused(404, 'The API deployment for this resource does not exist.');
  }
  const played = { model: deployment, refusal: null, variant: betaWire(), conversationId: null };
  return inOwnShape(play(request, now, () => played));
};

function playedGa(upgrade: Upgrade): Played {
  const model = modelOf(upgrade);
  const isNamed = model !== null || isTranscription(upgrade) || upgrade.query.has('call_id');
  const problem = { code: 'missing_model', message: 'You must provide a model parameter.', param: null };
  return {
    model: isTranscription(upgrade) ? null : model,
    refusal: isNamed ? null : { problem, closeCode: 4000 },
    variant: PLAIN,
    conversationId: null,
  };
}

function refused(status: number, message: string): Handshake {
  const headers = { 'content-type': 'application/json' };
  return { kind: 'refuse', status, headers, body: errorBody(status, message) };
}

/** A refusal that the dials asked for, as Azure would have put it. */
function inOwnShape(handshake: Handshake): Handshake {
  if (handshake.kind !== 'refuse') return handshake;
  const message = asText(member(member(parseJson(handshake.body), 'error'), 'message')) ?? '';
  return { ...handshake, body: errorBody(handshake.status, message) };
}

function errorBody(status: number, message: string): string {
  return JSON.stringify({ error: { code: String(status), message } });
}
