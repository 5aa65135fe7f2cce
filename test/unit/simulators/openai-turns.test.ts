import { describe, expect, it } from 'vitest';
import { at, deltas, Drive, generic, only, order, textOf, types } from '../../support/drive-simulator.ts';

const reference = (id: string) => ({
  conversation: 'none',
  output_modalities: ['text'],
  input: [{ type: 'item_reference', id }],
});

const TEXT_TURN = [
  'conversation.item.added',
  'conversation.item.done',
  'response.created',
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_text.delta',
  'response.output_text.done',
  'response.content_part.done',
  'conversation.item.done',
  'response.output_item.done',
  'response.done',
  'rate_limits.updated',
];

describe('text turns', () => {
  it('SIM the first frame is session.created, whole, and expires in an hour', () => {
    const [created] = new Drive('model=gpt-realtime-2.1&seed=1').take();
    expect(created?.['type']).toBe('session.created');
    expect(at(created, 'session.model')).toBe('gpt-realtime-2.1');
    expect(at(created, 'session.expires_at')).toBe(1_795_003_600);
    expect(at(created, 'session.audio.input.turn_detection')).toEqual({
      type: 'server_vad',
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 200,
      idle_timeout_ms: null,
      create_response: true,
      interrupt_response: true,
    });
    expect(at(created, 'session.audio.output.voice')).toBe('alloy');
    expect(at(created, 'session.max_output_tokens')).toBe('inf');
  });

  it('SIM a text turn has the captured order, rate limits last', () => {
    const drive = new Drive();
    const events = drive.ask('Say hi', { output_modalities: ['text'] });
    expect(order(events)).toEqual(TEXT_TURN);
    expect(generic(drive)).toEqual([]);
    const [user, , , , assistant] = events;
    expect(user?.['previous_item_id']).toBeNull();
    expect(assistant?.['previous_item_id']).toBe(at(user, 'item.id'));
    expect(at(assistant, 'item.content')).toEqual([]);
    const dones = events.filter((event) => event['type'] === 'conversation.item.done');
    expect(dones.map((event) => event['previous_item_id'])).toEqual([null, at(user, 'item.id')]);
    expect(at(only(events, 'response.content_part.added'), 'part')).toEqual({ type: 'text', text: '' });
    const text = textOf(only(events, 'response.output_text.done')['text']);
    expect(text).toContain('You said: Say hi.');
    expect(text).toContain('2 words');
    const said = events.filter((event) => event['type'] === 'response.output_text.delta');
    expect(deltas(events, 'response.output_text.delta').join('')).toBe(text);
    for (const delta of said) {
      expect(delta['obfuscation']).toMatch(/^\w{4,16}$/);
      expect([delta['output_index'], delta['content_index']]).toEqual([0, 0]);
    }
    const done = only(events, 'response.done');
    expect(at(done, 'response.output.0.content')).toEqual([{ type: 'output_text', text }]);
    expect(at(done, 'response.status')).toBe('completed');
  });

  it('SIM a second turn chains previous_item_id to the first', () => {
    const drive = new Drive();
    const first = drive.ask('one', { output_modalities: ['text'] });
    const second = drive.ask('two', { output_modalities: ['text'] });
    const answer = at(only(first, 'response.done'), 'response.output.0.id');
    expect(second[0]?.['previous_item_id']).toBe(answer);
  });

  it('SIM instructions may dictate the words', () => {
    const response = {
      output_modalities: ['text'],
      instructions: 'Greet. Say exactly: "Good morning, Ada."',
    };
    expect(only(new Drive().ask('hi', response), 'response.output_text.done')['text']).toBe(
      'Good morning, Ada.',
    );
  });

  it('SIM max_output_tokens ends a response as incomplete', () => {
    const events = new Drive().ask('tell me all', { output_modalities: ['text'], max_output_tokens: 3 });
    const done = only(events, 'response.done');
    expect(at(done, 'response.status')).toBe('incomplete');
    expect(at(done, 'response.status_details')).toEqual({ type: 'incomplete', reason: 'max_output_tokens' });
    expect(at(done, 'response.output.0.status')).toBe('incomplete');
    expect(order(events).slice(-6)).toEqual(TEXT_TURN.slice(-6));
  });

  it('SIM a second response in the conversation is refused, one out of band runs beside it', () => {
    const drive = new Drive();
    drive.take();
    drive.send({ type: 'response.create' });
    drive.send({ type: 'response.create', event_id: 'c9' });
    const error = only(drive.take(), 'error');
    expect(at(error, 'error.code')).toBe('conversation_already_has_active_response');
    expect(at(error, 'error.event_id')).toBe('c9');
    drive.send({
      type: 'response.create',
      response: { conversation: 'none', output_modalities: ['text'], metadata: { topic: 'side' }, input: [] },
    });
    const events = drive.pass(60_000).take();
    const done = events.filter((event) => event['type'] === 'response.done');
    expect(done.map((event) => at(event, 'response.metadata'))).toEqual([{ topic: 'side' }, null]);
    expect(at(done[0], 'response.conversation_id')).toBeNull();
    const side = at(done[0], 'response.output.0.id');
    expect(
      events.some((event) => event['type'] === 'conversation.item.added' && at(event, 'item.id') === side),
    ).toBe(false);
  });

  it('SIM an item_reference in the input is resolved, an unknown one is an error', () => {
    const drive = new Drive();
    drive.send({
      type: 'conversation.item.create',
      item: { id: 'mine', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'bananas' }] },
    });
    drive.send({ type: 'response.create', response: reference('other') });
    expect(at(only(drive.take(), 'error'), 'error.param')).toBe('response.input[0].id');
    drive.send({ type: 'response.create', response: reference('mine') });
    expect(only(drive.until('response.done').take(), 'response.output_text.done')['text']).toContain(
      'bananas',
    );
  });
});

