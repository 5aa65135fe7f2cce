/** Simulated Deepgram voice agent: settings first, then a conversation by voice, text or function calls. */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import type { Task } from './agenda.ts';
import { answerText, answerToTool, chooseTools } from './answers.ts';
import { scriptedLine, wordsWithin } from './deepgram-listen.ts';
import { type Dials, drawLatencyMs } from './faults.ts';
import { Ear, rawEncoding, type RawFormat } from './raw-audio.ts';
import { SpokenQueue } from './spoken-queue.ts';
import { voiceNamed } from './speech.ts';
import type { VoiceTurn } from './voice-activity.ts';

const SESSION_MS = 2 * 60 * 60_000;
const SILENT_MS = 10_000;
const END_OF_TURN_MS = 500;
const DEFAULT_RATE = 24_000;

/** Answers to a change of the settings. */
const UPDATED: Readonly<Record<string, string>> = {
  UpdatePrompt: 'PromptUpdated',
  UpdateThink: 'ThinkUpdated',
  UpdateSpeak: 'SpeakUpdated',
  UpdateListen: 'ListenUpdated',
};

export interface AgentSetup {
  readonly seed: string;
  readonly dials: Dials;
  readonly requestId: string;
}

/** What the settings make of a session. */
interface Configured {
  readonly agent: JsonObject;
  readonly ear: Ear;
  readonly queue: SpokenQueue;
}

export class AgentSession extends AgendaSession {
  readonly #requestId: string;
  #configured: Configured | null = null;
  #deadline: Task | null = null;
  #turns = 0;
  #speechFromMs = 0;
  #userSpeaking = false;
  #calls = new Map<string, string>();

  constructor({ seed, dials, requestId }: AgentSetup) {
    super(seed, dials);
    this.#requestId = requestId;
  }

  protected opened(): void {
    this.send({ type: 'Welcome', request_id: this.#requestId });
    this.agenda.add(this.now + SESSION_MS, () => this.expired());
    this.#awake();
  }

  protected heardAudio(bytes: Uint8Array): void {
    this.#awake();
    // Audio that comes before the settings has no format, and is not heard.
    if (bytes.length > 0) this.#configured?.ear.hear(bytes, (turn) => this.#turn(turn));
  }

  protected heardMessage(message: JsonObject | null): void {
    this.#awake();
    const type = asText(message?.['type']) ?? '';
    if (message === null || type === '') {
      this.#error('UNPARSABLE_CLIENT_MESSAGE', 'The message is not a JSON object with a type.');
      return;
    }
    if (type === 'KeepAlive') return;
    if (type === 'Settings') {
      this.#configure(message);
      return;
    }
    if (this.#configured === null) {
      this.#error('SETTINGS_NOT_APPLIED', 'Settings must be the first message.');
      return;
    }
    this.#handle(type, message, this.#configured);
  }

  protected expired(): void {
    this.#error('SESSION_EXPIRED', 'The session was open for the longest time allowed.');
    this.close(1000, 'session expired');
  }

  /** Billed by the time for which the socket is open. */
  protected override settle(openMs: number): void {
    this.ledger.charge({ seconds: openMs / 1000 });
  }

  protected override failed(): void {
    this.#error('INTERNAL_SERVER_ERROR', 'The agent failed.');
    this.close(1011, 'NET-0000');
  }

  #handle(type: string, message: JsonObject, { queue }: Configured): void {
    switch (type) {
      case 'InjectUserMessage':
        this.#stopSpeaking();
        this.#hearUser(asText(message['content']) ?? '');
        return;
      case 'InjectAgentMessage':
        if (this.#userSpeaking || queue.busy)
          this.send({ type: 'InjectionRefused', message: 'Somebody is speaking.' });
        else this.#say(asText(message['message']) ?? '', 0);
        return;
      case 'FunctionCallResponse': {
        const name = this.#calls.get(asText(message['id']) ?? '');
        if (name === undefined) {
          this.#error('UNKNOWN_FUNCTION_CALL', 'No function call of this id is open.');
          return;
        }
        this.#calls.delete(asText(message['id']) ?? '');
        this.#say(answerToTool(name, asText(message['content']) ?? ''), 0);
        return;
      }
      case 'ForceEndTurn':
        this.#endUserTurn(0);
        return;
      default: {
        const answer = Object.hasOwn(UPDATED, type) ? UPDATED[type] : undefined;
        if (answer === undefined) {
          this.#error('UNPARSABLE_CLIENT_MESSAGE', `Unknown message type '${type}'.`);
          return;
        }
        this.#change(type, message);
        this.send({ type: answer });
      }
    }
  }

  #configure(message: JsonObject): void {
    const agent = asObject(message['agent']);
    if (agent === undefined || this.#configured !== null) {
      this.#error('INVALID_SETTINGS', 'Settings come once, with an agent.');
      return;
    }
    const input = formatOf(member(message['audio'], 'input'));
    const output = formatOf(member(message['audio'], 'output')) ?? DEFAULT_FORMAT;
    const voice = voiceNamed(asText(member(member(agent['speak'], 'provider'), 'model')) ?? '', 1);
    this.#configured = {
      agent,
      ear: new Ear(input, END_OF_TURN_MS),
      queue: new SpokenQueue(this.agenda, this.dials.speed, output, voice),
    };
    this.send({ type: 'SettingsApplied' });
    const greeting = asText(agent['greeting']) ?? '';
    if (greeting !== '') this.#say(greeting, 0);
  }

