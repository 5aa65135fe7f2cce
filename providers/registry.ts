/** Every provider, once: nothing else lists them. */
import {
  CUSTOM_PREFIX,
  CUSTOM_PROVIDERS_SETTING,
  type CustomProvider,
  OPAQUE_DIALECT,
  readCustomProviders,
} from '../protocol/custom-providers.ts';
import { nearestName } from '../protocol/nearest-name.ts';
import type { ProviderAdapter } from './adapter.ts';
import { azureOpenai } from './azure-openai.ts';
import { cartesia } from './cartesia.ts';
import { customAdapter } from './custom.ts';
import { opaque } from './opaque.ts';
import { fal } from './fal.ts';
import { gemini } from './gemini.ts';
import { vertex } from './gemini-vertex.ts';
import { elevenlabs } from './elevenlabs.ts';
import { openai } from './openai.ts';
import { simulator } from './simulator.ts';
import { xai } from './xai.ts';
import { assemblyai } from './assemblyai.ts';
import { deepgram } from './deepgram.ts';
import { workersAi } from './workers-ai.ts';

/**
 * The state's type is forgotten here: the broker keeps a state only to give it back to the adapter that made it, and the
 * interface's methods are written so that the compiler allows it.
 */
export const PROVIDERS: readonly ProviderAdapter[] = [
  openai,
  azureOpenai,
  xai,
  cartesia,
  fal,
  gemini,
  vertex,
  elevenlabs,
  deepgram,
  workersAi,
  assemblyai,
  simulator,
];

/** A Map, so that a name from a URL cannot resolve to something inherited. */
const BY_NAME = new Map(
  PROVIDERS.flatMap((adapter) => [adapter.id, ...adapter.aliases].map((name) => [name, adapter])),
);

/** A deployment's settings by name. They were checked before anything is served: what cannot be read is no provider. */
export type Environment = Readonly<Record<string, unknown>>;

/** The adapter of a name in a URL: built in, or of the deployment's own. */
export function providerFor(name: string, env: Environment): ProviderAdapter | undefined {
  const builtIn = BY_NAME.get(name);
  if (builtIn !== undefined || !name.startsWith(CUSTOM_PREFIX)) return builtIn;
  return customAdapters(env).find((adapter) => adapter.id === name);
}

/** What a provider's clients speak: where two have the same, sessions of one can be replayed and re-driven at the other. */
export function wireOf(name: string, env: Environment): string {
  const adapter = providerFor(name, env);
  return adapter?.standIn?.wire ?? adapter?.dialect ?? adapter?.id ?? name;
}

/** Every provider of a deployment. */
export function providersOf(env: Environment): readonly ProviderAdapter[] {
  return [...PROVIDERS, ...customAdapters(env)];
}

/** The known name that is most like `name`, for an error that helps. */
export function nearestProvider(name: string, env: Environment): string {
  return nearestName(name, [...BY_NAME.keys(), ...customAdapters(env).map(({ id }) => id)]);
}

/** One sentence for each custom provider whose dialect nobody speaks. */
export function customProblems(customs: readonly CustomProvider[]): readonly string[] {
  const known = [OPAQUE_DIALECT, ...PROVIDERS.map(({ id }) => id)].join(', ');
  return customs
    .filter(({ dialect }) => dialectOf(dialect) === undefined)
    .map(({ slug }) => `${CUSTOM_PROVIDERS_SETTING}: the dialect of ${slug} must be one of ${known}.`);
}

function customAdapters(env: Environment): readonly ProviderAdapter[] {
  const read = readCustomProviders(env[CUSTOM_PROVIDERS_SETTING]);
  if (!read.ok) return [];
  return read.providers.flatMap((custom) => {
    const dialect = dialectOf(custom.dialect);
    return dialect === undefined ? [] : [customAdapter(custom, dialect)];
  });
}

function dialectOf(name: string): ProviderAdapter | undefined {
  return name === OPAQUE_DIALECT ? opaque : BY_NAME.get(name);
}
