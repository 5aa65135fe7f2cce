/**
 * List prices, as they were read on `PRICE_TABLE_DATE` from the sources named; a registry, so providers stand here by name.
 * Prices change: `PARLEY_PRICES` overrides any row, and every bill says which row it was made with.
 */
import type { Rate } from './money.ts';
import type { PriceRow, TokenPrices } from './prices.ts';

/** When this table was put together. */
export const PRICE_TABLE_DATE = '2026-11-25';

const OPENAI =
  'OpenAI’s model pages (developers.openai.com), read 2026-11-05, agreeing with @pydantic/genai-prices 0.1.8';
const OPENAI_TRANSCRIPTION = '@pydantic/genai-prices 0.1.8, fetched 2026-11-22';
const CARTESIA_PLAN =
  'Cartesia sells credits; this is the Startup plan ($49 for 1.25 million), other plans pay between $37 and $50 for a million';

/** For 1,000,000 tokens: text, audio and image. */
function realtime(
  text: readonly [string, string, string],
  audio: readonly [string, string, string],
  image?: readonly [string, string],
): { readonly tokens: TokenPrices } {
  const [imageIn, imageCached] = image ?? [];
  return {
    tokens: {
      input: { text: text[0], audio: audio[0], ...(imageIn === undefined ? {} : { image: imageIn }) },
      cached: {
        text: text[1],
        audio: audio[1],
        ...(imageCached === undefined ? {} : { image: imageCached }),
      },
      output: { text: text[2], audio: audio[2] },
    },
  };
}

function transcribe(textIn: string, audioIn: string, textOut: string): { readonly tokens: TokenPrices } {
  return { tokens: { input: { text: textIn, audio: audioIn }, cached: {}, output: { text: textOut } } };
}

const minute = (usd: string): { readonly seconds: Rate } => ({ seconds: { usd, per: 60 } });
const hour = (usd: string): { readonly seconds: Rate } => ({ seconds: { usd, per: 3600 } });
const thousandCharacters = (usd: string): { readonly characters: Rate } => ({
  characters: { usd, per: 1000 },
});

const openai = (models: readonly string[], price: PriceRow['price']): PriceRow => ({
  provider: 'openai',
  models,
  asOf: '2026-11-05',
  source: OPENAI,
  price,
});

const OPENAI_ROWS: readonly PriceRow[] = [
  openai(
    ['gpt-realtime-2.1', 'gpt-realtime-2'],
    realtime(['4.00', '0.40', '24.00'], ['32.00', '0.40', '64.00'], ['5.00', '0.50']),
  ),
  openai(
    ['gpt-realtime-1.5', 'gpt-realtime'],
    realtime(['4.00', '0.40', '16.00'], ['32.00', '0.40', '64.00'], ['5.00', '0.50']),
  ),
  openai(
    ['gpt-realtime-2.1-mini', 'gpt-realtime-mini'],
    realtime(['0.60', '0.06', '2.40'], ['10.00', '0.30', '20.00'], ['0.80', '0.08']),
  ),
  openai(['gpt-4o-realtime-preview'], realtime(['5.00', '2.50', '20.00'], ['40.00', '2.50', '80.00'])),
  openai(['gpt-4o-mini-realtime-preview'], realtime(['0.60', '0.30', '2.40'], ['10.00', '0.30', '20.00'])),
  openai(['gpt-realtime-whisper', 'gpt-live-transcribe'], minute('0.017')),
  openai(['gpt-transcribe'], minute('0.0045')),
  openai(['whisper-1'], minute('0.006')),
  {
    provider: 'openai',
    models: ['gpt-4o-transcribe', 'gpt-4o-transcribe-diarize'],
    asOf: '2026-11-22',
    source: OPENAI_TRANSCRIPTION,
    price: transcribe('2.50', '6.00', '10.00'),
  },
  {
    provider: 'openai',
    models: ['gpt-4o-mini-transcribe'],
    asOf: '2026-11-22',
    source: OPENAI_TRANSCRIPTION,
    price: transcribe('1.25', '3.00', '5.00'),
  },
  {
    provider: 'openai',
    models: ['gpt-realtime-translate'],
    asOf: PRICE_TABLE_DATE,
    source: 'OpenAI’s model page (developers.openai.com), as of 2026-11-25',
    unverified: 'by the minute of audio; the page does not say whether of the source or of the translation',
    price: minute('0.034'),
  },
  {
    provider: 'openai',
    models: ['gpt-live-1.1'],
    asOf: PRICE_TABLE_DATE,
    source: 'OpenAI’s model page (developers.openai.com), as of 2026-11-25; active time',
    price: minute('0.05'),
  },
  {
    provider: 'openai',
    models: ['gpt-live-1'],
    asOf: PRICE_TABLE_DATE,
    source: 'that of gpt-live-1.1; active time',
    unverified: 'third parties say that both cost the same; its own page was not read',
    price: minute('0.05'),
  },
];

const XAI_SOURCE = 'docs.x.ai, speech to speech; @pydantic/genai-prices 0.1.8';
const XAI_ROWS: readonly PriceRow[] = [
  {
    provider: 'xai',
    models: ['grok-voice-latest', 'grok-voice-think-fast-2.0'],
    asOf: '2026-08-05',
    source: XAI_SOURCE,
    // Items: those that a client adds to the conversation.
    price: { ...minute('0.08'), items: { usd: '0.004', per: 1 } },
  },
  {
    provider: 'xai',
    models: ['grok-voice-think-fast-1.0', 'grok-voice-fast-1.0'],
    asOf: '2026-11-22',
    source: XAI_SOURCE,
    price: { ...minute('0.05'), items: { usd: '0.004', per: 1 } },
  },
];

