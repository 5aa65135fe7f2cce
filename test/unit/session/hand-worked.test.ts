/** Through the same sums as a live session: every report is priced by itself and rounded once, half up, to a nano-dollar. */
import { describe, expect, it } from 'vitest';
import { PRICE_TABLE } from '../../../protocol/price-table.ts';
import { findPrice } from '../../../protocol/prices.ts';
import { Tally } from '../../../session/tally.ts';
import { SESSIONS, type Worked } from './worked-sessions.ts';

/** The records of a session's reports, and its sum. */
function billed({ provider, model, reports }: Worked) {
  const basis = { provider, model, simulated: 'no', custom: null, overrides: [] } as const;
  const tally = new Tally(1_000, basis);
  const records = reports.map((report, index) =>
    tally.observe(
      {
        kind: 'usage',
        dedupeKey: `report_${index}`,
        purpose: report.purpose ?? 'response',
        model: report.model ?? null,
        usage: report.usage,
        source: 'provider',
        raw: null,
      },
      index,
      index,
    ),
  );
  return { records, totals: tally.totals() };
}

describe('P8 what a session costs, worked by hand to the nano-dollar', () => {
  it.each(SESSIONS)('P8 $provider $model: $session', (worked) => {
    const { records, totals } = billed(worked);
    expect(records.map((record) => record?.body['cost_nano'])).toEqual(
      worked.reports.map(({ nano }) => nano),
    );
    expect(totals.cost_nano).toBe(worked.nano);
    const unknown = worked.reports.filter(({ nano }) => nano === null);
    expect(totals.unpriced.reduce((sum, each) => sum + each.reports, 0)).toBe(unknown.length);
    // Null says why.
    for (const record of records)
      expect(record?.body['unpriced'] === null).toBe(record?.body['cost_nano'] !== null);
  });

  it('P8 every row of the price table is in a session above', () => {
    const rows = SESSIONS.flatMap(({ provider, model, reports }) =>
      reports.flatMap((report) => findPrice(PRICE_TABLE, provider, report.model ?? model ?? '')?.row ?? []),
    );
    expect(PRICE_TABLE.filter((row) => !rows.includes(row)).map(({ models }) => models[0])).toEqual([]);
  });
});
