import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  at,
  connect,
  deltas,
  Drive,
  frames,
  only,
  silent,
  START,
  tone,
  types,
} from '../../support/drive-simulator.ts';
import { processorMs } from '../../support/processor-time.ts';
import { parseJson, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { openaiSimulator } from '../../../simulators/openai.ts';

const faulty = (faults: string, more = ''): Drive =>
  new Drive(`model=sim-support&seed=1&faults=${faults}${more}`);

const firstOutputMs = (query: string): number => {
  const drive = new Drive(`model=sim-support&seed=1&${query}`).send({ type: 'response.create' });
  return drive.until('response.output_item.added').now - START;
};

const answerAt = (speed: number): readonly [number, string] => {
  const drive = new Drive(`model=sim-support&seed=1&speed=${speed}`).send({ type: 'response.create' });
  const events = drive.until('response.done').take();
  const sound = deltas(events, 'response.output_audio.delta');
  return [drive.now - START - 200, sound.join('')];
};

const sessionIdAt = (now: number): JsonValue | undefined => {
  const handshake = connect('model=sim-support', {}, now);
  if (handshake.kind !== 'accept') throw new Error(handshake.kind);
  const [output] = handshake.session.open(now);
  const frame = output?.kind === 'send' && typeof output.payload === 'string' ? output.payload : '';
  return at(parseJson(frame), 'session.id');
};

describe('faults', () => {
  it.each([
    ['connect_401', 401],
    ['connect_403', 403],
    ['connect_429', 429],
    ['connect_503', 503],
  ] as const)('SIM %s refuses the upgrade', (fault, status) => {
    const handshake = connect(`model=sim-support&faults=${fault}`);
    if (handshake.kind !== 'refuse') throw new Error(handshake.kind);
    expect(handshake.status).toBe(status);
    expect(handshake.headers['retry-after']).toBe(status === 429 ? '2' : undefined);
    expect(at(JSON.parse(handshake.body) as JsonValue, 'error.code')).toBeTypeOf('string');
  });

  it('SIM connect_hang never answers', () => {
    expect(connect('model=sim-support&faults=connect_hang').kind).toBe('hang');
  });

  it('SIM drop_after ends without a Close frame at its second', () => {
    const drive = faulty('drop_after=7').pass(6999);
    expect(drive.outputs.length).toBe(1);
    drive.pass(1);
    expect(drive.outputs.at(-1)).toEqual({ kind: 'drop' });
    expect(drive.due()).toBeNull();
  });

  it('SIM close_1011 closes inside the first response', () => {
    const drive = faulty('close_1011').send({ type: 'response.create' }).pass(5000);
    expect(drive.outputs.at(-1)).toMatchObject({ kind: 'close', code: 1011 });
    expect(types(drive.events())).toContain('response.output_audio_transcript.delta');
    expect(types(drive.events())).not.toContain('response.done');
    expect(drive.due()).toBeNull();
  });

  it('SIM malformed_json sends one broken frame, and the whole one after it', () => {
    const drive = faulty('malformed_json').send({ type: 'response.create' });
    const texts = frames(drive);
    expect(() => JSON.parse(texts[1] ?? '') as unknown).toThrow();
    expect(texts[2]?.startsWith(texts[1] ?? 'x')).toBe(true);
    expect(types(drive.until('response.done').take())).toContain('response.done');
  });

  it('SIM duplicate_event repeats the first delta with its id', () => {
    const drive = faulty('duplicate_event').send({ type: 'response.create' });
    const ids = drive
      .until('response.done')
      .take()
      .map((event) => event['event_id']);
    expect(ids.length - new Set(ids).size).toBe(1);
  });

  it('SIM stall pauses the first response after its first delta', () => {
    const drive = faulty('stall=10')
      .send({ type: 'response.create' })
      .until('response.output_audio_transcript.delta');
    drive.take();
    expect(drive.pass(9_900).take()).toEqual([]);
    expect(drive.pass(200).take().length).toBeGreaterThan(0);
  });

  it('SIM slow_first_audio and latency_ms move the first output', () => {
    expect(firstOutputMs('latency_ms=300')).toBe(300);
    expect(firstOutputMs('latency_ms=300&faults=slow_first_audio')).toBe(4300);
    expect(firstOutputMs('latency_ms=0&faults=slow_first_audio=2.5s')).toBe(2500);
    for (const spread of ['300%C2%B180', '300-80', '300±80']) {
      expect(firstOutputMs(`latency_ms=${spread}`)).toBeGreaterThanOrEqual(220);
      expect(firstOutputMs(`latency_ms=${spread}`)).toBeLessThanOrEqual(380);
    }
  });

  it('SIM rate_limited fails the response and keeps the socket', () => {
    const drive = faulty('rate_limited');
    const events = drive.ask('hello');
    const done = only(events, 'response.done');
    expect(at(done, 'response.status')).toBe('failed');
    expect(at(done, 'response.status_details.error.code')).toBe('rate_limit_exceeded');
    expect(at(done, 'response.usage')).toBeNull();
    expect(types(drive.update({}))).toEqual(['session.updated']);
  });

  it('SIM session_expired_after brings the expiry forward', () => {
    const drive = faulty('session_expired_after=30');
    expect(at(drive.events()[0], 'session.expires_at')).toBe(START / 1000 + 30);
    drive.pass(30_000);
    expect(drive.outputs.at(-1)).toMatchObject({ kind: 'close', code: 1001 });
  });

  it('SIM binary_frame follows the first frame', () => {
    const [, second] = faulty('binary_frame').outputs;
    expect(second?.kind === 'send' && second.payload instanceof ArrayBuffer).toBe(true);
  });

  it('SIM speed shortens the answer, not its sound', () => {
    const [slow, sound] = answerAt(1);
    const [fast, same] = answerAt(10);
    expect(slow / fast).toBeGreaterThan(9);
    expect(slow / fast).toBeLessThan(11);
    expect(same).toBe(sound);
  });

  it.each([
    'faults=conect_401',
    'faults=drop_after',
    'faults=stall=x',
    'faults=close_1011=3',
    'speed=0',
    'speed=51',
    'latency_ms=soon',
  ])('SIM a dial that means nothing (%s) is refused with an explanation', (query) => {
    const handshake = connect(`model=sim-support&${query}`);
    expect(handshake).toMatchObject({ kind: 'refuse', status: 400 });
  });
});

function conversation(query: string): string {
  const drive = new Drive(query);
  drive.update({ audio: { input: { transcription: { model: 'whisper-1' } } } });
  drive.ask('Hello there');
  drive
    .speak(tone(800))
    .speak(silent(400))
    .until('response.output_audio.delta')
    .speak(tone(300))
    .speak(silent(500))
    .pass(20_000);
  return JSON.stringify([drive.outputs, drive.times]);
}

describe('determinism', () => {
  it('SIM the same seed and input give the same bytes at the same times', () => {
    expect(conversation('model=sim-support&seed=7')).toBe(conversation('model=sim-support&seed=7'));
  });

  it('SIM another seed gives other ids and other words', () => {
    const [one, two] = [conversation('model=sim-support&seed=7'), conversation('model=sim-support&seed=8')];
    expect(one).not.toBe(two);
    expect(one.slice(0, 200)).not.toBe(two.slice(0, 200));
  });

  it('SIM without a seed two sessions differ, unless they open at the same time', () => {
    expect(sessionIdAt(START)).toMatch(/^sess_\w{21}$/);
    expect(sessionIdAt(START)).toBe(sessionIdAt(START));
    expect(sessionIdAt(START)).not.toBe(sessionIdAt(START + 1));
  });

  it('SIM what is overdue is said before a frame is answered', () => {
    const drive = new Drive().send({ type: 'response.create' });
    drive.take();
    drive.now += 60_000;
    const late = types(drive.send({ type: 'response.cancel' }).take());
    expect(late.slice(-2)).toEqual(['rate_limits.updated', 'error']);
    expect(late).toContain('response.done');
  });

  it('SIM a late advance gives the same frames as a punctual one', () => {
    const punctual = new Drive().send({ type: 'response.create' }).pass(20_000);
    const handshake = connect('model=sim-support&seed=1');
    if (handshake.kind !== 'accept') throw new Error(handshake.kind);
    const { session } = handshake;
    const late = [
      ...session.open(START),
      ...session.receive('{"type":"response.create"}', START),
      ...session.advance(START + 20_000),
    ];
    expect(late).toEqual(punctual.outputs);
  });
});

describe('hostile input', () => {
  const kinds = [
    'session.update',
    'input_audio_buffer.append',
    'input_audio_buffer.commit',
    'input_audio_buffer.clear',
    'conversation.item.create',
    'conversation.item.retrieve',
    'conversation.item.truncate',
    'conversation.item.delete',
    'response.create',
    'response.cancel',
  ];
  const keys = [
    'session',
    'audio',
    'item',
    'item_id',
    'response',
    'type',
    'content',
    'role',
    'input',
    'output',
    'format',
    'id',
    'turn_detection',
    'tools',
    '__proto__',
    'constructor',
    'previous_item_id',
    'metadata',
    'content_index',
    'text',
  ];
  const json = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<JsonValue>(
        'realtime',
        'message',
        'user',
        'audio/pcm',
        'root',
        'function',
        'server_vad',
        'AAAA',
        0,
        -1,
        1e308,
        null,
        true,
        '',
      ),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 4 }),
    ),
  })).value;

  it('SIM no text and no bytes make it throw, and it always answers with JSON', () => {
    const event = fc.tuple(
      fc.constantFrom(...kinds),
      fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 5 }),
    );
    const frame = fc.oneof(
      event.map(([type, fields]) => JSON.stringify({ ...fields, type })),
      json.map((value) => JSON.stringify(value)),
      fc.string(),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes).buffer),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(frame, fc.nat(500)), { maxLength: 12 }), (sent) => {
        const drive = new Drive();
        for (const [payload, ms] of sent) drive.raw(payload).pass(ms);
        for (const frame of frames(drive)) expect(parseJson(frame)).toBeDefined();
        expect(drive.outputs.length).toBe(frames(drive).length);
      }),
      { numRuns: 400 },
    );
  });

  it.each([' ', '.', '“', 'A', '!', '\'"', 'a '])(
    'SIM a long run of %j is answered in good time',
    (piece) => {
      const text = `say exactly ${piece.repeat(300_000)}x`;
      const tool = { type: 'function', name: 'x', parameters: { properties: { q: { type: 'string' } } } };
      for (const model of ['sim-support', 'sim-echo']) {
        const drive = new Drive(`model=${model}&seed=1`);
        drive.update({
          instructions: text,
          output_modalities: ['text'],
          tools: [tool],
          max_output_tokens: 40,
        });
        const began = processorMs();
        drive.ask(text, { tool_choice: 'required' });
        drive.ask(text, { tool_choice: 'none' });
        drive.ask(text, { tool_choice: 'none', output_modalities: ['audio'] });
        expect(processorMs() - began).toBeLessThan(2000);
      }
    },
  );

  it('SIM a conversation has a bound', () => {
    const drive = new Drive();
    drive.take();
    const content = [{ type: 'input_text', text: 'x'.repeat(12 * 1024 * 1024) }];
    for (let item = 0; item < 3; item++) {
      drive.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    }
    expect(types(drive.take())).toEqual([
      'conversation.item.added',
      'conversation.item.done',
      'conversation.item.added',
      'conversation.item.done',
      'error',
    ]);
  });

  it('SIM no URL and no headers make the handshake throw', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.dictionary(fc.constantFrom('authorization', 'sec-websocket-protocol', 'openai-beta'), fc.string()),
        (url, headers) => {
          openaiSimulator({ url, headers }, START);
        },
      ),
    );
  });

  it('SIM one more field never changes a refusal into an acceptance of the rest', () => {
    const drive = new Drive();
    drive.take();
    const polluted =
      '{"type":"session.update","session":{"type":"realtime","__proto__":{"instructions":"x"}}}';
    drive.raw(polluted);
    expect(at(only(drive.take(), 'error'), 'error.code')).toBe('unknown_parameter');
    expect(({} as JsonObject)['instructions']).toBeUndefined();
  });
});