describe('function calls', () => {
  const weather = {
    type: 'function',
    name: 'get_weather',
    description: 'Weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
  };

  it('SIM a tool that the user names is called, and its output is told', () => {
    const drive = new Drive();
    drive.update({ tools: [weather], output_modalities: ['text'] });
    const events = drive.ask('What is the weather in Oslo?');
    expect(order(events)).toEqual([
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'response.output_item.added',
      'conversation.item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'conversation.item.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
    ]);
    const done = only(events, 'response.function_call_arguments.done');
    const given = JSON.parse(textOf(done['arguments'])) as Record<string, unknown>;
    expect(given['city']).toBe('Oslo');
    expect(Number.isInteger(given['days'])).toBe(true);
    expect(at(only(events, 'response.output_item.done'), 'item')).toMatchObject({
      type: 'function_call',
      status: 'completed',
      name: 'get_weather',
      arguments: done['arguments'] ?? '',
    });
    const callId = textOf(done['call_id']);
    drive.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: callId, output: '{"c":-2}' },
    });
    drive.send({ type: 'response.create' });
    const answer = only(drive.until('rate_limits.updated').take(), 'response.output_text.done')['text'];
    expect(answer).toContain('get_weather');
    expect(answer).toContain('c is -2');
    expect(generic(drive)).toEqual([]);
  });

  it('SIM tool_choice is obeyed: none never, required and named always', () => {
    const drive = new Drive();
    const other = { type: 'function', name: 'send_mail', parameters: { type: 'object', properties: {} } };
    drive.update({ tools: [weather, other], output_modalities: ['text'] });
    expect(types(drive.ask('weather please', { tool_choice: 'none' }))).toContain(
      'response.output_text.done',
    );
    expect(
      at(only(drive.ask('hello', { tool_choice: 'required' }), 'response.done'), 'response.output.0.name'),
    ).toBe('get_weather');
    const named = drive.ask('hello', { tool_choice: { type: 'function', name: 'send_mail' } });
    expect(at(only(named, 'response.done'), 'response.output.0')).toMatchObject({
      name: 'send_mail',
      arguments: '{}',
    });
  });

  it('SIM parallel calls come in one response, with their own output_index', () => {
    const drive = new Drive();
    const mail = { type: 'function', name: 'send_mail', parameters: { type: 'object', properties: {} } };
    drive.update({ tools: [weather, mail], output_modalities: ['text'], parallel_tool_calls: true });
    const events = drive.ask('mail me the weather in Oslo');
    const done = events.filter((event) => event['type'] === 'response.output_item.done');
    expect(done.map((event) => [event['output_index'], at(event, 'item.name')])).toEqual([
      [0, 'get_weather'],
      [1, 'send_mail'],
    ]);
  });

  it('SIM an output for an unknown call is refused', () => {
    const drive = new Drive();
    drive.take();
    drive.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: 'nope', output: '' },
    });
    expect(at(only(drive.take(), 'error'), 'error.code')).toBe('invalid_tool_call_id');
  });
});
