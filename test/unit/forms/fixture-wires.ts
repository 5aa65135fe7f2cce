/** OpenAI's other sockets have no simulator: a recorded session of theirs answers instead, in any order that it is asked. */
import { readFileSync } from 'node:fs';
import { openai } from '../../../providers/openai.ts';
import { Ledger } from '../../../simulators/ledger.ts';
import type { SimulatedSession, SimulatorOutput } from '../../../simulators/simulator.ts';
import { type FixtureFrame, payloadOf } from '../../contract/provider-contract.ts';
import type { UsageWire } from '../usage/usage-drive.ts';

/** After a frame of a client, for each part of an answer. */
const PART_MS = 40;

/** Says what the recorded provider had said after each of its client's frames: to the first, to the second, and so on. */
class Played implements SimulatedSession {
  readonly charged = new Ledger().charged;
  readonly #answers: readonly (readonly FixtureFrame[])[];
  readonly #coming: { readonly at: number; readonly frame: FixtureFrame }[] = [];
  #heard = 0;

  constructor(answers: readonly (readonly FixtureFrame[])[]) {
    this.#answers = answers;
  }

  open(now: number): readonly SimulatorOutput[] {
    return this.receive('', now);
  }

  receive(_payload: unknown, now: number): readonly SimulatorOutput[] {
    const answer = this.#answers[this.#heard % this.#answers.length] ?? [];
    const last = this.#coming.at(-1)?.at ?? now;
    this.#coming.push(...answer.map((frame, part) => ({ at: last + part * PART_MS, frame })));
    this.#heard += 1;
    return this.advance(now);
  }

  due(): number | null {
    return this.#coming[0]?.at ?? null;
  }

  advance(now: number): readonly SimulatorOutput[] {
    const due = this.#coming.filter(({ at }) => at <= now);
    this.#coming.splice(0, due.length);
    return due.map(({ frame }) => ({ kind: 'send', payload: payloadOf(frame) }));
  }

  closed(): void {
    this.#coming.length = 0;
  }
}

function fixtureWire(fixture: string, path: string): UsageWire {
  const text = readFileSync(new URL(`../../fixtures/${fixture}.jsonl`, import.meta.url), 'utf8');
  const frames = text
    .trim()
    .split('\n')
    .map((line): FixtureFrame => JSON.parse(line));
  const asked = frames.filter(({ from }) => from === 'client').map(payloadOf);
  const answers: FixtureFrame[][] = [[]];
  for (const frame of frames) {
    if (frame.from === 'client') answers.push([]);
    else answers.at(-1)?.push(frame);
  }
  const session = () => new Played(answers);
  return {
    name: fixture,
    adapter: openai,
    service: () => () => ({ kind: 'accept', subprotocol: null, session: session() }),
    request: { path, query: [['model', 'a-model']], baseUrl: 'https://api.openai.example/v1' },
    begin: () => asked.slice(0, 1),
    moves: [(_, n) => asked.slice(n % asked.length, (n % asked.length) + 1)],
    records: 'told',
    source: 'either',
  };
}

export const FIXTURE_WIRES: readonly UsageWire[] = [
  fixtureWire('openai-responses/two-turns', 'responses'),
  fixtureWire('openai-live/one-call', 'live/sessions'),
  fixtureWire('openai-translations/speech', 'realtime/translations'),
];
