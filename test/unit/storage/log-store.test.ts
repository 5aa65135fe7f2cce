import { describe, expect, it } from 'vitest';
import type { LogQuery } from '../../../protocol/log-query.ts';
import { NO_SUMS } from '../../../protocol/usage-sums.ts';
import { DirectoryStore } from '../../../storage/directory-store.ts';
import { LogStore } from '../../../storage/log-store.ts';
import { readLogQuery } from '../../../worker/log-query.ts';
import { memoryDatabase } from '../../support/sqlite.ts';
import { summaryWith } from '../../support/summary.ts';

const used = (input_text: number, output_text: number) => ({
  ...NO_SUMS,
  reports: 1,
  input_text,
  output_text,
});

function stores() {
  const database = memoryDatabase();
  const directory = new DirectoryStore(database);
  directory.put(
    summaryWith('a', {
      provider: 'openai',
      model: 'gpt-realtime',
      startedAt: 1_000,
      status: 'ended',
      metadata: { team: 'red', beta: true, size: 7 },
      feedback: 1,
      sums: { ...used(10, 5), duration_ms: 900 },
    }),
  );
  directory.put(
    summaryWith('b', {
      provider: 'google',
      startedAt: 2_000,
      status: 'ended',
      success: false,
      metadata: { team: 'blue', colour: 'red' },
      eventId: 'mine',
      costNano: 2_500_000,
      sums: { ...used(20, 1), duration_ms: 100 },
    }),
  );
  directory.put(summaryWith('c', { provider: 'openai', startedAt: 3_000, status: 'live' }));
  return { directory, logs: new LogStore(database) };
}

/** When the live one begins. */
const NOW = 3_000;

const read = (query: string): LogQuery => readLogQuery(new URLSearchParams(query), ['search']);
const found = (query: string) => {
  const { logs } = stores();
  return logs
    .page(read(query), 0, 100, NOW)
    .map(({ id }) => id)
    .join('');
};
const dotted = (key: string, operator: string, ...values: string[]) =>
  [
    `filters.key=${key}`,
    `filters.operator=${operator}`,
    ...values.map((value) => `filters.value=${value}`),
  ].join('&');
const asJson = (...filters: object[]) => `filters=${encodeURIComponent(JSON.stringify(filters))}`;

