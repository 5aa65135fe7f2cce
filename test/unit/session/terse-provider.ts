import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { type Harness, liveSession, type SessionOptions } from './fake-wire.ts';

/**
 * A provider of few words. `open` and `over` begin and end a response, `ends:N` tells when its socket will end, `speech` and
 * `quiet` are a sentence that has begun and is over. On a new socket it is told how many frames it had, answers `told`, and
 * that goes nowhere.
 */
export const terse: Partial<ProviderAdapter> = {
  begin: () => ({ frames: 0, open: false, speech: false, restoring: false, dials: 0 }),
  skim: () => null,
  read: (before, from, payload) => {
    const state = before as TerseState;
    if (state.restoring && from.side === 'upstream')
      return payload === 'told'
        ? { state: { ...state, restoring: false }, observations: [], route: 'nowhere', restored: true }
        : { state, observations: [], route: 'nowhere' };
    const text = typeof payload === 'string' ? payload : '';
    const next = {
      ...state,
      frames: state.frames + (from.side === 'client' ? 1 : 0),
      open: text === 'open' || (state.open && text !== 'over'),
      speech: text === 'speech' || (state.speech && text !== 'quiet'),
    };
    const expires = /^ends:(\d+)$/.exec(text);
    return {
      state: next,
      observations: [],
      route: 'across',
      ...(expires === null ? {} : { expires: { atMs: Number(expires[1]) } }),
    };
  },
  intercepts: (state) => (state as TerseState).restoring,
  restore: (before) => {
    const state = before as TerseState;
    const dials = state.dials + 1;
    if (dials === 1)
      return { state: { ...state, dials }, send: { upstream: [], clients: [] }, complete: true };
    return {
      state: { ...state, dials, open: false, restoring: true },
      send: { upstream: [`frames:${state.frames}`], clients: state.open ? ['broken off'] : [] },
      complete: false,
    };
  },
  owes: (state) => (state as TerseState).open,
  atEnd: () => [],
  settled: (state) => !(state as TerseState).speech,
  resumable: (code) => code !== 1008,
};
export interface TerseState {
  readonly [key: string]: number | boolean;
  readonly frames: number;
  readonly open: boolean;
  readonly speech: boolean;
  readonly restoring: boolean;
  readonly dials: number;
}

export function talking(options: SessionOptions = {}): Harness {
  const harness = liveSession({ ...options, adapter: { ...terse, ...options.adapter } });
  harness.session.upstreamFrame('hello', 0);
  harness.wire.log.length = 0;
  return harness;
}

export function restore({ session }: Harness, now: number): void {
  session.continuity.redialled(5, now);
  session.upstreamFrame('told', now);
}