  #change(type: string, message: JsonObject): void {
    if (this.#configured === null || type !== 'UpdatePrompt') return;
    const { agent } = this.#configured;
    const think = { ...asObject(agent['think']), prompt: message['prompt'] ?? '' };
    this.#configured = { ...this.#configured, agent: { ...agent, think } };
  }

  #awake(): void {
    this.agenda.remove(this.#deadline);
    this.#deadline = this.agenda.add(this.now + SILENT_MS, () => {
      this.#error('CLIENT_MESSAGE_TIMEOUT', 'Nothing was received within 10 seconds.');
      this.close(1011, 'NET-0001');
    });
  }

  #turn(turn: VoiceTurn): void {
    if (turn.kind === 'stopped') {
      this.#endUserTurn(turn.atMs - this.#speechFromMs);
      return;
    }
    this.#userSpeaking = true;
    this.#speechFromMs = turn.atMs;
    this.#stopSpeaking();
    this.send({ type: 'UserStartedSpeaking' });
  }

  #endUserTurn(ms: number): void {
    if (!this.#userSpeaking) return;
    this.#userSpeaking = false;
    this.#configured?.ear.cut();
    this.#hearUser(wordsWithin(scriptedLine(this.seed, this.#turns), ms).join(' '));
  }

  #stopSpeaking(): void {
    this.#configured?.queue.stop();
  }

  #hearUser(text: string): void {
    if (this.#configured === null) return;
    const { agent } = this.#configured;
    this.send({ type: 'ConversationText', role: 'user', content: text });
    this.#turns += 1;
    const functions = (asArray(member(agent['think'], 'functions')) ?? []).map((each) => ({
      ...asObject(each),
      type: 'function',
    }));
    const [call] = chooseTools({ tools: functions }, text, this.random);
    if (call !== undefined) {
      const id = `call_${this.random.letters(12)}`;
      this.#calls.set(id, call.name);
      this.send({ type: 'FunctionCallRequest', functions: [{ id, ...call, client_side: true }] });
      return;
    }
    const prompt = asText(member(agent['think'], 'prompt')) ?? '';
    this.#say(answerText(this.seed, this.#turns, text, prompt), drawLatencyMs(this.dials, this.random));
  }

  #say(text: string, latencyMs: number): void {
    this.#configured?.queue.say(
      {
        text,
        latencyMs,
        begin: () => {
          const seconds = latencyMs / 1000;
          this.sendOutput({
            type: 'AgentStartedSpeaking',
            total_latency: seconds,
            tts_latency: seconds / 2,
            ttt_latency: seconds / 2,
          });
          this.send({ type: 'ConversationText', role: 'assistant', content: text });
        },
        audio: (bytes) => this.sendOutput(bytes),
        done: () => this.send({ type: 'AgentAudioDone' }),
      },
      this.now,
    );
  }

  #error(code: string, description: string): void {
    this.send({ type: 'Error', code, description });
  }
}

const DEFAULT_FORMAT: RawFormat = { encoding: 'linear16', rate: DEFAULT_RATE, channels: 1 };

/** Null for compressed audio. */
function formatOf(audio: JsonValue | undefined): RawFormat | null {
  const name = asText(member(audio, 'encoding'));
  const encoding = name === undefined ? DEFAULT_FORMAT.encoding : rawEncoding(name);
  const rate = Number(member(audio, 'sample_rate') ?? DEFAULT_RATE);
  return encoding === null || !(rate >= 8_000) ? null : { encoding, rate, channels: 1 };
}
