/** The simulator of each provider's wire, by the provider's name. */
import { azureOpenaiSimulator } from './azure-openai.ts';
import { cartesiaSimulator } from './cartesia.ts';
import { falSimulator } from './fal.ts';
import { geminiSimulator } from './gemini.ts';
import { elevenlabsSimulator } from './elevenlabs.ts';
import { assemblyaiSimulator } from './assemblyai.ts';
import { deepgramSimulator, workersAiSimulator } from './deepgram.ts';
import { openaiSimulator } from './openai.ts';
import type { Simulator } from './simulator.ts';
import { xaiSimulator } from './xai.ts';

/** A Map, so that a name cannot resolve to something inherited. */
const BY_PROVIDER = new Map<string, Simulator>([
  ['elevenlabs', elevenlabsSimulator],
  ['openai', openaiSimulator],
  ['azure-openai', azureOpenaiSimulator],
  ['xai', xaiSimulator],
  ['cartesia', cartesiaSimulator],
  ['fal', falSimulator],
  ['google', geminiSimulator],
  ['google-vertex-ai', geminiSimulator],
  ['simulator', openaiSimulator],
  ['deepgram', deepgramSimulator],
  ['workers-ai', workersAiSimulator],
  ['assemblyai', assemblyaiSimulator],
]);

export function simulatorOf(provider: string): Simulator | undefined {
  return BY_PROVIDER.get(provider);
}
