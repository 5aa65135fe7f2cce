/**
 * A simulated OpenAI Realtime service, GA wire: for demonstrations, for a first run without a key, and as a test double.
 * It keeps the orders, ids, errors and sums that clients rely on; what it says is a script.
 */
import { readDials, refusal, refusedConnect } from './faults.ts';
import { chooseSubprotocol, inBandRefusal, modelOf, readUpgrade } from './openai-handshake.ts';
import { OpenAiSession } from './openai-session.ts';
import { hashText } from './seeded.ts';
import type { Simulator } from './simulator.ts';

/** Where a sideband connection joins a call that was made elsewhere. */
const CALL_MODEL = 'gpt-realtime-2.1';

export const openaiSimulator: Simulator = (request, now) => {
  const upgrade = readUpgrade(request.url, request.headers);
  const reading = readDials(upgrade.query);
  if (!reading.ok) return { kind: 'refuse', ...refusal(400, 'invalid_dial', reading.message) };
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const refused = refusedConnect(dials.faults);
  if (refused !== null) return { kind: 'refuse', ...refused };
  const transcribing = upgrade.query.get('intent') === 'transcription';
  const session = new OpenAiSession({
    seed: dials.seed ?? hashText(`${request.url} ${now}`).toString(36),
    dials,
    model: transcribing ? null : (modelOf(upgrade) ?? CALL_MODEL),
    refusal: inBandRefusal(upgrade),
  });
  return { kind: 'accept', subprotocol: chooseSubprotocol(upgrade.offered), session };
};
