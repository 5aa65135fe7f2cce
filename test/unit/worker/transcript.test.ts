import fc from 'fast-check';
import { parseSync } from 'subtitle';
import { describe, expect, it } from 'vitest';
import { WebVTTParser } from 'webvtt-parser';
import { asMarkdown, asSrt, asVtt, type Speech, type Transcript } from '../../../protocol/transcript.ts';
import type { SessionView, StoredRecord } from '../../../storage/session-store.ts';
import { transcriptOf } from '../../../worker/transcript-shape.ts';

const START = 1_795_000_000_000;

const VIEW: SessionView = {
  opening: {
    address: { account: 'a', gateway: 'g', id: 's' },
    provider: 'p',
    model: null,
    simulated: true,
    credentialSource: 'none',
    log: 'full',
    metadata: {},
    eventId: null,
    startedAt: START,
  },
  live: null,
  ending: null,
  totals: null,
  annotations: { metadata: null, feedback: null, score: null },
  lastSeq: 0,
  logBytes: 0,
};

type Body = Readonly<Record<string, string | number | null>>;
type Row = readonly [StoredRecord['kind'], number, Body];

function records(rows: readonly Row[]): StoredRecord[] {
  return rows.map(([kind, ms, body], index) => ({
    id: index + 1,
    seq: index + 1,
    at: START + ms,
    kind,
    body: JSON.stringify(body),
  }));
}

const said = (speaker: 'user' | 'model', text: string, item = `${speaker} ${text}`) => ({
  speaker,
  item_id: item,
  text,
});
const turn = (asked: number | null, started: number, first: number | null, outcome = 'completed') => ({
  response_id: 'r',
  outcome,
  asked_at: asked === null ? null : START + asked,
  started_at: START + started,
  first_output_at: first === null ? null : START + first,
});

function transcript(rows: readonly Row[]): Transcript {
  return transcriptOf(VIEW, records(rows), true);
}

/** A turn as providers tell it, then one that is cut off. */
const TALK: readonly Row[] = [
  ['tool', 2_400, { call_id: 'c1', name: 'weather' }],
  ['transcript', 2_500, said('model', 'It is sunny. And <b>warm</b> & dry -->')],
  // The user's own text comes late: transcription takes its time.
  ['transcript', 2_600, said('user', 'How is\n\nthe weather?')],
  ['turn', 2_700, turn(2_000, 2_100, 2_300)],
  ['transcript', 9_000, said('user', 'Stop.')],
  ['transcript', 9_500, said('model', 'I could go on for ever and ever and ever and ever.')],
  ['turn', 10_000, turn(9_100, 9_200, 9_300, 'interrupted')],
];

describe('P3 transcripts', () => {
  it('P3 speakers, times, tool calls and interruptions are in their places', () => {
    const { entries, complete } = transcript(TALK);
    expect(complete).toBe(true);
    expect(entries).toMatchObject([
      { kind: 'speech', speaker: 'user', start_ms: 667, end_ms: 2_000, interrupted: false },
      { kind: 'speech', speaker: 'model', start_ms: 2_300, interrupted: false },
      { kind: 'tool', name: 'weather', call_id: 'c1', start_ms: 2_400 },
      { kind: 'speech', speaker: 'user', text: 'Stop.', end_ms: 9_000 },
      // It was heard for as long as it was not cut off.
      { kind: 'speech', speaker: 'model', start_ms: 9_300, end_ms: 10_000, interrupted: true },
    ]);
  });

  it('P3 what a provider puts in the place of what it said before, stands in its place', () => {
    const { entries } = transcript([
      ['transcript', 1_000, said('model', 'One two three four', 'i1')],
      ['transcript', 1_500, said('model', 'One two...', 'i1')],
      ['transcript', 2_000, said('model', 'Another sentence', 'i1')],
    ]);
    expect(entries).toMatchObject([
      { text: 'One two...', corrected: true },
      { text: 'Another sentence', corrected: false },
    ]);
  });

  it('P3 a record that lacks something says so', () => {
    expect(transcript([['gap', 5, { reason: 'records_lost' }]]).complete).toBe(false);
    expect(transcript([['gap', 5, { reason: 'recorder_behind' }]]).complete).toBe(true);
    expect(transcriptOf(VIEW, [], false).complete).toBe(false);
    const unlogged = { ...VIEW, opening: { ...VIEW.opening, log: 'metadata' as const } };
    expect(transcriptOf(unlogged, [], true).complete).toBe(false);
  });

  it('P3 text and subtitles say the same', () => {
    const talk = transcript(TALK);
    expect(asVtt(talk)).toBe(`WEBVTT

NOTE
Parley session s, begun 2026-11-18T11:06:40.000Z

1
00:00:00.667 --> 00:00:02.000
<v User>How is
the weather?</v>

2
00:00:02.300 --> 00:00:04.833
<v Assistant>It is sunny. And &lt;b&gt;warm&lt;/b&gt; &amp; dry --&gt;</v>

NOTE tool weather c1 00:00:02.400

4
00:00:08.667 --> 00:00:09.000
<v User>Stop.</v>

5
00:00:09.300 --> 00:00:10.000
<v Assistant>I could go on for ever and ever and ever and ever. <i>[interrupted]</i></v>
`);
    expect(asMarkdown(talk)).toContain(
      '*00:00:02.300* **Assistant:** It is sunny. And \\<b\\>warm\\</b\\> \\& dry --\\>',
    );
    expect(asMarkdown(talk)).toContain('*00:00:02.400* tool call: `weather`\n');
    expect(asMarkdown(talk)).toContain('*(interrupted)*');
    expect(
      asSrt(talk).startsWith('1\n00:00:00,667 --> 00:00:02,000\nUser: How is\nthe weather?\n\n2\n'),
    ).toBe(true);
  });
});

