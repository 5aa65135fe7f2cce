/** Scripted clients of every provider, each with that provider's simulator. */
import { customAdapter } from '../../../providers/custom.ts';
import { opaque } from '../../../providers/opaque.ts';
import { DEEPGRAM_WIRES } from '../usage/deepgram-wires.ts';
import { GEMINI_WIRES } from '../usage/gemini-wires.ts';
import { OPENAI_NEIGHBOUR_WIRES } from '../usage/openai-neighbour-wires.ts';
import { OPENAI_WIRES } from '../usage/openai-wires.ts';
import { nonsense } from '../usage/sounds.ts';
import { SPEECH_WIRES } from '../usage/speech-wires.ts';
import type { Move, UsageWire } from '../usage/usage-drive.ts';

const BASE_URL = 'https://api.openai.example/v1';
const AUTH = { in: 'none' } as const;

/** As a deployment is told of them: a record names its provider alone. */
export const ENV = {
  PARLEY_CUSTOM_PROVIDERS: JSON.stringify({
    mine: { base_url: BASE_URL, auth: AUTH.in, dialect: 'openai' },
    unknown: { base_url: BASE_URL, auth: AUTH.in, dialect: opaque.id },
  }),
};

/** Of a provider of which nothing is known, any other can be the simulator. */
function opaqueWires(): readonly UsageWire[] {
  const adapter = customAdapter(
    { slug: 'unknown', baseUrl: BASE_URL, auth: AUTH, dialect: opaque.id },
    opaque,
  );
  return OPENAI_WIRES.filter(({ name }) => name === 'openai realtime').map((wire) => ({
    ...wire,
    name: 'custom, opaque',
    adapter,
    request: { ...wire.request, path: 'realtime' },
  }));
}

/** Text that is no JSON, and bytes. Many a provider closes the socket on it: seldom. */
const seldomNonsense: Move = (_, n) => (n % 8 === 0 ? nonsense(n / 8) : []);

export const WIRES: readonly UsageWire[] = [
  ...OPENAI_WIRES,
  ...OPENAI_NEIGHBOUR_WIRES,
  ...opaqueWires(),
  ...GEMINI_WIRES,
  ...DEEPGRAM_WIRES,
  ...SPEECH_WIRES,
].map((wire) => ({ ...wire, moves: [...wire.moves, seldomNonsense] }));
