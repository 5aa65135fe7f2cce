/** What Cloudflare's log API asks for: one log is one session. */

/** Keys of filters; those that mean nothing of a session match as unknown. */
export const LOG_KEYS = {
  id: 'text',
  created_at: 'time',
  request_content_type: 'text',
  response_content_type: 'text',
  request_type: 'text',
  success: 'flag',
  cached: 'flag',
  provider: 'text',
  model: 'text',
  model_type: 'text',
  cost: 'number',
  tokens: 'number',
  tokens_in: 'number',
  tokens_out: 'number',
  duration: 'number',
  feedback: 'number',
  event_id: 'text',
  'metadata.key': 'text',
  'metadata.value': 'text',
  authentication: 'flag',
  wholesale: 'flag',
  compatibilityMode: 'text',
  dlp_action: 'text',
  user_agent: 'text',
} as const;
export type LogKey = keyof typeof LOG_KEYS;

export const LOG_OPERATORS = ['eq', 'neq', 'contains', 'lt', 'gt'] as const;

export interface LogFilter {
  readonly key: LogKey;
  /** `min` and `max` include their value: the deprecated parameters ask so. */
  readonly operator: (typeof LOG_OPERATORS)[number] | 'min' | 'max';
  /** One of them, or for `neq` none of them. As the key's column holds it: ms for a time, 1 or 0 for a flag. */
  readonly values: readonly (string | number | null)[];
}

export const LOG_ORDERS = [
  'created_at',
  'provider',
  'model',
  'model_type',
  'success',
  'cached',
  'cost',
  'tokens_in',
  'tokens_out',
  'duration',
  'feedback',
] as const satisfies readonly LogKey[];

export interface LogQuery {
  readonly filters: readonly LogFilter[];
  /** Free text over the tags. */
  readonly search: string | null;
  readonly orderBy: (typeof LOG_ORDERS)[number];
  readonly descending: boolean;
}

export const LOG_RANGES = ['duration', 'tokens_in', 'tokens_out', 'total_tokens', 'cost'] as const;
type LogRange = (typeof LOG_RANGES)[number];

/** The least and the greatest of what a query found; null: of nothing. */
export type LogRanges = Readonly<Record<`min_${LogRange}` | `max_${LogRange}`, number | null>>;
