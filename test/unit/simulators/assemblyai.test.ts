import { describe, expect, it } from 'vitest';
import { asText } from '../../../protocol/json.ts';
import { assemblyaiSimulator } from '../../../simulators/assemblyai.ts';
import { silent, tone } from '../../support/drive-simulator.ts';
import { SocketDrive } from '../../support/drive-socket.ts';

const drive = (more = '', headers = {}) =>
  new SocketDrive(
    assemblyaiSimulator,
    `https://streaming.example/v3/ws?sample_rate=16000&seed=1${more}`,
    headers,
  );
const pcm = (ms: number) => new ArrayBuffer(ms * 32);

describe('SIM AssemblyAI v3', () => {
  it('SIM Begin comes at once, with the end of the session', () => {
    const session = drive().pass(100);
    expect(session.order()).toEqual(['Begin']);
    expect(session.messages('Begin')[0]?.['expires_at']).toBe(1_795_000_000 + 3 * 3600);
  });

  it('SIM transcripts grow within a turn; a formatted one comes second, when asked for', () => {
    const session = drive('&format_turns=true').hear(tone(1_500)).hear(silent(700));
    const turns = session.messages('Turn');
    const growing = turns.slice(0, -2).map((each) => asText(each['transcript'])?.length ?? 0);
    expect(growing.length).toBeGreaterThan(2);
    expect(growing.toSorted((a, b) => a - b)).toEqual(growing);
    expect(turns.slice(-2)).toMatchObject([
      { turn_order: 0, end_of_turn: true, turn_is_formatted: false },
      { turn_order: 0, end_of_turn: true, turn_is_formatted: true },
    ]);
    expect(turns.at(-1)?.['transcript']).toMatch(/^[A-Z]/);
  });

  it('SIM ForceEndpoint ends a turn; Terminate ends the session with its bill', () => {
    const session = drive().hear(tone(1_000)).send({ type: 'ForceEndpoint' });
    expect(session.messages('Turn').at(-1)).toMatchObject({ end_of_turn: true });
    session.pass(4_000).send({ type: 'KeepAlive' }).send({ type: 'Terminate' });
    expect(session.messages('Termination')).toMatchObject([
      { audio_duration_seconds: 1, session_duration_seconds: 5 },
    ]);
    expect(session.order().slice(-2)).toEqual(['Termination', 'close 1000']);
  });

  it('SIM chunks of 50 to 1000 ms, and none else', () => {
    for (const ms of [50, 1000]) expect(drive().raw(pcm(ms)).order()).toEqual([]);
    for (const ms of [49, 1001]) expect(drive().raw(pcm(ms)).outputs.at(-1)).toMatchObject({ code: 3007 });
  });

  it('SIM unknown messages, a bad key, a scheme before the key and the longest session close', () => {
    expect(drive().raw('{').order()).toEqual(['Error', 'close 3006']);
    expect(drive('', { authorization: 'bad' }).order()).toEqual(['Error', 'close 1008']);
    expect(drive('', { authorization: 'Bearer k' }).order()).toEqual(['Error', 'close 1008']);
    expect(
      drive()
        .pass(3 * 3_600_000)
        .order(),
    ).toEqual(['Begin', 'Error', 'close 3008']);
    expect(drive('&faults=close_1011').hear(tone(500)).order().at(-1)).toBe('close 3005');
  });

  it('SIM refusals by fault are in its own shape', () => {
    const refused = assemblyaiSimulator({ url: 'https://h/v3/ws?faults=connect_429', headers: {} }, 0);
    expect(refused).toMatchObject({ kind: 'refuse', status: 429, body: '{"error":"Too many requests"}' });
  });
});
