/** Simulated Deepgram: its five sockets, by path; and its models on Workers AI, which speak the same wires, by model. */
import { AgentSession } from './deepgram-agent.ts';
import { unknownFault } from './agenda-session.ts';
import { FluxSession } from './deepgram-flux.ts';
import {
  chooseSubprotocol,
  readInputFormat,
  readOutputFormat,
  readUpgrade,
  refuse,
  refusedConnect,
  type Upgrade,
} from './deepgram-handshake.ts';
import { ListenSession } from './deepgram-listen.ts';
import { SpeakSession } from './deepgram-speak.ts';
import { SpeechSession } from './deepgram-speech.ts';
import { type Dials, readDials } from './faults.ts';
import { hashText, seeded } from './seeded.ts';
import type { Handshake, SimulatedSession, Simulator } from './simulator.ts';

type Wire = 'listen' | 'flux' | 'speak' | 'speech' | 'agent';

const WIRES: readonly (readonly [string, Wire])[] = [
  ['/v1/listen', 'listen'],
  ['/v2/listen', 'flux'],
  ['/v1/speak', 'speak'],
  ['/v2/speak', 'speech'],
  ['/v1/agent/converse', 'agent'],
];

/** v2/speak has one rate more. */
const SPEECH_RATES = [44_100];

export const deepgramSimulator: Simulator = (request, now) => {
  const upgrade = readUpgrade(request.url, request.headers);
  const wire = WIRES.find(([path]) => upgrade.path.endsWith(path))?.[1] ?? null;
  return answer(upgrade, wire, upgrade.query.get('model'), request.url, now);
};

/** The model is in the path, as on Cloudflare's REST URL. */
export const workersAiSimulator: Simulator = (request, now) => {
  const upgrade = readUpgrade(request.url, request.headers);
  const model = upgrade.path.split('/ai/run/')[1] ?? '';
  const wire = model.includes('flux') ? 'flux' : model.includes('aura') ? 'speak' : 'listen';
  return answer(upgrade, model === '' ? null : wire, model, request.url, now);
};

function answer(
  upgrade: Upgrade,
  wire: Wire | null,
  model: string | null,
  url: string,
  now: number,
): Handshake {
  const reading = readDials(upgrade.query);
  const seed = upgrade.query.get('seed') ?? hashText(`${url} ${now}`).toString(36);
  const requestId = seeded(seed, 'request').letters(24).toLowerCase();
  if (!reading.ok) return refuse(400, 'INVALID_QUERY_PARAMETER', reading.message, requestId);
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const unknown = unknownFault(dials);
  if (unknown !== null)
    return refuse(400, 'INVALID_QUERY_PARAMETER', `No fault '${unknown}' here.`, requestId);
  const refused = refusedConnect(dials.faults, upgrade.key, requestId);
  if (refused !== null) return refused;
  if (wire === null) return refuse(404, 'NOT_FOUND', 'There is no such socket.', requestId);
  const opened = openSession({ wire, model, query: upgrade.query, seed, dials, requestId });
  return 'problem' in opened
    ? refuse(400, 'INVALID_QUERY_PARAMETER', opened.problem, requestId)
    : { kind: 'accept', subprotocol: chooseSubprotocol(upgrade), session: opened.session };
}

interface Asked {
  readonly wire: Wire;
  readonly model: string | null;
  readonly query: URLSearchParams;
  readonly seed: string;
  readonly dials: Dials;
  readonly requestId: string;
}

type Opened = { readonly session: SimulatedSession } | { readonly problem: string };

function openSession({ wire, model, ...asked }: Asked): Opened {
  switch (wire) {
    case 'listen':
    case 'flux': {
      const isFlux = model !== null && /^sim-|flux/.test(model);
      if (wire === 'flux' && !isFlux) return { problem: 'model must be a Flux model, as flux-general-en.' };
      const reading = readInputFormat(asked.query);
      if (!reading.ok) return { problem: reading.message };
      const setup = { ...asked, format: reading.format };
      return { session: wire === 'listen' ? new ListenSession(setup) : new FluxSession(setup) };
    }
    case 'speak':
    case 'speech': {
      const reading = readOutputFormat(asked.query, wire === 'speech' ? SPEECH_RATES : []);
      if (!reading.ok || reading.format === null) return { problem: reading.ok ? '' : reading.message };
      const setup = { ...asked, format: reading.format, model: model ?? 'aura-asteria-en' };
      return { session: wire === 'speak' ? new SpeakSession(setup) : new SpeechSession(setup) };
    }
    case 'agent':
      return { session: new AgentSession(asked) };
  }
}
