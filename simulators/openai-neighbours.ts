/**
 * OpenAI's other WebSockets. How they refuse a key or a model is not known: by the HTTP answer of its REST API here; a
 * translation, whose path is a part of the realtime one, as that does.
 */
import { unknownFault } from './agenda-session.ts';
import { type Dials, type Faults, readDials, refusal, refusedConnect } from './faults.ts';
import { chooseSubprotocol, inBandRefusal, modelOf, type Upgrade } from './openai-handshake.ts';
import { LiveSession } from './openai-live.ts';
import { TranslationSession } from './openai-translation.ts';
import { ResponsesApiSession } from './responses-api-session.ts';
import { hashText } from './seeded.ts';
import type { Handshake, SimulatedSession } from './simulator.ts';

interface Service {
  readonly path: string;
  readonly missingFaults?: readonly (keyof Faults)[];
  /** Whether a key is refused before the socket opens. */
  readonly refusesKeys: boolean;
  open(seed: string, dials: Dials, upgrade: Upgrade): SimulatedSession;
}

const SERVICES: readonly Service[] = [
  {
    path: '/realtime/translations',
    refusesKeys: false,
    open: (seed, dials, upgrade) =>
      new TranslationSession(seed, dials, modelOf(upgrade) ?? '', inBandRefusal(upgrade)),
  },
  { path: '/live/sessions', refusesKeys: true, open: (seed, dials) => new LiveSession(seed, dials) },
  {
    path: '/responses',
    missingFaults: ['stall'],
    refusesKeys: true,
    open: (seed, dials) => new ResponsesApiSession(seed, dials),
  },
];

/** Null: the path is none of theirs. */
export function playNeighbour(url: string, upgrade: Upgrade, now: number): Handshake | null {
  const service = SERVICES.find(({ path }) => upgrade.path.endsWith(path));
  if (service === undefined) return null;
  const reading = readDials(upgrade.query);
  if (!reading.ok) return refused(400, 'invalid_dial', reading.message);
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const unknown = unknownFault(dials, service.missingFaults);
  if (unknown !== null) return refused(400, 'invalid_dial', `There is no fault '${unknown}' here.`);
  const asked = refusedConnect(dials.faults);
  if (asked !== null) return { kind: 'refuse', ...asked };
  if (service.refusesKeys && (upgrade.headers['authorization'] ?? '').includes('bad'))
    return refused(401, 'invalid_api_key', 'Incorrect API key provided.');
  const seed = dials.seed ?? hashText(`${url} ${now}`).toString(36);
  const subprotocol = chooseSubprotocol(upgrade.offered);
  return { kind: 'accept', subprotocol, session: service.open(seed, dials, upgrade) };
}

function refused(status: number, code: string, message: string): Handshake {
  return { kind: 'refuse', ...refusal(status, code, message) };
}
