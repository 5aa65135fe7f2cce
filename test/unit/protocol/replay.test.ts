import { safeParse } from 'valibot';
import { describe, expect, it } from 'vitest';
import { RedriveRequest } from '../../../protocol/redrive.ts';
import { readReplayParameter, ReplayQuery } from '../../../protocol/replay.ts';

const takes = (query: object) => safeParse(ReplayQuery, query).success;
const redrives = (body: object) => safeParse(RedriveRequest, body).success;

describe('P10 what a replay may be asked for', () => {
  it.each(['0.1', '1', '2.5', '1000'])('P10 speed %s', (speed) => expect(takes({ speed })).toBe(true));
  it.each(['0', '0.09', '1000.001', '1e3', '-1', '', 'fast'])('P10 not speed %s', (speed) =>
    expect(takes({ speed })).toBe(false),
  );
  it('P10 waits of 1 to 600 s, ms, modes, flags and clients, and nothing else', () => {
    expect(['1', '600'].map((wait) => takes({ wait }))).toEqual([true, true]);
    expect(['0', '601'].map((wait) => takes({ wait }))).toEqual([false, false]);
    expect(takes({ from: '0', to: '5', mode: 'lockstep', strict: 'true', client: 'c12' })).toBe(true);
    for (const bad of [{ from: '-1' }, { mode: 'fast' }, { strict: 'yes' }, { client: '12' }, { sped: '1' }])
      expect(takes(bad)).toBe(false);
  });

  it('P2 in one parameter, after the id', () => {
    expect(readReplayParameter('abc')).toEqual({ session: 'abc', options: [] });
    expect(readReplayParameter(' abc ; speed=2;mode=lockstep;x')).toEqual({
      session: 'abc',
      options: [
        ['speed', '2'],
        ['mode', 'lockstep'],
        ['x', ''],
      ],
    });
  });
});

describe('S-02 a re-drive stays within its gateway, and sets no parameter of Parley', () => {
  it.each(['', 'v1/listen', 'ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent'])(
    'S-02 path %s',
    (path) => expect(redrives({ path })).toBe(true),
  );
  it.each(['../../other/gateway/openai', 'a/../b', 'a?x=1', 'a#b', '%2e%2e/x', 'a\\b'])(
    'S-02 not path %s',
    (path) => expect(redrives({ path })).toBe(false),
  );
  it('S-02 queries are the provider’s', () => {
    expect(redrives({ query: { encoding: 'linear16' } })).toBe(true);
    for (const name of ['parley-session', 'cf-aig-metadata'])
      expect(redrives({ query: { [name]: 'x' } })).toBe(false);
  });
});
