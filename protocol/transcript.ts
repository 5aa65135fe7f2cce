/** What was said in a session, made out of its record, and the texts it can be written as. */
import * as v from 'valibot';
import { Count, Time } from './rest.ts';

export const TranscriptShape = v.object({
  session: v.string(),
  status: v.picklist(['live', 'ended']),
  started_at: Time,
  /** Made from the record afterwards: times are as near as the provider's frames tell. */
  derived: v.literal(true),
  /** False: a record was lost, the log mode keeps no texts, or there was more than a transcript holds. */
  complete: v.boolean(),
  entries: v.array(
    v.variant('kind', [
      v.object({
        kind: v.literal('speech'),
        speaker: v.picklist(['user', 'model']),
        item_id: v.string(),
        text: v.string(),
        /** When the text came. */
        at: Time,
        /** From the session's beginning. */
        start_ms: Count,
        end_ms: Count,
        /** The turn that it belongs to was cut off: not all of it was heard. */
        interrupted: v.boolean(),
        /** The provider put it in the place of what it had sent before: what was heard of it. */
        corrected: v.boolean(),
        seq: Count,
      }),
      v.object({
        kind: v.literal('tool'),
        call_id: v.string(),
        name: v.string(),
        at: Time,
        start_ms: Count,
        seq: Count,
      }),
    ]),
  ),
});
export type Transcript = v.InferOutput<typeof TranscriptShape>;
export type TranscriptEntry = Transcript['entries'][number];
export type Speech = Extract<TranscriptEntry, { kind: 'speech' }>;

const NAMES: Readonly<Record<Speech['speaker'], string>> = { user: 'User', model: 'Assistant' };
const INTERRUPTED = '[interrupted]';

/** https://www.w3.org/TR/webvtt1/: cues of speech with voice spans; what nobody said stands in notes. */
export function asVtt(transcript: Transcript): string {
  const head = `WEBVTT\n\nNOTE\nParley session ${note(transcript.session)}, begun ${transcript.started_at}`;
  const blocks = transcript.entries.map((entry, index) =>
    entry.kind === 'tool'
      ? `NOTE tool ${note(entry.name)} ${note(entry.call_id)} ${vttTime(entry.start_ms)}`
      : [
          `${index + 1}`,
          `${vttTime(entry.start_ms)} --> ${vttTime(entry.end_ms)}`,
          `<v ${NAMES[entry.speaker]}>${cueText(entry.text)}${entry.interrupted ? ` <i>${INTERRUPTED}</i>` : ''}</v>`,
        ].join('\n'),
  );
  return `${[head, ...blocks].join('\n\n')}\n`;
}

/** SubRip, as players read it: numbered cues, a comma before the milliseconds. Tool calls have no place in it. */
export function asSrt({ entries }: Transcript): string {
  return entries
    .filter((entry) => entry.kind === 'speech')
    .map((entry, index) =>
      [
        `${index + 1}`,
        `${srtTime(entry.start_ms)} --> ${srtTime(entry.end_ms)}`,
        `${NAMES[entry.speaker]}: ${srtText(entry.text)}${entry.interrupted ? ` ${INTERRUPTED}` : ''}`,
        '',
        '',
      ].join('\n'),
    )
    .join('');
}

export function asMarkdown(transcript: Transcript): string {
  const head = [
    `# Session ${markdownText(transcript.session)}`,
    '',
    `Begun ${transcript.started_at}. Times count from there.`,
    ...(transcript.complete ? [] : ['', '*The record of this session is not complete.*']),
    '',
    '',
  ].join('\n');
  const lines = transcript.entries.map((entry) =>
    entry.kind === 'tool'
      ? `*${clock(entry.start_ms, '.')}* tool call: ${code(entry.name)}`
      : `*${clock(entry.start_ms, '.')}* **${NAMES[entry.speaker]}:** ${markdownText(entry.text)}${
          entry.interrupted ? ' *(interrupted)*' : ''
        }`,
  );
  return head + lines.map((line) => `${line}\n\n`).join('');
}

/** Lines of a cue must not be empty, and `&`, `<` and `-->` mean something there. */
function cueText(text: string): string {
  return lines(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Players take HTML-like tags and `-->` for their own. */
function srtText(text: string): string {
  return lines(text).replaceAll('<', '‹').replaceAll('>', '›');
}

/** What is said is nobody's markup: it is set as it is. */
function markdownText(text: string): string {
  return lines(text)
    .replaceAll('\n', ' ')
    .replace(/[\\`*_{}[\]<>()#+!|~&]/g, (sign) => `\\${sign}`);
}

function code(text: string): string {
  return `\`${lines(text).replaceAll('\n', ' ').replaceAll('`', 'ˋ')}\``;
}

function lines(text: string): string {
  return text
    .replace(/\0/g, '\u{FFFD}')
    .split(/[\r\n\u{2028}\u{2029}]+/u)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

/** In a note everything stands on one line. */
function note(text: string): string {
  return lines(text).replaceAll('\n', ' ').replaceAll('-->', '->');
}

function vttTime(ms: number): string {
  return clock(ms, '.');
}

function srtTime(ms: number): string {
  return clock(ms, ',');
}

const HOUR = 3_600_000;
const MINUTE = 60_000;
const SECOND = 1000;

function clock(ms: number, separator: string): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const hours = two(ms / HOUR);
  const seconds = two((ms % MINUTE) / SECOND);
  return `${hours}:${two((ms % HOUR) / MINUTE)}:${seconds}${separator}${String(ms % SECOND).padStart(3, '0')}`;
}
