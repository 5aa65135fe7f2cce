/** Whole sessions and what they cost, worked by hand from the list prices: US dollars, as the providers print them. */
import type { TokenUsage, Usage, UsageObservation } from '../../../protocol/observations.ts';

const NONE = { text: 0, audio: 0, image: 0 };
type Tokens = { readonly [K in 'input' | 'cached' | 'output']?: Partial<TokenUsage['input']> };

const tokens = ({ input, cached, output }: Tokens): Usage => ({
  unit: 'tokens',
  tokens: {
    input: { ...NONE, ...input },
    cached: { ...NONE, ...cached },
    output: { ...NONE, ...output },
    reasoning: 0,
  },
});
const seconds = (amount: number): Usage => ({ unit: 'seconds', seconds: amount });
const characters = (amount: number): Usage => ({ unit: 'characters', characters: amount });
const requests = (amount: number): Usage => ({ unit: 'requests', requests: amount });
const items = (amount: number): Usage => ({ unit: 'items', items: amount });

interface Report {
  readonly usage: Usage;
  /** Null: the report names none, and the connection's stands for it. */
  readonly model?: string;
  readonly purpose?: UsageObservation['purpose'];
  /** By hand. */
  readonly nano: number | null;
}

export interface Worked {
  readonly session: string;
  readonly provider: string;
  /** As the connection asked for it. */
  readonly model: string | null;
  readonly reports: readonly Report[];
  readonly nano: number | null;
}

const transcription = { purpose: 'transcription' } as const;