/** Its own default has the names without the semicolon only. */
const ESCAPES = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.constantFrom(
    '-->',
    'a --> b',
    '<v X>y</v>',
    '&amp;',
    'WEBVTT',
    'NOTE',
    '\u0000',
    'a\r\n\r\nb',
    '1\n',
    '   ',
  ),
);
const row: fc.Arbitrary<Row> = fc.oneof(
  fc
    .record({
      ms: fc.nat(100_000_000),
      speaker: fc.constantFrom('user' as const, 'model' as const),
      text,
      item: fc.constantFrom('a', 'b'),
    })
    .map(({ ms, speaker, text: words, item }): Row => ['transcript', ms, said(speaker, words, item)]),
  fc
    .record({ ms: fc.nat(100_000_000), name: text })
    .map(({ ms, name }): Row => ['tool', ms, { call_id: name, name }]),
  fc
    .record({
      ms: fc.nat(100_000_000),
      outcome: fc.constantFrom('completed', 'interrupted'),
      before: fc.nat(9_000),
    })
    .map(({ ms, outcome, before }): Row => [
      'turn',
      ms,
      turn(ms - before, ms - before, ms - Math.floor(before / 2), outcome),
    ]),
);

describe('P3 subtitles, read by parsers of others', () => {
  const talks = fc
    .array(row, { maxLength: 30 })
    .map((rows) => transcript([...rows].sort(([, a], [, b]) => a - b)));
  const speeches = ({ entries }: Transcript): Speech[] => entries.filter((entry) => entry.kind === 'speech');
  /** As a text track has its cues: of those that begin together, the longer one first (WebVTT, "text track cue order"). */
  const inCueOrder = (given: Speech[]): Speech[] =>
    given.toSorted((a, b) => a.start_ms - b.start_ms || b.end_ms - a.end_ms);
  const seen = (raw: string): string => raw.replace(/\0/g, '\u{FFFD}').replace(/[\s\u{2028}\u{2029}]+/gu, '');

  it('P3 WebVTT is valid whatever was said, and says just that', () => {
    fc.assert(
      fc.property(talks, (talk) => {
        const { cues, errors } = new WebVTTParser(ESCAPES).parse(asVtt(talk), 'metadata');
        expect(errors).toEqual([]);
        expect(cues).toHaveLength(speeches(talk).length);
        for (const [index, speech] of inCueOrder(speeches(talk)).entries()) {
          const cue = cues[index];
          expect([cue?.startTime, cue?.endTime].map((at) => Math.round((at ?? 0) * 1000))).toEqual([
            speech.start_ms,
            speech.end_ms,
          ]);
          const voice = cue?.tree?.children[0];
          expect([voice?.name, voice?.value]).toEqual([
            'v',
            speech.speaker === 'user' ? 'User' : 'Assistant',
          ]);
          const words = voice?.children?.map((child) => child.value ?? '').join('');
          expect(seen(words ?? '')).toBe(seen(speech.text));
        }
      }),
    );
  });

  it('P3 SubRip has the same cues', () => {
    fc.assert(
      fc.property(talks, (talk) => {
        const cues = parseSync(asSrt(talk)).filter(({ type }) => type === 'cue');
        expect(cues.map(({ data }) => (typeof data === 'string' ? null : [data.start, data.end]))).toEqual(
          speeches(talk).map(({ start_ms: start, end_ms: end }) => [start, end]),
        );
      }),
    );
  });
});
