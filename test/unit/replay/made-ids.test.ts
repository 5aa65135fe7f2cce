import { describe, expect, it } from 'vitest';
import { gemini } from '../../../providers/gemini.ts';
import { serverFrame } from '../../../providers/gemini-wire.ts';
import { openai } from '../../../providers/openai.ts';
import { MadeIds, renamed } from '../../../replay/made-ids.ts';

describe('P3 ids of a run are those of another by kind and place', () => {
  it('P3 the second call of one is the second call of the other, whatever came between', () => {
    const [recorded, live] = [new MadeIds(10), new MadeIds(10)];
    for (const id of ['call_a', 'call_a', 'call_b']) recorded.add({ kind: 'call', id });
    live.add({ kind: 'item message assistant', id: 'item_1' });
    for (const id of ['call_x', 'call_y', 'call_z']) live.add({ kind: 'call', id });
    expect([...recorded.pairs(live)]).toEqual([
      ['call_a', 'call_x'],
      ['call_b', 'call_y'],
    ]);
  });

  it('P10 no more ids are kept than the limit', () => {
    const [recorded, live] = [new MadeIds(2), new MadeIds(2)];
    for (const [index, ids] of [recorded, live].entries())
      for (const name of ['a', 'b', 'c']) ids.add({ kind: 'call', id: `${name}${index}` });
    expect([...recorded.pairs(live)]).toHaveLength(2);
  });

  it('P3 nothing but whole strings is replaced, and all else keeps its characters', () => {
    const ids = new Map([['call_a', 'call_x']]);
    const model = { from: 'm-1', to: 'm-2' };
    expect(renamed('{ "call_id" : "call_a", "output":"call_a was \\"call_a\\" ü"}', ids, null)).toBe(
      '{ "call_id" : "call_x", "output":"call_a was \\"call_a\\" ü"}',
    );
    expect(renamed('{"setup":{"model":"models/m-1"},"x":"m-1","y":"m-12"}', new Map(), model)).toBe(
      '{"setup":{"model":"models/m-2"},"x":"m-2","y":"m-12"}',
    );
    expect(renamed('{"a":"m-1"}', new Map(), null)).toBe('{"a":"m-1"}');
  });
});

describe('P3 the ids that adapters know', () => {
  it.each([
    [{ type: 'response.created', response: { id: 'resp_1' } }, [{ kind: 'response', id: 'resp_1' }]],
    [
      { type: 'conversation.item.added', item: { id: 'item_1', type: 'message', role: 'user' } },
      [{ kind: 'item message user', id: 'item_1' }],
    ],
    [
      { type: 'response.output_item.added', item: { id: 'i2', type: 'function_call', call_id: 'call_1' } },
      [
        { kind: 'item function_call ', id: 'i2' },
        { kind: 'call', id: 'call_1' },
      ],
    ],
    [{ type: 'response.output_text.delta', delta: '"response.created"', item_id: 'i' }, []],
  ])('P3 openai: %j', (event, ids) => {
    expect(openai.madeIds?.(JSON.stringify(event))).toEqual(ids);
  });

  it('P3 google: calls', () => {
    const frame = serverFrame({ toolCall: { functionCalls: [{ id: 'f1', name: 'a' }, { name: 'b' }] } });
    expect(gemini.madeIds?.(frame)).toEqual([{ kind: 'call', id: 'f1' }]);
  });
});