describe('P2 filters of Cloudflare’s log API', () => {
  it.each([
    ['', 'cba'],
    [dotted('provider', 'eq', 'openai'), 'ca'],
    [dotted('provider', 'eq', 'openai', 'google'), 'cba'],
    [dotted('provider', 'neq', 'openai'), 'b'],
    [dotted('provider', 'contains', 'GOO'), 'b'],
    [`${dotted('provider', 'eq', 'openai')}&${dotted('tokens', 'gt', '14')}`, 'a'],
    [`${dotted('provider', 'eq', 'openai', 'google')}&${dotted('tokens', 'lt', '16', '22')}`, 'ba'],
    ['filters.operator=eq&filters.value=google&filters.key=provider', 'b'],
    [dotted('id', 'eq', 'b'), 'b'],
    [dotted('created_at', 'gt', '1970-01-01T00:00:01.500Z'), 'cb'],
    [dotted('success', 'eq', 'false'), 'b'],
    [dotted('cached', 'eq', 'true'), ''],
    [dotted('request_type', 'eq', 'websocket'), 'cba'],
    [dotted('tokens_in', 'gt', '10'), 'b'],
    [dotted('tokens_out', 'gt', '1'), 'a'],
    [dotted('duration', 'lt', '500'), 'cb'],
    [dotted('feedback', 'eq', '1'), 'a'],
    [dotted('feedback', 'eq', 'null'), 'cb'],
    [dotted('event_id', 'eq', 'mine'), 'b'],
    [dotted('event_id', 'eq', 'c'), 'c'],
    [dotted('cost', 'gt', '0.0024'), 'b'],
    [dotted('cost', 'gt', '0.0025'), ''],
    [dotted('cost', 'eq', 'null'), 'ca'],
    [dotted('dlp_action', 'eq', 'BLOCK'), ''],
    [dotted('authentication', 'eq', 'true'), 'cba'],
    [dotted('metadata.key', 'eq', 'team'), 'ba'],
    [dotted('metadata.value', 'eq', 'red'), 'ba'],
    [`${dotted('metadata.key', 'eq', 'team')}&${dotted('metadata.value', 'eq', 'red')}`, 'a'],
    [dotted('metadata.value', 'neq', 'blue'), 'ca'],
    [dotted('metadata.value', 'contains', 'BLU'), 'b'],
    [dotted('metadata.value', 'eq', 'true'), 'a'],
    [dotted('metadata.value', 'gt', '6'), 'a'],
    [dotted('model', 'eq', 'gpt-realtime'), 'a'],
  ])('P2 as the SDK writes them: %s finds %s', (query, ids) => {
    expect(found(query)).toBe(ids);
  });

  it.each([
    [asJson({ key: 'provider', operator: 'eq', value: ['google', 'x'] }), 'b'],
    [asJson({ key: 'feedback', operator: 'eq', value: [null, 1] }), 'cba'],
    [
      asJson({ key: 'success', operator: 'eq', value: true }, { key: 'tokens', operator: 'gt', value: [3] }),
      'a',
    ],
    ['provider=openai&success=true&min_tokens_in=10&max_total_tokens=15', 'a'],
    ['start_date=1970-01-01T00:00:02Z&end_date=1970-01-01T00:00:02Z', 'b'],
    ['feedback=1', 'a'],
    ['min_duration=100&direction=asc', 'ab'],
    ['search=BLUE', 'b'],
    ['min_cost=0.0025&max_cost=0.0025', 'b'],
  ])('P2 as JSON, or by the deprecated parameters: %s finds %s', (query, ids) => {
    expect(found(query)).toBe(ids);
  });

  it.each([
    ['order_by=provider&order_by_direction=asc', 'bac'],
    ['order_by=tokens_in', 'bac'],
    ['order_by=duration&order_by_direction=asc', 'cba'],
    ['order_by_direction=asc', 'abc'],
  ])('P2 order: %s is %s', (query, ids) => {
    expect(found(query)).toBe(ids);
  });

  it.each([
    'filters.key=provider&filters.value=x',
    dotted('nothing', 'eq', 'x'),
    dotted('provider', 'like', 'x'),
    dotted('tokens', 'gt', 'many'),
    dotted('success', 'eq', 'perhaps'),
    dotted('created_at', 'gt', 'yesterday'),
    'filters=provider',
    'filters={}',
    asJson({ key: 'provider', operator: 'eq', value: [] }),
    'order_by=colour',
    'order_by_direction=up',
    'provder=openai',
    'provider=openai&provider=google',
    'filters=[]&filters=[]',
    Array.from({ length: 51 }, () => dotted('id', 'eq', 'x')).join('&'),
  ])('P10 %s is refused, and not read as a wider query', (query) => {
    expect(() => read(query)).toThrow('The request cannot be used');
  });

  it('P10 a key that is not known is told from the one that was probably meant', () => {
    expect(() => read(dotted('modle', 'eq', 'x'))).toThrow("no filter has the key 'modle'; perhaps model");
  });

  it('P2 counts all pages, and tells the least and the greatest', () => {
    const { logs } = stores();
    expect(logs.page(read(''), 1, 1, NOW).map(({ id }) => id)).toEqual(['b']);
    expect(logs.extent(read('provider=openai'), false, NOW)).toEqual({ total: 2, ranges: null });
    expect(logs.extent(read('min_duration=1'), true, NOW)).toMatchObject({
      total: 2,
      ranges: {
        min_duration: 100,
        max_duration: 900,
        min_tokens_in: 10,
        max_total_tokens: 21,
        min_cost: 0.0025,
      },
    });
    expect(logs.extent(read('provider=nobody'), true, NOW)).toMatchObject({
      total: 0,
      ranges: { min_cost: null },
    });
  });

  it('P2 a live one has lasted until now: so it is found, ordered and told', () => {
    const { logs } = stores();
    const later = NOW + 500;
    const ids = (query: string) => logs.page(read(query), 0, 100, later).map(({ id }) => id);
    expect(ids('order_by=duration&order_by_direction=asc')).toEqual(['b', 'c', 'a']);
    expect(ids('min_duration=500&max_duration=500')).toEqual(['c']);
    expect(logs.extent(read('provider=openai'), true, later).ranges).toMatchObject({
      min_duration: 500,
      max_duration: 900,
    });
  });

  it('P8 a session that is billed by characters has no tokens, which is not 0 of them', () => {
    const { logs, directory } = stores();
    const sums = { ...NO_SUMS, reports: 1, characters: 13 };
    directory.put(summaryWith('d', { startedAt: 4_000, status: 'ended', sums }));
    directory.put(summaryWith('e', { startedAt: 5_000, status: 'ended', sums: { ...sums, input_text: 4 } }));
    const ids = (query: string) => logs.page(read(query), 0, 10, NOW).map(({ id }) => id);
    expect(ids(dotted('tokens_in', 'lt', '10'))).toEqual(['e']);
    expect(ids(dotted('tokens_out', 'eq', 'null'))).toEqual(['d', 'c']);
    expect(logs.extent(read(''), true, NOW).ranges).toMatchObject({ min_tokens_in: 4, min_total_tokens: 4 });
  });

  it('P9 hides what it found, but no live session, and no later word brings it back', () => {
    const { logs, directory } = stores();
    expect(logs.hide(read('direction=asc'), 1, NOW)).toBe(1);
    expect(directory.deleting(10)).toEqual([{ id: 'a', startedAt: 1_000 }]);
    expect(logs.hide(read(''), 10, NOW)).toBe(1);
    directory.put(summaryWith('a', { startedAt: 1_000, revision: 9 }));
    expect(logs.page(read(''), 0, 10, NOW).map(({ id }) => id)).toEqual(['c']);
  });
});
