import { expect, it } from 'vitest';
import { openai } from '../../../providers/openai.ts';
import { LIMITS } from '../../../session/limits.ts';
import { Roster } from '../../../session/roster.ts';
import { SharedSocket } from '../../../session/shared-socket.ts';

it('P10 as many names as the limit are remembered of clients that have left, and those attached besides', () => {
  const roster = new Roster(LIMITS);
  const named = (name: string) =>
    roster.add(null, null, 0, { name, control: 0, highest: 'controller' } as const);
  // All that is asked of them here.
  const parts = { limits: { rememberedOwners: 2 }, roster } as unknown as ConstructorParameters<
    typeof SharedSocket
  >[1];
  const shared = new SharedSocket(openai, parts);
  const stays = named('stays');
  expect(shared.ownerOf(stays)).toBe(1);
  const [first, second, third] = ['first', 'second', 'third'].map((name) => {
    const client = named(name);
    shared.ownerOf(client);
    roster.remove(client.number);
    return client;
  });
  // Whoever comes new makes room.
  shared.ownerOf(named('new'));
  const back = (client: typeof first) =>
    client === undefined ? null : shared.ownerOf({ ...client, number: 99 });
  // The limit of them, and one more, which came first.
  expect([back(second), back(third), back(first)]).toEqual([second?.number, third?.number, 99]);
  expect(shared.ownerOf({ ...stays, number: 99 })).toBe(1);
});
