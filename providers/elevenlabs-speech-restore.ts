/**
 * Restoring text-to-speech on a new socket. Nothing of the old one is known there, so each context is opened again, and
 * what was not heard of its text is sent again. Text that was said twice would be worse than text that is missing: where
 * the alignment does not tell how far the voice came, only what was not begun is repeated.
 */
import type { Outgoing } from './adapter.ts';
import { type SpeechContext, type SpeechState, withText } from './elevenlabs-speech.ts';

export function restoreSpeech(state: SpeechState): { readonly state: SpeechState; readonly send: Outgoing } {
  const dials = state.dials + 1;
  if (state.dials === 0) return { state: { ...state, dials }, send: { upstream: [], clients: [] } };
  const kept = state.contexts.filter(({ opening }) => opening !== null).map(fromWhereItWas);
  const lost = state.contexts.filter(({ opening }) => opening === null);
  const empty: SpeechState = {
    ...state,
    dials,
    contexts: [],
    reopened: [],
    isOver: state.isOver && kept.length > 0,
    // The end of the socket before has told them.
    characters: 0,
    doubtful: null,
    reports: state.reports + 1,
  };
  return {
    // What is sent again, after an opening of its own, is billed again.
    state: kept.reduce(
      (before, context) => withText(withText(before, context, ''), context, context.text ?? ''),
      empty,
    ),
    send: {
      upstream: kept.flatMap((context) => framesFor(state, context)),
      clients: lost.map((context) => finalFrame(state, context)),
    },
  };
}

function fromWhereItWas(context: SpeechContext): SpeechContext {
  return { ...context, text: context.text === null ? null : unheard(context), heard: 0 };
}

function unheard({ text, heard, phase }: SpeechContext): string {
  if (text === null || (phase === 'speaking' && heard === 0)) return '';
  return [...text].slice(heard).join('');
}

function framesFor({ wire }: SpeechState, context: SpeechContext): readonly string[] {
  const { opening, text, closing, flushed } = context;
  const about = wire === 'stream' || opening?.['context_id'] === undefined ? {} : { context_id: context.id };
  const frames: object[] = [opening ?? {}];
  if (text !== null && text !== '') frames.push({ text, ...about, ...(flushed ? { flush: true } : {}) });
  if (closing) frames.push(wire === 'stream' ? { text: '' } : { ...about, close_context: true });
  return frames.map((frame) => JSON.stringify(frame));
}

/** For a context that cannot be opened again: whoever waits for its end must not wait for ever. */
function finalFrame({ wire }: SpeechState, { id }: SpeechContext): string {
  switch (wire) {
    case 'stream':
      return JSON.stringify({ audio: null, isFinal: true, normalizedAlignment: null, alignment: null });
    case 'multi':
      return JSON.stringify({ isFinal: true, contextId: id });
    case 'dialogue':
      return JSON.stringify({ is_final: true, context_id: id });
  }
}
