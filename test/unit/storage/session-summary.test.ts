/** What lists show of a session. */
import { describe, expect, it } from 'vitest';
import type { Ending, Totals } from '../../../protocol/recording.ts';
import { Tally } from '../../../session/tally.ts';
import { summaryOf } from '../../../storage/session-summary.ts';
import type { SessionView } from '../../../storage/session-store.ts';

const NOTHING: Totals = new Tally(10, {
  provider: 'elevenlabs',
  model: null,
  simulated: 'no',
  custom: null,
  overrides: [],
}).totals();

function summary(more: Partial<SessionView> & { readonly totals?: Totals | null }) {
  return summaryOf(
    's',
    {
      opening: {
        address: { account: 'a', gateway: 'g', id: 's' },
        provider: 'elevenlabs',
        model: null,
        simulated: false,
        credentialSource: 'none',
        log: 'full',
        metadata: {},
        eventId: null,
        startedAt: 1_000,
      },
      live: null,
      ending: null,
      totals: null,
      annotations: { metadata: null, feedback: null, score: null },
      lastSeq: 0,
      logBytes: 0,
      ...more,
    },
    1,
  );
}

const ENDING: Ending = {
  at: 2_000,
  reason: 'upstream_refused',
  closedBy: 'upstream',
  code: 1000,
  closeReason: '',
  totals: NOTHING,
};

describe('P8 a session in lists', () => {
  it('P8 that is billed by characters has no tokens, which is not 0 of them', () => {
    const characters = { ...NOTHING, response: { ...NOTHING.response, reports: 1, characters: 13 } };
    expect(summary({ totals: characters })).toMatchObject({ tokens: null, sums: { characters: 13 } });
    const none = { ...NOTHING, response: { ...NOTHING.response, reports: 1 } };
    expect(summary({ totals: none }).tokens).toBe(0);
    expect(summary({ totals: NOTHING }).tokens).toBeNull();
  });

  it('P8 whose audio has an unknown format is counted as one of those, and adds nothing', () => {
    const { sums } = summary({ totals: { ...NOTHING, audio_in_ms: 40, audio_out_ms: null } });
    expect(sums).toMatchObject({
      audio_in_ms: 40,
      audio_in_unknown: 0,
      audio_out_ms: 0,
      audio_out_unknown: 1,
    });
  });

  it('P3 has not failed while it is dialling; it has when it ended so', () => {
    expect(summary({}).success).toBe(true);
    expect(summary({ ending: ENDING }).success).toBe(false);
    expect(summary({ live: { at: 1_001, dialMs: 1 }, ending: ENDING }).success).toBe(true);
  });
});
