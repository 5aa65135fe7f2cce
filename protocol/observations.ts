/**
 * What an adapter read out of a frame. The broker adds the session, the frame's number and the time; the adapter knows
 * none of them.
 */
import type { JsonValue } from './json.ts';

/** Token counts by modality. `cached` is the part of the input that was served from the provider's cache. */
export interface TokenCounts {
  readonly text: number;
  readonly audio: number;
  readonly image: number;
}

export interface TokenUsage {
  readonly input: TokenCounts;
  readonly cached: TokenCounts;
  /** Cached tokens that the provider did not split by modality; they are not in `cached`. */
  readonly cachedUnsplit?: number;
  readonly output: TokenCounts;
  /** Part of the output, where the provider tells it. */
  readonly reasoning: number;
}

/** One bill of the provider. */
export type Usage =
  | { readonly unit: 'tokens'; readonly tokens: TokenUsage }
  | { readonly unit: 'seconds'; readonly seconds: number }
  | { readonly unit: 'characters'; readonly characters: number }
  | { readonly unit: 'requests'; readonly requests: number }
  /** What is added to a conversation, where each is billed. */
  | { readonly unit: 'items'; readonly items: number };

export type Speaker = 'user' | 'model';

export interface UsageObservation {
  readonly kind: 'usage';
  /** Makes a usage count once, however often its frame is seen: the response or item id. */
  readonly dedupeKey: string;
  /** `response`: what the model billed. `transcription`: the separate bill for the user's speech. */
  readonly purpose: 'response' | 'transcription';
  readonly model: string | null;
  readonly usage: Usage;
  /** Whose figure it is: the provider's, or counted here because the provider reports none. */
  readonly source: 'provider' | 'measured';
  /** The provider's own object, kept as it came: fields that are not understood today may be billed tomorrow. */
  readonly raw: JsonValue;
}

export interface AudioObservation {
  readonly kind: 'audio';
  readonly speaker: Speaker;
  /** Decoded bytes. */
  readonly bytes: number;
  /** Null when the format is unknown: unknown is never 0. */
  readonly ms: number | null;
}

export type Observation =
  | UsageObservation
  | AudioObservation
  /** The session's model, where a frame names it and the URL does not. */
  | { readonly kind: 'model'; readonly model: string }
  | {
      readonly kind: 'transcript';
      readonly speaker: Speaker;
      readonly itemId: string;
      readonly text: string;
      /** Where it may go on in the next transcript of the same stream; absent: it is whole. */
      readonly part?: { readonly of: string; readonly isLast: boolean };
    }
  /** The user stopped speaking, or asked for an answer: the clock of the next response starts here. */
  | { readonly kind: 'asked' }
  | { readonly kind: 'response.started'; readonly responseId: string }
  /** First audio or text of a response. */
  | { readonly kind: 'response.output'; readonly responseId: string; readonly of: 'audio' | 'text' }
  | {
      readonly kind: 'response.ended';
      readonly responseId: string;
      readonly outcome: 'completed' | 'interrupted' | 'failed' | 'incomplete';
    }
  | {
      readonly kind: 'tool.called';
      readonly callId: string;
      readonly name: string;
    }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly message: string;
    };
