/** What the command line asks for. */
import { parseArgs } from 'node:util';
import { PEER_NAMES, type PeerName } from './peers.ts';

export const MEASURES = ['rtt', 'saturated', 'paced', 'setup'] as const;
export type Measure = (typeof MEASURES)[number];

/** How much of each load; every time is in milliseconds. */
export interface Effort {
  readonly rounds: number;
  readonly pacedRounds: number;
  readonly roundTrips: { readonly count: number; readonly warmUp: number; readonly gapMs: number };
  readonly saturated: { readonly warmUpMs: number; readonly measuredMs: number };
  readonly paced: { readonly durationMs: number; readonly discardMs: number };
  readonly setUps: number;
}

export interface Options {
  readonly quick: boolean;
  readonly peers: readonly PeerName[];
  readonly measures: readonly Measure[];
  /** Numbers of paced sessions, ascending. */
  readonly sessions: readonly number[];
  readonly effort: Effort;
  /** Where the results go; null: a temporary folder. */
  readonly out: string | null;
}

export const USAGE = `npm run bench -- [options]
  --quick              a short run that shows that everything works; its figures say little
  --rounds <n>         interleaved rounds, default 5 (paced load: at most 3 of them)
  --only <a,b>         peers: ${PEER_NAMES.join(', ')}
  --measures <a,b>     ${MEASURES.join(', ')}
  --sessions <n,n>     numbers of paced sessions, default 10,30,50,75
  --out <folder>       for latest.json and latest.svg; default bench/results for a whole run,
                       a temporary folder for a quick or partial one`;

const FULL: Effort = {
  rounds: 5,
  pacedRounds: 3,
  roundTrips: { count: 500, warmUp: 50, gapMs: 2 },
  saturated: { warmUpMs: 500, measuredMs: 2000 },
  paced: { durationMs: 8000, discardMs: 2000 },
  setUps: 100,
};

const QUICK: Effort = {
  rounds: 1,
  pacedRounds: 1,
  roundTrips: { count: 150, warmUp: 20, gapMs: 2 },
  saturated: { warmUpMs: 300, measuredMs: 700 },
  paced: { durationMs: 2500, discardMs: 500 },
  setUps: 20,
};

/** Null when only the usage is asked for. Throws an Error with a sentence for the user. */
export function readOptions(args: readonly string[], wholeOut: string): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      measures: { type: 'string' },
      sessions: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const usual = values.quick ? QUICK : FULL;
  const rounds = values.rounds === undefined ? usual.rounds : wholeNumber('--rounds', values.rounds, 100);
  const sessions = values.sessions ?? (values.quick ? '10,30' : '10,30,50,75');
  const partial = [values.only, values.measures, values.sessions].some((value) => value !== undefined);
  return {
    quick: values.quick,
    peers: values.only === undefined ? PEER_NAMES : chosen('--only', values.only, PEER_NAMES),
    measures: values.measures === undefined ? MEASURES : chosen('--measures', values.measures, MEASURES),
    sessions: sessions
      .split(',')
      .map((text) => wholeNumber('--sessions', text, 1000))
      .sort((a, b) => a - b),
    effort: { ...usual, rounds, pacedRounds: Math.min(rounds, FULL.pacedRounds) },
    out: values.out ?? (values.quick || partial ? null : wholeOut),
  };
}

function chosen<T extends string>(option: string, text: string, known: readonly T[]): readonly T[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined) throw new Error(`${option}: '${unknown}' is none of ${known.join(', ')}.`);
  return known.filter((each) => names.includes(each));
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`${option}: '${text}' is not a whole number from 1 to ${most}.`);
}
