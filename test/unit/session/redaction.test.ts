/** What a session with rules relays, stores and counts. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Payload } from '../../../protocol/connect.ts';
import type { NumberedRecord } from '../../../protocol/recording.ts';
import type { Redaction } from '../../../protocol/redaction.ts';
import { readSegment } from '../../../protocol/segment.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { deepgram } from '../../../providers/deepgram.ts';
import { gemini } from '../../../providers/gemini.ts';
import { Redactor } from '../../../session/redactor.ts';
import type { Session } from '../../../session/session.ts';
import { liveSession } from './fake-wire.ts';

const CARD = '4111 1111 1111 1111';
const PIECES = ['My card is 4111 11', '11 1111 1111', ', thanks.'];
const BY_PATTERN: Redaction = { fields: [], patterns: ['card'], replacement: '[redacted]', binary: 'keep' };
const byField = (...paths: string[]): Redaction => ({
  ...BY_PATTERN,
  patterns: [],
  fields: paths.map((path) => ({ path })),
});

interface Stored {
  readonly text: string;
  readonly redacted: boolean;
}

function stored(session: Session): { frames: Stored[]; records: readonly NumberedRecord[]; all: string } {
  session.catchUp();
  const batch = session.recording.next(() => null, 0);
  const frames = (batch?.segments ?? [])
    .flatMap((segment) => [...readSegment(1, 0, segment.data)])
    .map(({ payload, redacted }) => ({ text: new TextDecoder().decode(payload ?? undefined), redacted }));
  const records = batch?.records ?? [];
  return { frames, records, all: JSON.stringify([frames, records]) };
}
const transcripts = (records: readonly NumberedRecord[]) =>
  records.filter(({ kind }) => kind === 'transcript').map(({ body }) => body['text']);

/** Plays frames from the provider, and checks that the client got the very same. */
function play(
  frames: readonly Payload[],
  redaction: Redaction,
  adapter: Partial<ProviderAdapter> = {},
): Session {
  const { session, wire } = liveSession({ redaction, adapter });
  for (const frame of frames) session.upstreamFrame(frame, 1);
  const relayed = wire.down.get(1) ?? [];
  expect(relayed).toHaveLength(frames.length);
  for (const [index, frame] of frames.entries()) expect(relayed[index]).toBe(frame);
  return session;
}

const openaiTurn = [
  { type: 'response.created', response: { id: 'resp_1', status: 'in_progress', output: [], usage: null } },
  ...PIECES.map((delta) => ({
    type: 'response.output_audio_transcript.delta',
    response_id: 'resp_1',
    item_id: 'item_1',
    delta,
  })),
  {
    type: 'response.output_audio_transcript.done',
    response_id: 'resp_1',
    item_id: 'item_1',
    transcript: PIECES.join(''),
  },
  {
    type: 'response.done',
    response: {
      id: 'resp_1',
      status: 'completed',
      output: [{ id: 'item_1', type: 'message', content: [{ type: 'audio', transcript: PIECES.join('') }] }],
      usage: { total_tokens: 30, input_tokens: 10, output_tokens: 20 },
    },
  },
].map((frame) => JSON.stringify(frame));

/** As Gemini sends it: JSON in binary frames, and no frame with all of the text. */
const geminiTurn = [
  { setupComplete: {} },
  ...PIECES.map((text) => ({ serverContent: { outputTranscription: { text } } })),
  { serverContent: { generationComplete: true } },
  { serverContent: { turnComplete: true }, usageMetadata: { promptTokenCount: 10, responseTokenCount: 20 } },
].map((frame) => new TextEncoder().encode(JSON.stringify(frame)).buffer);

describe('P9 a number that is cut over frames', () => {
  it('P9 OpenAI: is nowhere in the log, the whole text is there without it, and usage is right', () => {
    const session = play(openaiTurn, BY_PATTERN);
    const { frames, records, all } = stored(session);
    expect(all).not.toMatch(/4111|1111/);
    expect(frames.map(({ redacted }) => redacted)).toEqual([false, true, true, true, true, true]);
    expect(frames[0]?.text).toBe(openaiTurn[0]);
    expect(frames[4]?.text).toBe(openaiTurn[4]?.replace(CARD, '[redacted]'));
    expect(transcripts(records)).toEqual(['My card is [redacted], thanks.']);
    expect(session.totals()).toMatchObject({ frames_down: 6, frames_redacted: 5, frames_not_logged: 0 });
    expect(session.totals().response.reports).toBe(1);
    expect(session.totals().bytes_down).toBe(openaiTurn.join('').length);
  });

  it('P9 Gemini: is nowhere in the log, and the transcript has the text without it', () => {
    const session = play(geminiTurn, BY_PATTERN, gemini);
    const { frames, records, all } = stored(session);
    expect(all).not.toMatch(/4111|1111/);
    expect(frames.map(({ redacted }) => redacted)).toEqual([false, true, true, true, false, false]);
    expect(transcripts(records)).toEqual(['My card is [redacted], thanks.']);
    expect(session.totals().response.reports).toBe(1);
  });

  it('P9 Deepgram: finals of one utterance are one transcript, also when the end does not come', () => {
    const results = [true, false, true, true, false].map((isFinal, index) =>
      JSON.stringify({
        type: 'Results',
        is_final: isFinal,
        speech_final: index === 3,
        start: index,
        channel_index: [0, 1],
        channel: {
          alternatives: [{ transcript: ['it is 4111', 'x', '1111 1111', '1111', 'y'][index], words: [] }],
        },
      }),
    );
    const more = results[0] ?? '';
    const session = play([...results, more.replace('it is', 'again')], BY_PATTERN, {
      ...deepgram,
      begin: (request) => deepgram.begin({ ...request, path: 'v1/listen' }),
    });
    session.endFor('ended_by_request', 2);
    const { records, frames } = stored(session);
    expect(transcripts(records)).toEqual(['it is [redacted]', 'again 4111']);
    expect(JSON.stringify(frames)).not.toMatch(/4111|1111/);
  });
});

