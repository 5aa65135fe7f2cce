/** `GET …/sessions/{id}/transcript`: what was said, as JSON, subtitles or text. */
import { TRANSCRIPT_FORMS } from '../protocol/media-types.ts';
import { asMarkdown, asSrt, asVtt } from '../protocol/transcript.ts';
import { entity } from './entity.ts';
import { formFor } from './forms.ts';
import { envelope } from './respond.ts';
import type { RouteContext } from './routes.ts';
import { allRecords, viewOf } from './session-record.ts';
import { TRANSCRIPT_RECORDS, transcriptOf } from './transcript-shape.ts';

/** As many as go over at once: each may hold `LIMITS.transcriptCharacters`. */
const RECORDS_AT_ONCE = 128;

export async function getTranscript(context: RouteContext): Promise<Response> {
  const form = formFor(context, TRANSCRIPT_FORMS);
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
  const view = await viewOf(context);
  return { view, ...(await allRecords(context, TRANSCRIPT_RECORDS, RECORDS_AT_ONCE)) };
}
