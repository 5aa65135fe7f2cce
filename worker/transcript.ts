/** `GET …/sessions/{id}/transcript`: what was said, as JSON, subtitles or text. */
import { BrokerError } from '../protocol/errors.ts';
import { TRANSCRIPT_FORMS } from '../protocol/media-types.ts';
import { NoQuery } from '../protocol/rest.ts';
import { asMarkdown, asSrt, asVtt } from '../protocol/transcript.ts';
import type { SessionView } from '../storage/session-store.ts';
import { allRecords } from './all-records.ts';
import { entity } from './entity.ts';
import { formFor } from './forms.ts';
import { parseQuery } from './read-request.ts';
import { envelope } from './respond.ts';
import type { RouteContext } from './routes.ts';
import { recorderOf } from './sessions.ts';
import { TRANSCRIPT_RECORDS, transcriptOf } from './transcript-shape.ts';

/** As many as go over at once: each may hold `LIMITS.transcriptCharacters`. */
const RECORDS_AT_ONCE = 128;

export async function getTranscript(context: RouteContext): Promise<Response> {
  const form = formFor(context, TRANSCRIPT_FORMS);
  parseQuery(NoQuery, [...new URL(context.request.url).searchParams]);
  const { view, records, complete } = await said(context);
  const transcript = transcriptOf(view, records, complete);
  const isEnded = view.ending !== null;
  switch (form) {
    case 'json':
      return entity(context.request, envelope(transcript), 'application/json', isEnded);
    case 'vtt':
      return entity(context.request, asVtt(transcript), 'text/vtt', isEnded);
    case 'srt':
      return entity(context.request, asSrt(transcript), 'application/x-subrip', isEnded);
    case 'md':
      return entity(context.request, asMarkdown(transcript), 'text/markdown', isEnded);
  }
}

async function said(context: RouteContext) {
  const recorder = recorderOf(context);
  const view: SessionView | null = await recorder.describe();
  if (view === null) throw new BrokerError('session_not_found');
  return { view, ...(await allRecords(recorder, TRANSCRIPT_RECORDS, RECORDS_AT_ONCE)) };
}
