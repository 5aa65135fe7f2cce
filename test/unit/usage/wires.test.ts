/** No provider is without a row. */
import { expect, it } from 'vitest';
import { providersOf } from '../../../providers/registry.ts';
import { DEEPGRAM_WIRES } from './deepgram-wires.ts';
import { GEMINI_WIRES } from './gemini-wires.ts';
import { OPENAI_WIRES } from './openai-wires.ts';
import { SPEECH_WIRES } from './speech-wires.ts';

const WIRES = [...OPENAI_WIRES, ...GEMINI_WIRES, ...DEEPGRAM_WIRES, ...SPEECH_WIRES];
const CUSTOM = '{"mine":{"base_url":"https://mine.example","dialect":"openai"}}';

it('P8 every provider, a custom one among them, is held against what its simulator charges', () => {
  const played = new Set(WIRES.map(({ adapter }) => adapter.id));
  const all = providersOf({ PARLEY_CUSTOM_PROVIDERS: CUSTOM }).map(({ id }) => id);
  expect(all).toContain('custom-mine');
  expect(all.filter((id) => !played.has(id))).toEqual([]);
});
