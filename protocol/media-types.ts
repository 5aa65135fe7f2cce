/** The forms in which something can be had, and which of them a request wants (RFC 9110, section 12). */

/** By suffix (`events.ndjson`); the first is the one that is given when nothing is said. */
export type Forms = Readonly<Record<string, string>>;

export const EVENT_FORMS = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  sse: 'text/event-stream',
} as const satisfies Forms;

export const TRANSCRIPT_FORMS = {
  json: 'application/json',
  vtt: 'text/vtt',
  srt: 'application/x-subrip',
  md: 'text/markdown',
} as const satisfies Forms;

export const STREAM_FORM = { sse: 'text/event-stream' } as const satisfies Forms;

export const JSON_FORM = { json: 'application/json' } as const satisfies Forms;

/** Other names of the same forms, as clients write them. */
const ALIASES: Readonly<Record<string, string>> = {
  'application/ndjson': 'application/x-ndjson',
  'application/jsonl': 'application/x-ndjson',
  // Whoever wants errors so wants everything else as JSON.
  'application/problem+json': 'application/json',
};

interface Wish {
  readonly type: string;
  readonly weight: number;
}

/**
 * The form to answer in, or null when there is none that the request takes. A suffix decides by itself: a link says what
 * it leads to, and browsers send an `Accept` of their own with it.
 */
export function chooseForm<T extends Forms>(forms: T, suffix: string, accept: string | null): keyof T | null {
  if (suffix !== '') return Object.hasOwn(forms, suffix) ? suffix : null;
  const names: readonly (keyof T & string)[] = Object.keys(forms);
  const wishes = accept === null || accept.trim() === '' ? null : accept.split(',').map(readWish);
  if (wishes === null) return names[0] ?? null;
  let best: { name: keyof T; weight: number } | null = null;
  for (const name of names) {
    const weight = weightOf(forms[name] ?? '', wishes);
    if (weight > (best?.weight ?? 0)) best = { name, weight };
  }
  return best?.name ?? null;
}

function readWish(text: string): Wish {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = quality === undefined ? 1 : Number(quality.slice('q='.length));
  return { type: ALIASES[type] ?? type, weight: Number.isNaN(weight) ? 0 : weight };
}

/** What is said of the type itself stands before what is said of all of its kind. */
function weightOf(type: string, wishes: readonly Wish[]): number {
  const [kind = ''] = type.split('/');
  for (const range of [type, `${kind}/*`, '*/*']) {
    const named = wishes.filter((wish) => wish.type === range).map(({ weight }) => weight);
    if (named.length > 0) return Math.max(...named);
  }
  return 0;
}

/** For an error that helps. */
export function describeForms(forms: Forms): string {
  return Object.entries(forms)
    .map(([suffix, type]) => `${type} (.${suffix})`)
    .join(', ');
}
