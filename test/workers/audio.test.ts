/** A session's sound inside workerd: what of it may be under way at a time. */
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../session/limits.ts';
import { asAdmin, errorOf, open } from './parley.ts';

const SESSION = '/v1/acct/gw/sessions/busy';

async function recorded(): Promise<void> {
  const client = await open('/v1/acct/gw/simulator?model=sim-support&parley-session=busy');
  await client.next();
  const audio = btoa('\u0001\u0002'.repeat(24_000));
  client.socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio }));
  client.socket.send(JSON.stringify({ type: 'session.update', session: { type: 'realtime' } }));
  // Answered after the sound before it.
  while (!(await client.next()).includes('"session.updated"'));
  client.socket.close(1000);
  await client.closed;
  await asAdmin(`${SESSION}/end`, { method: 'POST' });
}

describe('P10 what is computed for one session at a time is bounded', () => {
  it(`P10 ${LIMITS.soundReads} answers with its sound may be unread; one more is refused until one is read`, async () => {
    await recorded();
    const unread: Response[] = [];
    for (let n = 0; n < LIMITS.soundReads; n += 1) unread.push(await asAdmin(`${SESSION}/audio.wav`));
    expect(unread.map(({ status }) => status)).toEqual(unread.map(() => 200));
    const late = await asAdmin(`${SESSION}/peaks`);
    expect([late.status, late.headers.get('retry-after'), await errorOf(late)]).toEqual([
      429,
      '1',
      'audio_busy',
    ]);
    for (const answer of unread) expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(48_000);
    // The last byte is there a moment before the place is free.
    let again = await asAdmin(`${SESSION}/peaks`);
    for (let n = 0; n < 50 && again.status === 429; n += 1) again = await asAdmin(`${SESSION}/peaks`);
    expect(again.status).toBe(200);
  });
});
