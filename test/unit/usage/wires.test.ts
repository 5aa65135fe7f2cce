/** No provider is without a row. */
import { expect, it } from 'vitest';
import { NEIGHBOURS, neighbourOf } from '../../../providers/openai-neighbours.ts';
import { providersOf } from '../../../providers/registry.ts';
import { DEEPGRAM_WIRES } from './deepgram-wires.ts';
import { GEMINI_WIRES } from './gemini-wires.ts';
import { OPENAI_NEIGHBOUR_WIRES } from './openai-neighbour-wires.ts';
import { OPENAI_WIRES } from './openai-wires.ts';
import { SPEECH_WIRES } from './speech-wires.ts';

const WIRES = [
  ...OPENAI_WIRES,
  ...OPENAI_NEIGHBOUR_WIRES,
  ...GEMINI_WIRES,
  ...DEEPGRAM_WIRES,
  ...SPEECH_WIRES,
];
const CUSTOM = '{"mine":{"base_url":"https://mine.example","dialect":"openai"}}';

it('P8 every provider, a custom one among them, is held against what its simulator charges', () => {
  const played = new Set(WIRES.map(({ adapter }) => adapter.id));
  const all = providersOf({ PARLEY_CUSTOM_PROVIDERS: CUSTOM }).map(({ id }) => id);
  expect(all).toContain('custom-mine');
  expect(all.filter((id) => !played.has(id))).toEqual([]);
});

it('P8 so is every socket of OpenAI’s', () => {
  const played = WIRES.filter(({ adapter }) => adapter.id === 'openai').map(({ request }) =>
    neighbourOf(request.path),
  );
  expect(new Set(played)).toEqual(new Set([null, ...NEIGHBOURS]));
});
