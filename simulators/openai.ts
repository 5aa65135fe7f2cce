/**
 * A simulated OpenAI: Realtime, GA wire, and its neighbours, for demonstrations, for a first run without a key, and as a
 * test double. It keeps the orders, ids, errors and sums that clients rely on; what it says is a script.
 */
import { readDials, refusal, refusedConnect } from './faults.ts';
import {
  chooseSubprotocol,
  type InBandRefusal,
  inBandRefusal,
  modelOf,
  readUpgrade,
  type Upgrade,
} from './openai-handshake.ts';
import { playNeighbour } from './openai-neighbours.ts';
import { OpenAiSession } from './openai-session.ts';
import { PLAIN, type Variant } from './openai-variant.ts';
import { hashText } from './seeded.ts';
import type { Handshake, HandshakeRequest, Simulator } from './simulator.ts';

/** Where a sideband connection joins a call that was made elsewhere. */
const CALL_MODEL = 'gpt-realtime-2.1';

/** The session that answers an upgrade. */
export interface Played {
  /** Null for a transcription session. */
  readonly model: string | null;
  readonly refusal: InBandRefusal | null;
  readonly variant: Variant;
  readonly conversationId: string | null;
}

export const openaiSimulator: Simulator = (request, now) => {
  const upgrade = readUpgrade(request.url, request.headers);
  const { path } = upgrade;
  const neighbour = playNeighbour(request.url, upgrade, now);
  if (neighbour !== null) return neighbour;
  // A side-band or a fork belongs to a session that was made elsewhere.
  if (!path.endsWith('/realtime')) {
    const message = `The simulator plays nothing at ${path}.`;
    return { kind: 'refuse', ...refusal(404, 'not_simulated', message) };
  }
  return play(request, now, (upgrade) => ({
    model: isTranscription(upgrade) ? null : (modelOf(upgrade) ?? CALL_MODEL),
    refusal: inBandRefusal(upgrade),
    variant: PLAIN,
    conversationId: null,
  }));
};

export function isTranscription({ query }: Upgrade): boolean {
  return query.get('intent') === 'transcription';
}

/** Answers an upgrade as its dials ask, with the session that `choose` has for it. */
export function play(
  request: HandshakeRequest,
  now: number,
  choose: (upgrade: Upgrade) => Played,
): Handshake {
  const upgrade = readUpgrade(request.url, request.headers);
  const reading = readDials(upgrade.query);
  if (!reading.ok) return { kind: 'refuse', ...refusal(400, 'invalid_dial', reading.message) };
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const refused = refusedConnect(dials.faults);
  if (refused !== null) return { kind: 'refuse', ...refused };
  const seed = dials.seed ?? hashText(`${request.url} ${now}`).toString(36);
  const session = new OpenAiSession({ seed, dials, ...choose(upgrade) });
  return { kind: 'accept', subprotocol: chooseSubprotocol(upgrade.offered), session };
}