const GOOGLE_ROWS: readonly PriceRow[] = [
  {
    provider: 'google',
    models: ['gemini-3.8-live', 'gemini-3.1-flash-live'],
    asOf: '2026-11-22',
    source: 'text: vercel.com/ai-gateway model pages (2026); audio: discuss.ai.google.dev thread 140340',
    unverified: 'audio is derived from $0.005 and $0.018 a minute at 25 tokens a second',
    price: {
      tokens: {
        input: { text: '0.75', audio: '3.00' },
        cached: {},
        output: { text: '4.50', audio: '12.00' },
      },
    },
  },
  {
    provider: 'google',
    models: ['gemini-2.0-flash-live'],
    asOf: '2025',
    source: 'Google’s price page of 2025; the model is retired',
    price: {
      tokens: { input: { text: '0.35', audio: '2.10' }, cached: {}, output: { text: '1.50', audio: '8.50' } },
    },
  },
];

const CARTESIA_SOURCE = 'docs.cartesia.ai/pricing, and a summary of June 2026';
const credits = (models: readonly string[], price: PriceRow['price']): PriceRow => ({
  provider: 'cartesia',
  models,
  anySuffix: true,
  asOf: '2026-06',
  source: CARTESIA_SOURCE,
  unverified: CARTESIA_PLAN,
  price,
});
const CARTESIA_ROWS: readonly PriceRow[] = [
  credits(['sonic'], { characters: { usd: '39.20', per: 1_000_000 } }),
  credits(['ink-2'], { seconds: { usd: '117.60', per: 1_000_000 } }),
  credits(['ink-whisper'], { seconds: { usd: '39.20', per: 1_000_000 } }),
];

const elevenlabs = (models: readonly string[], price: PriceRow['price']): PriceRow => ({
  provider: 'elevenlabs',
  models,
  asOf: '2026-06',
  source: 'a developer’s price summary (puter.com), June 2026',
  unverified: 'second hand, and the plan decides',
  price,
});
const ELEVENLABS_ROWS: readonly PriceRow[] = [
  elevenlabs(
    ['eleven_flash_v2', 'eleven_flash_v2_5', 'eleven_turbo_v2', 'eleven_turbo_v2_5'],
    thousandCharacters('0.05'),
  ),
  elevenlabs(['eleven_multilingual_v2', 'eleven_v3'], thousandCharacters('0.10')),
  elevenlabs(['scribe_v2_realtime'], hour('0.39')),
  // A conversation with an agent names no model; its minutes are priced under this name.
  elevenlabs(['agents'], minute('0.08')),
];

const DEEPGRAM_ROWS: readonly PriceRow[] = [
  {
    provider: 'deepgram',
    models: ['nova-3'],
    anySuffix: true,
    asOf: '2026-08-01',
    source: 'a capture of deepgram.com/pricing, 2026-08-01, pay as you go',
    unverified: 'one language; several cost $0.0058; older lists have $0.0077 and $0.0092',
    price: minute('0.0048'),
  },
  {
    provider: 'deepgram',
    models: ['flux-general-en'],
    asOf: '2026-11-04',
    source: 'a capture by flexprice, 2026-11-04',
    price: minute('0.0065'),
  },
  {
    provider: 'deepgram',
    models: ['flux-general-multi'],
    asOf: '2026-11-04',
    source: 'a capture by flexprice, 2026-11-04',
    price: minute('0.0078'),
  },
  {
    provider: 'deepgram',
    models: ['aura-2'],
    anySuffix: true,
    asOf: '2026-11-22',
    source: 'the price of the same model at Workers AI',
    unverified: 'not read at Deepgram itself',
    price: thousandCharacters('0.030'),
  },
];

const workersAi = (models: readonly string[], price: PriceRow['price']): PriceRow => ({
  provider: 'workers-ai',
  models,
  asOf: '2026-11-22',
  source: 'Cloudflare’s Workers AI model pages',
  price,
});
const WORKERS_AI_ROWS: readonly PriceRow[] = [
  workersAi(['@cf/deepgram/flux'], minute('0.0077')),
  workersAi(['@cf/deepgram/nova-3'], minute('0.0092')),
  workersAi(['@cf/deepgram/aura-1'], thousandCharacters('0.015')),
  workersAi(['@cf/deepgram/aura-2-en', '@cf/deepgram/aura-2-es'], thousandCharacters('0.030')),
];

const ASSEMBLYAI_ROWS: readonly PriceRow[] = [
  {
    provider: 'assemblyai',
    models: ['universal-3-6-pro'],
    asOf: '2026-10-07',
    source: 'a capture of AssemblyAI’s price page, 2026-10-07',
    price: hour('0.45'),
  },
  {
    provider: 'assemblyai',
    models: ['universal-streaming-english', 'universal-streaming-multilingual'],
    asOf: '2026-11-22',
    source: 'lists of third parties',
    unverified: 'not read at AssemblyAI itself',
    price: hour('0.15'),
  },
];

export const PRICE_TABLE: readonly PriceRow[] = [
  ...OPENAI_ROWS,
  ...XAI_ROWS,
  ...GOOGLE_ROWS,
  ...CARTESIA_ROWS,
  ...ELEVENLABS_ROWS,
  ...DEEPGRAM_ROWS,
  ...WORKERS_AI_ROWS,
  ...ASSEMBLYAI_ROWS,
];
