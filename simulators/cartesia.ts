/**
 * A simulated Cartesia: text to speech with a synthetic voice, and speech to text by finalize and by turns. What the service
 * does where its documentation is silent (close codes, what follows a cancel) is assumed, and said where it is done.
 */
import { HEARD_ENCODINGS, type RawFormat } from './cartesia-audio.ts';
import { badRequest, type CartesiaError, errorMembers } from './cartesia-error.ts';
import { FinalizeService, TurnsService } from './cartesia-listening.ts';
import { SpeechService } from './cartesia-speech.ts';
import { readDials, refusedConnect } from './faults.ts';
import { hashText } from './seeded.ts';
import { type Service, ServiceSession, type Workplace } from './service-session.ts';
import type { Handshake, HandshakeRequest, Simulator } from './simulator.ts';

const SPEECH_IDLE_MS = 5 * 60_000;
/** Sources say 20 s and 3 min: the longer one cuts nobody off by mistake. */
const LISTENING_IDLE_MS = 3 * 60_000;
const FIRST_VERSION = '2024-06-10';

export const cartesiaSimulator: Simulator = (request, now) => {
  const { pathname, searchParams: query } = new URL(request.url);
  const version = query.get('cartesia_version') ?? request.headers['cartesia-version'] ?? '';
  const refuse = (error: CartesiaError, headers: Readonly<Record<string, string>> = {}): Handshake => ({
    kind: 'refuse',
    status: error.status,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(errorMembers(error, version)),
  });
  const reading = readDials(query);
  if (!reading.ok) return refuse(badRequest(reading.message));
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const refused = refusedConnect(dials.faults);
  if (refused !== null) {
    const { status, headers } = refused;
    const error = { status, code: 'refused', title: 'Refused', message: `This was asked for: ${status}.` };
    return refuse(error, headers);
  }
  const problem = credentialProblem(request, query) ?? versionProblem(version);
  if (problem !== null) return refuse(problem);
  const seed = dials.seed ?? hashText(`${request.url} ${now}`).toString(36);
  const open = (idleMs: number, service: (workplace: Workplace) => Service): Handshake => ({
    kind: 'accept',
    subprotocol: null,
    session: new ServiceSession(idleMs, dials.faults, service),
  });
  if (pathname.endsWith('/tts/websocket')) {
    return open(SPEECH_IDLE_MS, (workplace) => new SpeechService(workplace, dials, seed, version));
  }
  const byTurns = pathname.endsWith('/stt/turns/websocket');
  if (!byTurns && !pathname.endsWith('/stt/websocket')) {
    return refuse({ status: 404, code: 'not_found', title: 'Not found', message: 'No such path.' });
  }
  const format = readHeardFormat(query);
  if (typeof format === 'string') return refuse(badRequest(format));
  return open(LISTENING_IDLE_MS, (workplace) => {
    const setup = { workplace, dials, seed, version, format };
    return byTurns ? new TurnsService(setup, query) : new FinalizeService(setup);
  });
};

/** A key that contains `bad` is refused; the gateway may send none at all to a simulator. */
function credentialProblem({ headers }: HandshakeRequest, query: URLSearchParams): CartesiaError | null {
  const given = [
    headers['authorization'],
    headers['x-api-key'],
    query.get('api_key'),
    query.get('access_token'),
  ];
  if (!given.some((key) => key?.includes('bad') === true)) return null;
  return { status: 401, code: 'unauthorized', title: 'Unauthorized', message: 'Invalid API key.' };
}

function versionProblem(version: string): CartesiaError | null {
  if (version === '') return badRequest('cartesia_version or the header Cartesia-Version is required');
  if (/^\d{4}-\d{2}-\d{2}$/.test(version) && version >= FIRST_VERSION) return null;
  return badRequest(`${version.slice(0, 32)} is not a version of this API`);
}

/** The format, or what is wrong with it. */
function readHeardFormat(query: URLSearchParams): RawFormat | string {
  if ((query.get('model') ?? '') === '') return 'model is required';
  const encoding = query.get('encoding') ?? '';
  if (!HEARD_ENCODINGS.includes(encoding)) return `encoding must be one of ${HEARD_ENCODINGS.join(', ')}`;
  const sampleRate = Number(query.get('sample_rate'));
  if (!(sampleRate >= 8000 && sampleRate <= 96_000)) return 'sample_rate must be a rate in Hz';
  return { encoding, sampleRate };
}
