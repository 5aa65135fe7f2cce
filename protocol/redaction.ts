/** What is taken out of frames before they are stored (`PARLEY_REDACT`): JSON, for a deployment or a gateway. */
import { RE2JS } from 're2js';
import * as v from 'valibot';

export const REDACT_SETTING = 'PARLEY_REDACT';

const MAX_CHARACTERS = 8192;
const MAX_FIELDS = 64;
const MAX_SEGMENTS = 16;
const MAX_PATTERNS = 16;
const MAX_REGEX_CHARACTERS = 256;
const MAX_REPLACEMENT_CHARACTERS = 64;

export const BUILT_IN_PATTERNS = ['card', 'email', 'iban', 'phone'] as const;
export type BuiltInPattern = (typeof BUILT_IN_PATTERNS)[number];

/**
 * Names fields of a JSON frame: keys and indices with dots between them, `*` for any one of them, `**` for any number of
 * them, none too.
 */
export interface FieldRule {
  readonly path: string;
  /** Only in frames whose own `type` is this; a `*` at either end stands for anything. */
  readonly type?: string;
  /** And not in those whose `type` is this. */
  readonly exceptType?: string;
}

export type PatternRule = BuiltInPattern | { readonly name: string; readonly regex: string };

/** Plain JSON: it travels in a session's plan. */
export interface Redaction {
  readonly fields: readonly FieldRule[];
  readonly patterns: readonly PatternRule[];
  readonly replacement: string;
  /** What is kept of binary frames that are no JSON, into which no rule can look. */
  readonly binary: 'keep' | 'drop';
}

const Path = v.pipe(
  v.string('must be a path such as session.instructions'),
  v.regex(/^[^.]+(?:\.[^.]+)*$/, 'must be keys with one dot between them, such as item.content.*.transcript'),
  v.check((path) => path.split('.').length <= MAX_SEGMENTS, `must have at most ${MAX_SEGMENTS} parts`),
);

const NAME = 'must have a name of a-z 0-9 -';
const REGEX = `must be an expression in RE2's syntax (no back reference, no look-around) of at most ${MAX_REGEX_CHARACTERS} characters that does not match an empty text`;

const Field = v.union(
  [
    v.pipe(
      Path,
      v.transform((path): FieldRule => ({ path })),
    ),
    v.strictObject({
      path: Path,
      type: v.exactOptional(v.pipe(v.string(), v.minLength(1, "must be a frame's type"))),
    }),
  ],
  `must be a path of at most ${MAX_SEGMENTS} parts such as item.content.*.transcript, or {"type": …, "path": …}`,
);

const Pattern = v.union(
  [
    v.picklist(BUILT_IN_PATTERNS),
    v.strictObject({
      name: v.pipe(v.string(NAME), v.regex(/^[a-z0-9-]{1,64}$/, NAME)),
      regex: v.pipe(v.string(REGEX), v.maxLength(MAX_REGEX_CHARACTERS, REGEX), v.check(isUsable, REGEX)),
    }),
  ],
  `must be ${BUILT_IN_PATTERNS.join(', ')}, or {"name": …, "regex": …}`,
);

const Rules = v.pipe(
  v.strictObject(
    {
      fields: v.optional(
        v.pipe(v.array(Field), v.maxLength(MAX_FIELDS, `may hold ${MAX_FIELDS} fields at most`)),
        [],
      ),
      patterns: v.optional(
        v.pipe(v.array(Pattern), v.maxLength(MAX_PATTERNS, `may hold ${MAX_PATTERNS} patterns at most`)),
        [],
      ),
      replacement: v.optional(
        v.pipe(
          v.string(),
          v.maxLength(
            MAX_REPLACEMENT_CHARACTERS,
            `must have at most ${MAX_REPLACEMENT_CHARACTERS} characters`,
          ),
        ),
        '[redacted]',
      ),
      binary: v.optional(v.picklist(['keep', 'drop'], 'must be keep or drop'), 'keep'),
    },
    (issue) =>
      issue.expected === 'never'
        ? 'is not known here; there is fields, patterns, replacement, binary'
        : 'must be a JSON object with fields, patterns, replacement, binary',
  ),
  v.check(
    (rules) => JSON.stringify(rules).length <= MAX_CHARACTERS,
    `must have at most ${MAX_CHARACTERS} characters`,
  ),
);

export type ReadRedaction =
  | { readonly ok: true; /** Null: there are no rules. */ readonly redaction: Redaction | null }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the setting's value: JSON text, or what such text means. Each problem is a sentence that names the place. */
export function readRedaction(value: unknown): ReadRedaction {
  const given = typeof value === 'string' ? fromJson(value) : value;
  // A list is an object too, to the schema.
  const parsed = v.safeParse(Rules, Array.isArray(given) ? null : given);
  if (!parsed.success) return { ok: false, problems: parsed.issues.map(sentence) };
  const { fields, patterns, binary } = parsed.output;
  const hasRules = fields.length > 0 || patterns.length > 0 || binary === 'drop';
  return { ok: true, redaction: hasRules ? parsed.output : null };
}

/**
 * A function that puts `by` in place of what an expression finds. RE2 matches in time that grows with the text alone,
 * whatever the expression: no text from outside can make one of the operator's hold up the thread, as backtracking would
 * let it. Throws when it is not of RE2's syntax.
 */
export function replacer(regex: string): (text: string, by: string) => string {
  const compiled = RE2JS.compile(regex);
  // A function, since `$1` in a replacement would mean a group.
  return (text, by) => compiled.matcher(text).replaceAll(() => by);
}

function isUsable(regex: string): boolean {
  try {
    return !RE2JS.compile(regex).matcher('').find();
  } catch {
    // Not of its syntax; the schema says what is.
    return false;
  }
}

function sentence(issue: v.BaseIssue<unknown>): string {
  const place = issue.path?.map(({ key }) => String(key)).join(' → ');
  return place === undefined
    ? `${REDACT_SETTING} ${issue.message}.`
    : `${REDACT_SETTING}: ${place} ${issue.message}.`;
}

/** Undefined when it is no JSON, which no schema takes for anything. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
