import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../protocol/settings.ts';
import { NO_SUMS } from '../../../protocol/usage-sums.ts';
import { readWebhooks, sessionEvents, WEBHOOK_EVENTS } from '../../../protocol/webhooks.ts';
import { summaryWith } from '../../support/summary.ts';

const URL = 'https://app.example/hooks?key=canary';

describe('the setting of webhooks', () => {
  it('is a list, as JSON text or as it stands in [vars]; events not named are all', () => {
    const wanted = [
      { url: URL, events: ['session.ended'] },
      { url: 'http://127.0.0.1:9/x', events: [...WEBHOOK_EVENTS] },
    ];
    const given = [{ url: URL, events: ['session.ended'] }, { url: 'http://127.0.0.1:9/x' }];
    expect(readWebhooks(given)).toEqual({ ok: true, endpoints: wanted });
    expect(readWebhooks(JSON.stringify(given))).toEqual({ ok: true, endpoints: wanted });
    for (const nothing of [undefined, null, '', '[]', []])
      expect(readWebhooks(nothing)).toEqual({ ok: true, endpoints: [] });
  });

  it.each([
    ['{', 'must be a list'],
    ['{}', 'must be a list'],
    [['https://app.example'], 'must be an object'],
    [[{}], 'object of url'],
    [[{ url: 7 }], 'url must be text'],
    [[{ url: 'ftp://app.example' }], 'http(s) URL'],
    [[{ url: 'https://me:canary@app.example' }], 'without credentials'],
    [[{ url: 'https://app.example/#canary' }], 'without credentials or fragment'],
    [[{ url: URL, events: [] }], 'one or more'],
    [[{ url: URL, events: 'session.ended' }], 'must be a list'],
    [[{ url: URL, events: ['session.canary'] }], 'session.started, session.ended, budget.exceeded'],
    [[{ url: URL, evnts: [] }], 'object of url'],
    [[{ url: URL }, { url: URL }], 'twice'],
    [Array.from({ length: 9 }, (_, n) => ({ url: `${URL}${n}` })), 'more than 8'],
    [[{ url: `https://app.example/${'x'.repeat(2048)}` }], 'under 2048'],
  ])('P9 %j is refused by a sentence that repeats no value', (setting, sentence) => {
    const read = readWebhooks(setting);
    const problems = read.ok ? '' : read.problems.join(' ');
    expect(problems).toContain(sentence);
    expect(problems).toContain('PARLEY_WEBHOOKS');
    expect(problems).not.toContain('canary');
    expect(parseSettings({ PARLEY_WEBHOOKS: setting }).ok).toBe(false);
  });

  it('P10 eight endpoints are taken', () => {
    const eight = Array.from({ length: 8 }, (_, n) => ({ url: `${URL}${n}` }));
    expect(readWebhooks(eight)).toMatchObject({ ok: true, endpoints: eight });
  });
});

describe('what a session’s summary means to webhooks', () => {
  const live = summaryWith('s1', { startedAt: 5_000 });
  const sums = { ...NO_SUMS, turns: 2, input_audio: 7, reports: 1, cost_nano: 1_500, cost_known: 1 };
  const ended = summaryWith('s1', {
    startedAt: 5_000,
    status: 'ended',
    endedAt: 9_000,
    endedReason: 'client_closed',
    costNano: 1_500,
    metadata: { team: 'red' },
    sums,
  });
  const types = (before: 'live' | 'ended' | null, summary = ended) =>
    sessionEvents(before, summary).map(({ type }) => type);

  it('P3 each session starts once and ends once, whatever is said of it in between and after', () => {
    expect(types(null, live)).toEqual(['session.started']);
    expect(types('live', live)).toEqual([]);
    expect(types('live')).toEqual(['session.ended']);
    expect(types('ended')).toEqual([]);
    expect(types(null)).toEqual(['session.started', 'session.ended']);
  });

  it('P8 its end tells usage, cost and reason, in the shapes of the API', () => {
    const [event] = sessionEvents('live', ended);
    expect(event).toMatchObject({
      key: '5000 s1',
      session: 's1',
      at: 9_000,
      data: {
        session: {
          id: 's1',
          status: 'ended',
          ended_reason: 'client_closed',
          duration_ms: 4_000,
          metadata: { team: 'red' },
          cost: { usd: '0.000001500', nano_usd: 1_500, complete: true },
        },
        usage: { turns: 2, reports: 1, tokens: { input_audio: 7, output_text: 0 } },
      },
    });
  });

  it('P8 an unknown cost is null, and says that it is not complete', () => {
    const [event] = sessionEvents('live', { ...ended, costNano: null, costComplete: false });
    expect(event?.data).toMatchObject({ session: { cost: { usd: null, nano_usd: null, complete: false } } });
  });
});