/** For 1,000,000 tokens at $1.00 a token costs 1,000 nano-dollars: $4.00 is 4,000. */
export const SESSIONS: readonly Worked[] = [
  {
    session:
      'a voice call of two turns, transcribed by the minute; text 4.00/0.40/24.00, audio 32.00/0.40/64.00',
    provider: 'openai',
    model: 'gpt-realtime-2.1-2026-09-15',
    reports: [
      // 310 × 4,000 + 84 × 32,000 + 41 × 24,000 + 160 × 64,000 = 1,240,000 + 2,688,000 + 984,000 + 10,240,000
      {
        usage: tokens({ input: { text: 310, audio: 84 }, output: { text: 41, audio: 160 } }),
        nano: 15_152_000,
      },
      // Second turn, 320 text and 64 audio of it cached: 30 × 4,000 + 320 × 400 + 96 × 32,000 + 64 × 400
      // + 12 × 24,000 + 55 × 64,000 = 120,000 + 128,000 + 3,072,000 + 25,600 + 288,000 + 3,520,000
      {
        usage: tokens({
          input: { text: 350, audio: 160 },
          cached: { text: 320, audio: 64 },
          output: { text: 12, audio: 55 },
        }),
        nano: 7_153_600,
      },
      // 8.37 s at $0.006 a minute: 8.37 / 60 × 6,000,000
      { usage: seconds(8.37), model: 'whisper-1', ...transcription, nano: 837_000 },
    ],
    // 15,152,000 + 7,153,600 + 837,000
    nano: 23_142_600,
  },
  {
    session: 'a picture that is seen twice; image 5.00, cached 0.50; text out 16.00',
    provider: 'openai',
    model: 'gpt-realtime-1.5',
    reports: [
      // 20 × 4,000 + 770 × 5,000 + 9 × 16,000 = 80,000 + 3,850,000 + 144,000
      { usage: tokens({ input: { text: 20, image: 770 }, output: { text: 9 } }), nano: 4_074_000 },
      // 29 × 4,000 + 2 × 5,000 + 768 × 500 + 7 × 16,000 = 116,000 + 10,000 + 384,000 + 112,000
      {
        usage: tokens({ input: { text: 29, image: 770 }, cached: { image: 768 }, output: { text: 7 } }),
        nano: 622_000,
      },
    ],
    nano: 4_696_000,
  },
  {
    session:
      'the small model, transcribed by tokens; text 0.60/0.06/2.40, audio 10.00/0.30/20.00; 1.25, 3.00, 5.00',
    provider: 'openai',
    model: 'gpt-realtime-mini-2025-12-15',
    reports: [
      // 36 × 600 + 64 × 60 + 10 × 10,000 + 128 × 300 + 5 × 2,400 + 33 × 20,000
      // = 21,600 + 3,840 + 100,000 + 38,400 + 12,000 + 660,000
      {
        usage: tokens({
          input: { text: 100, audio: 138 },
          cached: { text: 64, audio: 128 },
          output: { text: 5, audio: 33 },
        }),
        nano: 835_840,
      },
      // 4 × 1,250 + 61 × 3,000 + 17 × 5,000 = 5,000 + 183,000 + 85,000
      {
        usage: tokens({ input: { text: 4, audio: 61 }, output: { text: 17 } }),
        model: 'gpt-4o-mini-transcribe-2025-03-20',
        ...transcription,
        nano: 273_000,
      },
    ],
    nano: 1_108_840,
  },
  {
    session: 'previews: 5.00/2.50/20.00 and 40.00/2.50/80.00',
    provider: 'openai',
    model: 'gpt-4o-realtime-preview-2025-06-03',
    reports: [
      // 6 × 5,000 + 64 × 2,500 + 3 × 40,000 + 2 × 20,000 + 7 × 80,000 = 30,000 + 160,000 + 120,000 + 40,000 + 560,000
      {
        usage: tokens({ input: { text: 70, audio: 3 }, cached: { text: 64 }, output: { text: 2, audio: 7 } }),
        nano: 910_000,
      },
    ],
    nano: 910_000,
  },
  {
    session: 'the small preview: 0.60/0.30/2.40 and 10.00/0.30/20.00',
    provider: 'openai',
    model: 'gpt-4o-mini-realtime-preview',
    reports: [
      // 1 × 600 + 64 × 300 + 1 × 2,400 + 1 × 20,000 = 600 + 19,200 + 2,400 + 20,000
      {
        usage: tokens({ input: { text: 65 }, cached: { text: 64 }, output: { text: 1, audio: 1 } }),
        nano: 42_200,
      },
    ],
    nano: 42_200,
  },
  {
    session:
      'a transcription session, its model told by its own frames; 2.50, 6.00, 10.00, and two by the minute',
    provider: 'openai',
    model: null,
    reports: [
      // 25 × 6,000 + 9 × 10,000
      {
        usage: tokens({ input: { audio: 25 }, output: { text: 9 } }),
        model: 'gpt-4o-transcribe',
        ...transcription,
        nano: 240_000,
      },
      // 2.5 s at $0.017 a minute: 708,333.33
      { usage: seconds(2.5), model: 'gpt-realtime-whisper', ...transcription, nano: 708_333 },
      // 0.1 s at $0.0045 a minute: 7,500
      { usage: seconds(0.1), model: 'gpt-transcribe', ...transcription, nano: 7_500 },
    ],
    // 240,000 + 708,333 + 7,500: rounded a report at a time
    nano: 955_833,
  },
  {
    session: 'a translation: $0.034 a minute of audio that goes up',
    provider: 'openai',
    model: 'gpt-realtime-translate',
    // 61.2 / 60 × 34,000,000
    reports: [{ usage: seconds(61.2), nano: 34_680_000 }],
    nano: 34_680_000,
  },
  {
    session: 'GPT-Live: $0.05 a minute of the session, told in two sums; its backend has no list price here',
    provider: 'openai',
    model: null,
    reports: [
      // 5 / 60 × 50,000,000 = 4,166,666.67
      { usage: seconds(5), model: 'gpt-live-1', nano: 4_166_667 },
      { usage: tokens({ input: { text: 900 }, output: { text: 40 } }), model: 'gpt-5.6', nano: null },
      // 7.1 / 60 × 50,000,000 = 5,916,666.67
      { usage: seconds(7.1), model: 'gpt-live-1', nano: 5_916_667 },
    ],
    nano: 10_083_334,
  },
  {
    session: 'GPT-Live 1.1 by its active time, at $0.05 a minute',
    provider: 'openai',
    model: 'gpt-live-1.1',
    // 90 / 60 × 50,000,000
    reports: [{ usage: seconds(90), nano: 75_000_000 }],
    nano: 75_000_000,
  },
  {
    session: 'audio of both sides at $0.08 a minute, and items at $0.004 each',
    provider: 'xai',
    model: 'grok-voice-think-fast-2.0',
    reports: [
      // 7.5 / 60 × 80,000,000
      { usage: seconds(7.5), nano: 10_000_000 },
      { usage: items(1), nano: 4_000_000 },
      // 1.234 / 60 × 80,000,000 = 1,645,333.33
      { usage: seconds(1.234), nano: 1_645_333 },
      { usage: items(3), nano: 12_000_000 },
    ],
    nano: 27_645_333,
  },
  {
    session: 'the older voice at $0.05 a minute',
    provider: 'xai',
    model: 'grok-voice-fast-1.0',
    // 30.0006 / 60 × 50,000,000
    reports: [{ usage: seconds(30.0006), nano: 25_000_500 }],
    nano: 25_000_500,
  },
  {
    session: 'a context that is read again each turn; text 0.75 and 4.50, audio 3.00 and 12.00',
    provider: 'google',
    model: null,
    reports: [
      // 30 × 750 + 50 × 3,000 + 5 × 4,500 + 100 × 12,000 = 22,500 + 150,000 + 22,500 + 1,200,000
      {
        usage: tokens({ input: { text: 30, audio: 50 }, output: { text: 5, audio: 100 } }),
        model: 'gemini-3.1-flash-live-preview-09-2026',
        nano: 1_395_000,
      },
      // 30 × 750 + 210 × 3,000 + 40 × 12,000 = 22,500 + 630,000 + 480,000
      {
        usage: tokens({ input: { text: 30, audio: 210 }, output: { audio: 40 } }),
        model: 'gemini-3.1-flash-live-preview-09-2026',
        nano: 1_132_500,
      },
      // A picture has no price here: not known, and not 0.
      {
        usage: tokens({ input: { text: 30, image: 258 }, output: { audio: 1 } }),
        model: 'gemini-3.1-flash-live-preview-09-2026',
        nano: null,
      },
    ],
    nano: 2_527_500,
  },
  {
    session: 'a retired model: 0.35 and 1.50, 2.10 and 8.50',
    provider: 'google',
    model: null,
    reports: [
      // 3 × 350 + 7 × 2,100 + 2 × 1,500 + 9 × 8,500 = 1,050 + 14,700 + 3,000 + 76,500
      {
        usage: tokens({ input: { text: 3, audio: 7 }, output: { text: 2, audio: 9 } }),
        model: 'models/gemini-2.0-flash-live-001',
        nano: 95_250,
      },
    ],
    nano: 95_250,
  },
  {
    session: 'characters at $39.20 a million, in two contexts of dated voices',
    provider: 'cartesia',
    model: null,
    reports: [
      { usage: characters(57), model: 'sonic-3-2025-10-27', nano: 2_234_400 },
      { usage: characters(1), model: 'sonic-turbo', nano: 39_200 },
    ],
    nano: 2_273_600,
  },
  {
    session: 'audio by the second: $117.60 a million, and $39.20',
    provider: 'cartesia',
    model: 'ink-2',
    reports: [
      // 12.34 × 117,600
      { usage: seconds(12.34), nano: 1_451_184 },
      // 0.02 × 39,200
      { usage: seconds(0.02), model: 'ink-whisper', nano: 784 },
    ],
    nano: 1_451_968,
  },
  {
    session: 'characters at $0.05 a thousand',
    provider: 'elevenlabs',
    model: 'eleven_turbo_v2_5',
    reports: [
      { usage: characters(249), nano: 12_450_000 },
      { usage: characters(1), nano: 50_000 },
    ],
    nano: 12_500_000,
  },
  {
    session: 'characters at $0.10 a thousand',
    provider: 'elevenlabs',
    model: 'eleven_multilingual_v2',
    reports: [{ usage: characters(249), nano: 24_900_000 }],
    nano: 24_900_000,
  },
  {
    session: 'segments of transcription at $0.39 an hour, each rounded by itself',
    provider: 'elevenlabs',
    model: 'scribe_v2_realtime',
    reports: [
      // 1.7 / 3600 × 390,000,000 = 184,166.67
      { usage: seconds(1.7), nano: 184_167 },
      { usage: seconds(1.7), nano: 184_167 },
    ],
    nano: 368_334,
  },
  {
    session: 'a conversation with an agent at $0.08 a minute, whatever the agent is called',
    provider: 'elevenlabs',
    model: 'agent_7101k',
    // 95.25 / 60 × 80,000,000
    reports: [{ usage: seconds(95.25), model: 'agents', nano: 127_000_000 }],
    nano: 127_000_000,
  },
  {
    session: 'two channels of ten seconds are twenty seconds, at $0.0048 a minute',
    provider: 'deepgram',
    model: 'nova-3-medical',
    // 20 / 60 × 4,800,000
    reports: [{ usage: seconds(20), nano: 1_600_000 }],
    nano: 1_600_000,
  },
  {
    session: 'turns at $0.0078 a minute, and what was heard between them',
    provider: 'deepgram',
    model: 'flux-general-multi',
    reports: [
      // 3.6 / 60 × 7,800,000
      { usage: seconds(3.6), nano: 468_000 },
      // 0.4 / 60 × 7,800,000
      { usage: seconds(0.4), nano: 52_000 },
    ],
    nano: 520_000,
  },
  {
    session: 'turns in English at $0.0065 a minute',
    provider: 'deepgram',
    model: 'flux-general-en',
    // 0.001 / 60 × 6,500,000 = 108.33
    reports: [{ usage: seconds(0.001), nano: 108 }],
    nano: 108,
  },
  {
    session: 'characters at $0.030 a thousand',
    provider: 'deepgram',
    model: 'aura-2-zeus-en',
    reports: [{ usage: characters(7), nano: 210_000 }],
    nano: 210_000,
  },
  {
    session: 'the same models on another network: $0.0077 and $0.0092 a minute, $0.030 and $0.015 a thousand',
    provider: 'workers-ai',
    model: '@cf/deepgram/flux',
    reports: [
      // 33 / 60 × 7,700,000
      { usage: seconds(33), nano: 4_235_000 },
      // 33 / 60 × 9,200,000
      { usage: seconds(33), model: '@cf/deepgram/nova-3', nano: 5_060_000 },
      { usage: characters(33), model: '@cf/deepgram/aura-2-es', nano: 990_000 },
      { usage: characters(33), model: '@cf/deepgram/aura-1', nano: 495_000 },
    ],
    nano: 10_780_000,
  },
  {
    session: 'an open socket at $0.45 an hour',
    provider: 'assemblyai',
    model: 'universal-3-6-pro',
    // 12.345 / 3600 × 450,000,000
    reports: [{ usage: seconds(12.345), nano: 1_543_125 }],
    nano: 1_543_125,
  },
  {
    session: 'an open socket at $0.15 an hour',
    provider: 'assemblyai',
    model: 'universal-streaming-multilingual',
    // 1.001 / 3600 × 150,000,000 = 41,708.33
    reports: [{ usage: seconds(1.001), nano: 41_708 }],
    nano: 41_708,
  },
  {
    session: 'requests of which no price is known',
    provider: 'fal',
    model: 'fal-ai/flux/schnell',
    reports: [{ usage: requests(1), nano: null }],
    nano: null,
  },
  {
    session: 'a deployment of a name of one’s own',
    provider: 'azure-openai',
    model: 'my-deployment',
    reports: [{ usage: tokens({ input: { text: 9 } }), nano: null }],
    nano: null,
  },
  {
    session: 'a voice agent, whose models are in its settings',
    provider: 'deepgram',
    model: null,
    reports: [{ usage: seconds(60), nano: null }],
    nano: null,
  },
];