describe('P9 what a field rule hides', () => {
  it('P9 is in no record either, and all that is counted still is', () => {
    const session = play(openaiTurn, byField('transcript'));
    expect(transcripts(stored(session).records)).toEqual(['[redacted]']);
    expect(session.totals().response.reports).toBe(1);
    const pieces = play(geminiTurn, byField('serverContent.outputTranscription.text'), gemini);
    expect(transcripts(stored(pieces).records)).toEqual(['[redacted][redacted][redacted]']);
    expect(pieces.totals().response.reports).toBe(1);
  });

  it('P3 leaves the texts that it does not name', () => {
    const session = play(openaiTurn, byField('session.instructions', '**.email'));
    const { frames, records } = stored(session);
    expect(frames.map(({ text }) => text)).toEqual(openaiTurn);
    expect(transcripts(records)).toEqual([PIECES.join('')]);
    expect(session.totals().frames_redacted).toBe(0);
  });

  it('P9 errors and names of tools are told as they are stored, and counted all the same', () => {
    const error = JSON.stringify({ type: 'error', error: { code: 'bad', message: `no ${CARD}` } });
    for (const rules of [BY_PATTERN, byField('error.message'), byField('error')]) {
      const session = play([error], rules);
      const { records, all } = stored(session);
      expect(all).not.toContain('4111');
      expect(records.filter(({ kind }) => kind === 'error')).toHaveLength(1);
      expect(session.totals().errors).toBe(1);
    }
  });
});

describe('P9 beside frames', () => {
  it('P4 P9 a rule that fails costs the log a payload, not the relay a frame', () => {
    const broken = vi.spyOn(Redactor.prototype, 'stored').mockImplementation(() => {
      throw new Error('a mistake of ours');
    });
    onTestFinished(() => broken.mockRestore());
    const { session, wire } = liveSession({ redaction: BY_PATTERN });
    session.upstreamFrame('{"text":"4111"}', 1);
    session.upstreamFrame('{"text":"next"}', 1);
    expect(stored(session).frames).toEqual([
      { text: '', redacted: true },
      { text: '', redacted: true },
    ]);
    expect(wire.down.get(1)).toHaveLength(2);
    expect(wire.problems[0]).toContain('could not be redacted');
  });

  it('P9 close reasons are stored without what patterns find, and cross as they are', () => {
    const { session, wire } = liveSession({ redaction: BY_PATTERN });
    session.upstreamClosed(4000, `no ${CARD}`, 2);
    expect(wire.endings[0]?.closeReason).toBe('no [redacted]');
    expect(stored(session).all).not.toContain('4111');
  });

  it('P5 a client that comes back gets the frames as they were', () => {
    const { session } = liveSession({ redaction: BY_PATTERN, named: true });
    for (const frame of openaiTurn) session.upstreamFrame(frame, 1);
    expect(session.lives.missed(0, null)).toEqual({
      kind: 'frames',
      frames: openaiTurn.map((payload) => ({ payload, to: 0 })),
    });
  });

  it('P3 without payloads in the log there is nothing to mark', () => {
    const { session } = liveSession({ redaction: BY_PATTERN, log: 'metadata' });
    for (const frame of openaiTurn) session.upstreamFrame(frame, 1);
    const { frames } = stored(session);
    expect(frames.some(({ redacted }) => redacted)).toBe(false);
    expect(session.totals().frames_redacted).toBe(0);
  });
});

describe.each(['metadata', 'none'] as const)('P9 log mode %s', (log) => {
  it('P9 keeps no word of what was said, in records neither, nor a provider’s sentence; what is counted is there', () => {
    const { session } = liveSession({ log });
    const error = { type: 'error', error: { code: 'bad', message: `not a number: ${CARD}` } };
    for (const frame of [...openaiTurn, JSON.stringify(error)]) session.upstreamFrame(frame, 1);
    const { records, all } = stored(session);
    expect(all).not.toMatch(/My card|4111|1111/);
    expect(transcripts(records)).toEqual([]);
    expect(records.find(({ kind }) => kind === 'error')?.body).toEqual({ code: 'bad', message: null });
    expect(records.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['turn', 'usage']));
    expect(session.totals()).toMatchObject({ responses: 1, errors: 1 });
  });
});

describe('P10 the log of a session has a limit', () => {
  it('P10 past it frames are relayed and counted, the gap is told at once, and records go on', () => {
    const { session, wire } = liveSession({ maxLogBytes: 1 });
    for (const frame of openaiTurn) session.upstreamFrame(frame, 1);
    expect(wire.down.get(1)).toEqual(openaiTurn);
    const { frames, records } = stored(session);
    expect(frames.map(({ text }) => text)).toEqual([openaiTurn[0]]);
    expect(records.find(({ kind }) => kind === 'gap')).toMatchObject({
      seq: 2,
      body: { reason: 'log_limit', from_seq: 2, to_seq: null, limit_bytes: 1 },
    });
    expect(transcripts(records)).toEqual([PIECES.join('')]);
    expect(session.totals()).toMatchObject({ frames_down: 6, frames_not_logged: 5 });
    expect(session.totals().response.reports).toBe(1);
  });
});
