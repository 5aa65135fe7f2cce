/** Where a measured figure is more than the bill: what a provider refuses without saying which frame it was counts too. */
import { describe, expect, it } from 'vitest';
import type { Meter } from '../../../simulators/ledger.ts';
import { DEEPGRAM_WIRES } from './deepgram-wires.ts';
import { OPENAI_NEIGHBOUR_WIRES } from './openai-neighbour-wires.ts';
import { OPENAI_WIRES } from './openai-wires.ts';
import { SPEECH_WIRES } from './speech-wires.ts';
import { recorded } from './amounts.ts';
import { play, type UsageWire } from './usage-drive.ts';

const frame = (message: object): readonly string[] => [JSON.stringify(message)];
const sound = (audio: string) => frame({ type: 'session.input_audio_buffer.append', audio });
const LONG = 'x'.repeat(2_001);
const item = {
  id: 'item_twice',
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text: 'Hi' }],
};

function wireNamed(name: string): UsageWire {
  const found = [...OPENAI_WIRES, ...OPENAI_NEIGHBOUR_WIRES, ...SPEECH_WIRES, ...DEEPGRAM_WIRES].find(
    (wire) => wire.name === name,
  );
  if (found === undefined) throw new Error(`no wire ${name}`);
  return found;
}

describe('P8 what a provider refuses', () => {
  it.each<[string, readonly (readonly string[])[], Meter, number, number]>([
    ['fal realtime', [frame({ prompt: 'a cat' }), frame({ size: 5 })], 'requests', 1, 2],
    [
      'deepgram speak',
      [frame({ type: 'Speak', text: 'four' }), frame({ type: 'Speak', text: LONG })],
      'characters',
      4,
      2_005,
    ],
    [
      'openai translations',
      // Five bytes of what is no base64 would be a ten-thousandth of a second.
      [sound('AAAA'), sound('%%%%%%%')],
      'seconds',
      3 / 48_000,
      8 / 48_000,
    ],
    [
      'xai',
      [item, item].map((each) => frame({ type: 'conversation.item.create', item: each })),
      'items',
      1,
      2,
    ],
  ])(
    'P8 %s: counts as it was sent, and is that much above the bill',
    (name, sent, meter, charged, counted) => {
      const wire = wireNamed(name);
      const outcome = play(
        { ...wire, moves: sent.map((frames) => () => frames) },
        {
          named: false,
          early: false,
          rests: false,
          lifeSeconds: null,
          n: 1,
          steps: sent.map((_, which) => ({ do: 'move', which, who: 0, n: 0 })),
        },
      );
      expect(outcome.all.response[meter]).toBeCloseTo(charged, 12);
      expect(recorded(outcome.totals).response[meter]).toBeCloseTo(counted, 12);
    },
  );
});
