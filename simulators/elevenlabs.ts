/**
 * A simulated ElevenLabs: text-to-speech with one context or several, realtime speech-to-text, agents, and the REST call
 * for an agent's signed URL. It is strict about order and shapes, as far as they are known; what it says is a script.
 */
import { Agent } from './elevenlabs-agent.ts';
import { readFormat } from './elevenlabs-audio.ts';
import {
  agentProblem,
  chooseSubprotocol,
  readUpgrade,
  refusal,
  type Refused,
  refusedConnect,
  signedUrlAnswer,
  type Upgrade,
} from './elevenlabs-handshake.ts';
import { ElevenLabsSession, Line, type Product } from './elevenlabs-line.ts';
import { MultiSpeech, StreamSpeech } from './elevenlabs-speech.ts';
import { Transcription } from './elevenlabs-transcription.ts';
import { readDials } from './faults.ts';
import { hashText } from './seeded.ts';
import type { Simulator } from './simulator.ts';

const DEFAULT_INACTIVITY_SECONDS = 20;
const LONGEST_INACTIVITY_SECONDS = 180;
const SPEECH = /^\/v1\/text-to-speech\/([^/]+)\/(multi-)?stream-input$/;

export const elevenlabsSimulator: Simulator = (request, now) => {
  const upgrade = readUpgrade(request);
  const reading = readDials(upgrade.query);
  if (!reading.ok) return refusal(400, 'invalid_dial', reading.message);
  const { dials } = reading;
  if (dials.faults.connect_hang) return { kind: 'hang' };
  const answer = refusedConnect(upgrade, dials.faults) ?? signedUrlAnswer(upgrade, now);
  if (answer !== null) return answer;
  const line = new Line(dials.seed ?? hashText(`${request.url} ${now}`).toString(36), dials);
  const product = productFor(upgrade, line, now);
  if ('kind' in product) return product;
  const session = new ElevenLabsSession(line, product);
  return { kind: 'accept', subprotocol: chooseSubprotocol(upgrade.offered), session };
};

function productFor(upgrade: Upgrade, line: Line, now: number): Product | Refused {
  const { path, query } = upgrade;
  const speech = SPEECH.exec(path);
  if (speech !== null) return speechFor(upgrade, line, speech[1] ?? '', speech[2] !== undefined);
  switch (path) {
    case '/v1/convai/conversation':
      return new Agent({
        line,
        agentId: query.get('agent_id') ?? '',
        refusal: agentProblem(upgrade, now),
      });
    case '/v1/speech-to-text/realtime': {
      const formatName = query.get('audio_format') ?? 'pcm_16000';
      const format = readFormat(formatName);
      return format === null || format.kind === 'mp3' || format.kind === 'alaw'
        ? refusal(400, 'invalid_parameters', `audio_format ${formatName} is not taken.`)
        : new Transcription({ line, query, format, formatName });
    }
    default:
      return refusal(404, 'not_found', `Nothing is simulated at ${path}.`);
  }
}

function speechFor({ query }: Upgrade, line: Line, voice: string, isMulti: boolean): Product | Refused {
  const formatName = query.get('output_format') ?? 'mp3_44100_128';
  const format = readFormat(formatName);
  const seconds = Number(query.get('inactivity_timeout') ?? DEFAULT_INACTIVITY_SECONDS);
  if (format === null)
    return refusal(400, 'invalid_output_format', `output_format ${formatName} is not simulated.`);
  if (!(seconds >= 1 && seconds <= LONGEST_INACTIVITY_SECONDS)) {
    const message = `inactivity_timeout must be from 1 to ${LONGEST_INACTIVITY_SECONDS} seconds.`;
    return refusal(400, 'invalid_parameters', message);
  }
  if (line.dials.faults.session_expired_after !== null)
    return refusal(400, 'invalid_dial', 'Text-to-speech has no longest session.');
  const setup = {
    line,
    voiceId: voice,
    model: query.get('model_id') ?? '',
    format,
    inactivityMs: seconds * 1000,
    autoMode: query.get('auto_mode') === 'true',
  };
  return isMulti ? new MultiSpeech(setup) : new StreamSpeech(setup);
}
