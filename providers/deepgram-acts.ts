/** What clients' frames do on each of Deepgram's wires. An empty binary frame ends a stream, as `CloseStream` does. */
import type { JsonObject } from '../protocol/json.ts';
import { type Act, byType, only, readActs, type ReadAct } from './acts.ts';
import type { Wire } from './deepgram-state.ts';

type Row = readonly [string, Act | ((event: JsonObject) => Act)];

const bare = (name: string, act: Act): Row => [name, only(['type'], act)];

const SPEAK: Row = ['Speak', only(['type', 'text'], 'speak')];
const FLUSH = bare('Flush', 'speak');
const CLOSE: Row = ['Close', 'configure'];

const TABLES: Readonly<Record<Wire, readonly Row[]>> = {
  listen: [bare('KeepAlive', 'attend'), bare('Finalize', 'speak'), ['CloseStream', 'configure']],
  flux: [
    ['Configure', 'configure'],
    ['CloseStream', 'configure'],
  ],
  speak: [SPEAK, FLUSH, bare('Clear', 'speak'), CLOSE],
  speech: [SPEAK, FLUSH, bare('Interrupt', 'speak'), ['Configure', 'configure'], CLOSE],
  agent: [
    bare('KeepAlive', 'attend'),
    ['InjectUserMessage', only(['type', 'content'], 'speak')],
    ['FunctionCallResponse', 'answer'],
    ['InjectAgentMessage', 'configure'],
    ['Settings', 'configure'],
    ['UpdatePrompt', 'configure'],
    ['UpdateThink', 'configure'],
    ['UpdateSpeak', 'configure'],
    ['UpdateListen', 'configure'],
  ],
};

/** Wires that take the user's sound. */
const HEARS: readonly Wire[] = ['listen', 'flux', 'agent'];

export function deepgramActs(wire: Wire): ReadAct {
  return readActs({
    object: byType(new Map(TABLES[wire])),
    ...(HEARS.includes(wire) ? { binary: 'speak' as const } : {}),
  });
}
