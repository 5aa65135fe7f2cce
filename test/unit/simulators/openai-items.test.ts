import { describe, expect, it } from 'vitest';
import { at, Drive, only, textOf, types } from '../../support/drive-simulator.ts';
import type { JsonObject } from '../../../protocol/json.ts';

const message = (text: string, id?: string): JsonObject => ({
  ...(id === undefined ? {} : { id }),
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});

describe('items', () => {
  it('SIM items go where previous_item_id says: root, after another, at the end', () => {
    const drive = new Drive();
    drive.take();
    const create = (item: JsonObject, previous?: string) => {
      drive.send({
        type: 'conversation.item.create',
        item,
        ...(previous === undefined ? {} : { previous_item_id: previous }),
      });
      return drive.take()[0]?.['previous_item_id'];
    };
    expect(create(message('a', 'a'))).toBeNull();
    expect(create(message('b', 'b'))).toBe('a');
    expect(create(message('c', 'c'), 'root')).toBeNull();
    expect(create(message('d', 'd'), 'a')).toBe('a');
    expect(create(message('e'))).toBe('b');
  });

  it('SIM every kind of item that a client may create is taken', () => {
    const drive = new Drive();
    drive.take();
    const items: readonly JsonObject[] = [
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 's' }] },
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_image', image_url: 'data:image/png;base64,AA==' }],
      },
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_audio', audio: 'AAAAAA==', transcript: 'hm' }],
      },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'x' }] },
      {
        type: 'function_call',
        name: 'f',
        arguments: '{}',
        call_id: 'call_1',
        id: 'own',
        status: 'completed',
        object: 'realtime.item',
      },
      { type: 'function_call_output', call_id: 'call_1', output: 'y' },
      { type: 'mcp_approval_response', approval_request_id: 'r', approve: true },
    ];
    for (const item of items) {
      drive.send({ type: 'conversation.item.create', item });
      expect(types(drive.take())).toEqual(['conversation.item.added', 'conversation.item.done']);
    }
  });

  it('SIM retrieve gives audio back; events about the item do not', () => {
    const drive = new Drive();
    drive.take();
    drive.send({
      type: 'conversation.item.create',
      item: {
        id: 'sound',
        type: 'message',
        role: 'user',
        content: [{ type: 'input_audio', audio: 'AQACAA==' }],
      },
    });
    expect(at(drive.take()[0], 'item.content')).toEqual([{ type: 'input_audio', transcript: null }]);
    drive.send({ type: 'conversation.item.retrieve', item_id: 'sound' });
    expect(at(only(drive.take(), 'conversation.item.retrieved'), 'item.content.0.audio')).toBe('AQACAA==');
  });

  const refused: readonly (readonly [string, JsonObject, string])[] = [
    [
      'a duplicate id',
      { type: 'conversation.item.create', item: message('again', 'mine') },
      'item_create_invalid_item_id',
    ],
    [
      'a long id',
      { type: 'conversation.item.create', item: message('x', 'i'.repeat(33)) },
      'string_above_max_length',
    ],
    [
      'an unknown previous item',
      { type: 'conversation.item.create', item: message('x'), previous_item_id: 'no' },
      'item_create_invalid_previous_item_id',
    ],
    ['no item', { type: 'conversation.item.create' }, 'missing_required_parameter'],
    [
      'audio of the assistant',
      {
        type: 'conversation.item.create',
        item: { type: 'message', role: 'assistant', content: [{ type: 'output_audio', audio: '' }] },
      },
      'invalid_value',
    ],
    [
      'a beta part',
      {
        type: 'conversation.item.create',
        item: { type: 'message', role: 'assistant', content: [{ type: 'text', text: '' }] },
      },
      'invalid_value',
    ],
    ['delete of nothing', { type: 'conversation.item.delete', item_id: 'no' }, 'item_delete_invalid_item_id'],
    [
      'retrieve of nothing',
      { type: 'conversation.item.retrieve', item_id: 'no' },
      'item_retrieve_invalid_item_id',
    ],
    [
      'truncate of nothing',
      { type: 'conversation.item.truncate', item_id: 'no', content_index: 0, audio_end_ms: 0 },
      'item_truncate_invalid_item_id',
    ],
    [
      'truncate of text',
      { type: 'conversation.item.truncate', item_id: 'mine', content_index: 0, audio_end_ms: 0 },
      'unsupported_content_type',
    ],
    ['an unknown event', { type: 'transcription_session.update', session: {} }, 'invalid_value'],
    ['bad base64', { type: 'input_audio_buffer.append', audio: '***' }, 'invalid_value'],
    ['no audio', { type: 'input_audio_buffer.append' }, 'missing_required_parameter'],
    [
      'an unknown response field',
      { type: 'response.create', response: { modalities: ['text'] } },
      'unknown_parameter',
    ],
    [
      'too much metadata',
      { type: 'response.create', response: { metadata: { k: 'x'.repeat(513) } } },
      'invalid_value',
    ],
  ];
  it.each(refused)(
    'SIM %s is an error that names the event, and the session goes on',
    (_name, event, code) => {
      const drive = new Drive();
      drive.send({ type: 'conversation.item.create', item: message('hi', 'mine') });
      drive.take();
      drive.send({ ...event, event_id: 'client-7' });
      expect(only(drive.take(), 'error')['error']).toMatchObject({
        type: 'invalid_request_error',
        code,
        event_id: 'client-7',
      });
      drive.send({ type: 'conversation.item.delete', item_id: 'mine' });
      expect(types(drive.take())).toEqual(['conversation.item.deleted']);
    },
  );

  it('SIM an unknown event is invalid_value on type, and the message lists what is known', () => {
    const drive = new Drive();
    drive.take();
    drive.send({ type: 'nonsense' });
    const error = at(only(drive.take(), 'error'), 'error');
    expect(error).toMatchObject({ code: 'invalid_value', param: 'type', event_id: null });
    expect(at(error, 'message')).toContain("'input_audio_buffer.append'");
  });

  it('SIM truncation past the end is refused, with both lengths', () => {
    const drive = new Drive();
    drive.send({ type: 'response.create' });
    const done = only(drive.until('response.done').take(), 'response.done');
    const id = textOf(at(done, 'response.output.0.id'));
    drive.send({ type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: 999_999 });
    expect(at(only(drive.take(), 'error'), 'error.message')).toMatch(
      /^Audio content of \d+ms is already shorter than 999999ms$/,
    );
    drive.send({ type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: 1.5 });
    expect(at(only(drive.take(), 'error'), 'error.code')).toBe('invalid_type');
  });

  it('SIM text that is not JSON and binary frames are errors, and no more', () => {
    const drive = new Drive();
    drive.take();
    drive.raw('{').raw('[1]').raw(new ArrayBuffer(3));
    expect(drive.take().map((event) => at(event, 'error.code'))).toEqual([
      'invalid_json',
      'invalid_json',
      'invalid_event',
    ]);
    expect(types(drive.update({}))).toEqual(['session.updated']);
  });
});
