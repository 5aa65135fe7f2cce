/** Every provider that has sound, as its simulator speaks it: what was sent is what is heard, sample for sample. */
import { describe, expect, it } from 'vitest';
import { asObject, asText, type JsonObject, member, parseJson } from '../../../protocol/json.ts';
import type { Payload } from '../../../providers/adapter.ts';
import { elevenlabs } from '../../../providers/elevenlabs.ts';
import { PROVIDERS } from '../../../providers/registry.ts';
import { elevenlabsSimulator } from '../../../simulators/elevenlabs.ts';
import { aLawToLinear, muLawToLinear } from '../../../simulators/g711.ts';
import { play, ramp, readWav, SimulatedCall } from '../../support/taped-call.ts';
import { type Coding, TEXT, TTS, WIRES } from './simulated-wires.ts';

function decoded(bytes: Uint8Array, coding: Coding): Int16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (coding) {
    case 's16le':
      return Int16Array.from({ length: bytes.length / 2 }, (_, at) => view.getInt16(at * 2, true));
    case 'f32le':
      return Int16Array.from({ length: bytes.length / 4 }, (_, at) =>
        Math.round(view.getFloat32(at * 4, true) * 0x8000),
      );
    case 'mulaw':
      return Int16Array.from(bytes, muLawToLinear);
    case 'alaw':
      return Int16Array.from(bytes, aLawToLinear);
  }
}

/** Sound in whatever came down: bytes, or the text that stands where any of these wires has it. */
function soundIn(payload: Payload): Uint8Array {
  const text = typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
  const event = text.startsWith('{') ? asObject(parseJson(text)) : undefined;
  if (event === undefined) return typeof payload === 'string' ? new Uint8Array() : new Uint8Array(payload);
  const base64 = textIn(event);
  return Uint8Array.from(Buffer.from(base64 ?? '', 'base64'));
}

function textIn(event: JsonObject): string | undefined {
  const type = asText(event['type']) ?? '';
  if (/^(response\.(output_)?|session\.output_)audio\.delta$/.test(type)) return asText(event['delta']);
  if (type === 'chunk') return asText(event['data']);
  const part = member(member(member(event, 'serverContent'), 'modelTurn'), 'parts');
  return (
    asText(event['audio']) ??
    asText(member(event['audio_event'], 'audio_base_64')) ??
    asText(member(member(Array.isArray(part) ? part[0] : undefined, 'inlineData'), 'data'))
  );
}

const SPOKEN_MS = 200;
const PIECES = 5;

describe('P3 every provider’s sound can be heard', () => {
  it.each(WIRES)(
    'P3 $name',
    async ({ adapter, service, path = '', query = {}, baseUrl, begin = [], hears, speaks }) => {
      const call = new SimulatedCall(adapter, service, { path, query: Object.entries(query) }, baseUrl);
      for (const frame of begin) call.send(frame);
      call.pass(5_000);
      const before = call.drive.outputs.length;
      const spoken: Int16Array[] = [];
      const spokenAt = call.now;
      if (hears !== null)
        for (let n = 0; n < PIECES; n += 1) {
          const width = hears.coding === 's16le' ? 2 : 1;
          const samples = ramp((hears.rate * SPOKEN_MS) / 1000, n);
          const bytes = new Uint8Array(samples.buffer).slice(0, samples.length * width);
          spoken.push(decoded(bytes, hears.coding));
          call.send(hears.frame(bytes)).pass(SPOKEN_MS);
        }
      const silenceBefore = call.drive.outputs
        .slice(before)
        .every((each) => each.kind !== 'send' || soundIn(each.payload).length === 0);
      const [asked, askedAt] = [call.drive.outputs.length, call.now];
      for (const frame of speaks?.ask ?? []) call.send(frame);
      call.pass(20_000);
      const answer = call.drive.outputs.slice(asked).flatMap((output, n) =>
        output.kind === 'send' && speaks !== null
          ? [
              {
                at: call.drive.times[asked + n] ?? 0,
                samples: decoded(soundIn(output.payload), speaks.coding),
              },
            ]
          : [],
      );
      const { index, bytes } = await play(call.log());
      const { rate, left, right } = readWav(bytes);
      expect(index.unheard).toEqual([]);
      expect(rate).toBe(Math.max(hears?.rate ?? 0, speaks?.rate ?? 0));
      if (hears?.rate === rate) {
        const whole = spoken.flatMap((samples) => [...samples]);
        const at = Math.round((spokenAt * rate) / 1000);
        expect([...left.subarray(at, at + whole.length)]).toEqual(whole);
      }
      if (speaks?.rate === rate) {
        const whole = answer.flatMap(({ samples }) => [...samples]);
        expect(whole.length).toBeGreaterThan(rate / 2);
        const first = answer.find(({ samples }) => samples.length > 0)?.at ?? 0;
        const at = Math.round(((first - call.startedAt) * rate) / 1000);
        expect(silenceBefore && first - call.startedAt >= askedAt).toBe(true);
        expect([...right.subarray(at, at + whole.length)]).toEqual(whole);
      }
    },
  );

  it('P3 every provider whose frames carry sound says where', () => {
    const without = PROVIDERS.filter(({ sound }) => sound === undefined).map(({ id }) => id);
    // What fal answers is a compressed file, or a picture.
    expect(without).toEqual(['fal']);
  });

  it('P3 an mp3 is named, not guessed at', async () => {
    const call = new SimulatedCall(elevenlabs, elevenlabsSimulator, {
      path: `${TTS}/stream-input`,
      query: [['model_id', 'eleven_flash_v2_5']],
    });
    call
      .send({ text: ' ' })
      .send({ text: `${TEXT} `, flush: true })
      .pass(5_000);
    const { index } = await play(call.log());
    expect(index.rate).toBeNull();
    expect(index.unheard).toMatchObject([{ speaker: 'model', format: 'mp3_44100_128' }]);
  });
});
