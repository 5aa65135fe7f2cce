/** What simulated fal models make of a request: a picture, streamed text, or speech, by the name of the model. */
import { asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { encodeSamples, PCM_RATE } from './audio-format.ts';
import { decodeBase64 } from './base64.ts';
import type { Packed } from './msgpack.ts';
import { hashText } from './seeded.ts';
import { speak, voiceNamed } from './speech.ts';

/** One frame of a body, and how long the one before it takes. */
export interface BodyPart {
  readonly payload: JsonValue | Uint8Array;
  readonly afterMs: number;
}

export interface ModelAnswer {
  readonly contentType: string;
  readonly parts: Iterable<BodyPart>;
}

/** One transparent pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const WORD_MS = 60;

/** What the request asks for in words, under any of the names that models have for it. */
export function promptOf(request: JsonObject): string | undefined {
  return asText(request['prompt']) ?? asText(request['text']) ?? asText(request['input']);
}

export function answerOf(model: string, prompt: string, seed: number): ModelAnswer {
  if (/tts|speech/.test(model)) return { contentType: 'audio/wav', parts: speech(prompt) };
  if (model.endsWith('/stream')) return { contentType: 'text/event-stream', parts: events(prompt) };
  return { contentType: 'application/json', parts: [{ payload: picture(prompt, seed), afterMs: 0 }] };
}

function picture(prompt: string, seed: number): JsonObject {
  return {
    images: [{ url: `data:image/png;base64,${PNG}`, width: 1, height: 1, content_type: 'image/png' }],
    seed,
    prompt,
    timings: { inference: 0.05 + (hashText(prompt) % 100) / 1000 },
    has_nsfw_concepts: [false],
    num_inference_steps: 4,
  };
}

/** On the realtime wire pictures are bytes. */
export function packedPicture(prompt: string, seed: number, requestId: string): Packed {
  const content = decodeBase64(PNG) ?? new Uint8Array(0);
  return {
    images: [{ content, width: 1, height: 1, content_type: 'image/png' }],
    seed,
    prompt,
    request_id: requestId,
  };
}

function* events(prompt: string): Generator<BodyPart> {
  const words = prompt.split(/\s+/).filter((word) => word !== '');
  for (const [index, _] of words.entries()) {
    const event = { output: words.slice(0, index + 1).join(' '), partial: index < words.length - 1 };
    yield {
      payload: new TextEncoder().encode(`event: message\ndata: ${JSON.stringify(event)}\n\n`),
      afterMs: WORD_MS,
    };
  }
}

function* speech(text: string): Generator<BodyPart> {
  yield { payload: wavHeader(), afterMs: 0 };
  for (const { samples } of speak(text, voiceNamed('fal', 1))) {
    yield { payload: encodeSamples(samples, 'audio/pcm'), afterMs: (samples.length / PCM_RATE) * 1000 };
  }
}

/** Of 16-bit mono sound whose length is not known yet: sizes are at their largest. */
function wavHeader(): Uint8Array {
  const view = new DataView(new ArrayBuffer(44));
  const name = (at: number, text: string): void => {
    for (let index = 0; index < text.length; index++) view.setUint8(at + index, text.charCodeAt(index));
  };
  name(0, 'RIFF');
  view.setUint32(4, 0xffff_ffff, true);
  name(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, PCM_RATE, true);
  view.setUint32(28, PCM_RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, 'data');
  view.setUint32(40, 0xffff_ffff, true);
  return new Uint8Array(view.buffer);
}
