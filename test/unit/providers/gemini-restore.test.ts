/** The adapter's restoration against the simulator, which is as strict as Google: does it take what it is sent? */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../protocol/json.ts';
import type { Payload } from '../../../providers/adapter.ts';
import { gemini } from '../../../providers/gemini.ts';
import { FRESH, type GeminiState } from '../../../providers/gemini-state.ts';
import { messageOf } from '../../../providers/gemini-wire.ts';
import { geminiService } from '../../../simulators/gemini.ts';
import type { SimulatedSession, Simulator, SimulatorOutput } from '../../../simulators/simulator.ts';

const ENDPOINT =
  'https://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?seed=1';

/** A session by way of the adapter: what goes either way is read, and restorations are sent on. */
class Conversation {
  state: GeminiState = FRESH;
  /** What clients got. */
  readonly down: (JsonObject | undefined)[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  isRestored = false;
  readonly #service: Simulator;
  #socket: SimulatedSession | null = null;
  #now = 1_795_000_000_000;

  constructor(service: Simulator) {
    this.#service = service;
  }

  /** A new upstream socket; the old one, if any, is closed first. */
  dial(): this {
    this.#socket?.closed(this.#now);
    this.closed = null;
    const handshake = this.#service({ url: ENDPOINT, headers: {} }, this.#now);
    if (handshake.kind !== 'accept') throw new Error('refused');
    this.#socket = handshake.session;
    this.#take(this.#socket.open(this.#now));
    const { state, send } = gemini.restore(this.state);
    this.state = state;
    for (const frame of send.clients) this.down.push(messageOf(frame));
    for (const frame of send.upstream) this.#up(frame);
    return this;
  }

  send(message: JsonObject): this {
    const frame = JSON.stringify(message);
    this.state = gemini.read(this.state, { side: 'client', client: 'c1' }, frame).state;
    this.#up(frame);
    return this;
  }

  ask(text: string): this {
    return this.send({ clientContent: { turns: [{ role: 'user', parts: [{ text }] }], turnComplete: true } });
  }

  pass(ms: number): this {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#socket?.due() ?? null;
      if (due === null || due > until) break;
      this.#now = Math.max(this.#now, due);
      this.#take(this.#socket?.advance(this.#now) ?? []);
    }
    this.#now = until;
    return this;
  }

  #up(frame: Payload): void {
    this.#take(this.#socket?.receive(frame, this.#now) ?? []);
  }

  #take(outputs: readonly SimulatorOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'close') this.closed = output;
      if (output.kind !== 'send') continue;
      const reading = gemini.read(this.state, { side: 'upstream' }, output.payload);
      this.state = reading.state;
      if (reading.restored === true) this.isRestored = true;
      if (reading.route === 'across') this.down.push(messageOf(output.payload));
      for (const frame of reading.send?.upstream ?? []) this.#up(frame);
    }
  }

  count(kind: string): number {
    return this.down.filter((message) => message?.[kind] !== undefined).length;
  }

  lastPrompt(): number {
    const usage = this.down.findLast((message) => message?.['usageMetadata'] !== undefined)?.[
      'usageMetadata'
    ];
    return Number((usage as JsonObject)['promptTokenCount']); // an object, as the simulator sends it
  }
}

const setup = (more: JsonObject = {}): JsonObject => ({
  setup: { model: 'models/sim-support', generationConfig: { responseModalities: ['TEXT'] }, ...more },
});
const begun = (more: JsonObject = {}): Conversation =>
  new Conversation(geminiService()).dial().send(setup(more)).ask('My name is Ada').pass(5_000);

describe('P5 a conversation goes on', () => {
  it('P5 by handle: the context is Google’s to remember, and one setupComplete is all that clients see', () => {
    const talk = begun({ sessionResumption: {} });
    const before = talk.lastPrompt();
    talk.dial();
    expect([talk.isRestored, talk.closed, gemini.intercepts(talk.state)]).toEqual([true, null, false]);
    talk.ask('Go on').pass(5_000);
    expect(talk.count('setupComplete')).toBe(1);
    expect(talk.lastPrompt()).toBeGreaterThan(before + 10);
    expect(talk.count('toolCallCancellation')).toBe(0);
  });

  it('P5 without a handle: its words go before, and are not answered', () => {
    const talk = begun();
    const [before, heard] = [talk.lastPrompt(), talk.down.length];
    talk.dial().pass(5_000);
    expect([talk.isRestored, talk.closed, talk.down.length]).toEqual([true, null, heard]);
    talk.ask('Go on').pass(5_000);
    expect(talk.closed).toBeNull();
    expect(talk.lastPrompt()).toBeGreaterThan(before + 10);
  });

  it('P5 a handle that is refused: the next socket is given the words instead', () => {
    const talk = begun({ sessionResumption: {} });
    talk.state = { ...talk.state, handle: 'of-another-day' };
    expect(talk.dial().closed).toMatchObject({ code: 1007 });
    expect(gemini.intercepts(talk.state)).toBe(true);
    talk.dial().ask('Go on').pass(5_000);
    expect([talk.isRestored, talk.closed, talk.count('setupComplete')]).toEqual([true, null, 1]);
  });

  it('P5 a socket that died before it was set up: clients still get the setupComplete that they wait for', () => {
    const { state } = gemini.read(
      gemini.restore(FRESH).state,
      { side: 'client', client: 'c1' },
      JSON.stringify(setup()),
    );
    const again = gemini.restore(state);
    const frame = '{"setupComplete":{}}';
    expect(gemini.read(again.state, { side: 'upstream' }, frame)).toMatchObject({
      route: 'across',
      restored: true,
    });
    const answered = gemini.read(state, { side: 'upstream' }, frame).state;
    expect(gemini.read(gemini.restore(answered).state, { side: 'upstream' }, frame).route).toBe('nowhere');
  });

  it('P5 an answer that is cut off ends for the clients, and the question can be asked again', () => {
    const talk = begun({ sessionResumption: {} }).ask('And then?').pass(250);
    const from = talk.down.length;
    talk.dial();
    expect(talk.down.slice(from)).toEqual([
      { serverContent: { interrupted: true } },
      { serverContent: { turnComplete: true } },
    ]);
    const heard = talk.down.length;
    talk.ask('And then?').pass(5_000);
    expect(talk.down.slice(heard).at(-2)).toMatchObject({ serverContent: { turnComplete: true } });
    expect(talk.closed).toBeNull();
  });
});
