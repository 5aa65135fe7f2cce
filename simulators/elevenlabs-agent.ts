/** A simulated conversation with an agent: who may speak when, pings, tools, and its end. What is said is a script. */
import { asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { Task } from './agenda.ts';
import { answerText, answerToTool, heardWords } from './answers.ts';
import { decodeBase64 } from './base64.ts';
import { type Format, toSpeechRate } from './elevenlabs-audio.ts';
import { AgentAnswer } from './elevenlabs-agent-answer.ts';
import type { Line, Product } from './elevenlabs-line.ts';
import { VoiceActivity, type VoiceTurn } from './voice-activity.ts';

export interface AgentSetup {
  readonly line: Line;
  readonly agentId: string;
  /** What is wrong with the way in which it was reached, or null. */
  readonly refusal: string | null;
}

const FORMAT_NAME = 'pcm_16000';
const FORMAT: Format = { kind: 'pcm', rate: 16_000 };
const PING_MS = 3000;
/** A client that has not answered a ping for so long is gone; how long the service waits is not known. */
const PONG_WAIT_MS = 20_000;
const LONGEST_MS = 600_000;
/** For the client's first message, which the service does not insist on. */
const INITIATION_WAIT_MS = 500;
const TOOL_WAIT_MS = 20_000;
const TOOL = 'get_order_status';
const GREETING = 'Hello, how can I help you today?';
const POLICY = 1008;
const LEAST_SPEECH_MS = 120;
const SETTINGS = { threshold: 0.5, prefixPaddingMs: 0, silenceMs: 700 };

export class Agent implements Product {
  readonly #setup: AgentSetup;
  readonly #line: Line;
  readonly #activity = new VoiceActivity('audio/pcm', 0);
  #initiation: JsonObject | null = null;
  #waitForInitiation: Task | null = null;
  #answer: AgentAnswer | null = null;
  #tool: { readonly id: string; readonly timeout: Task } | null = null;
  #eventId = 0;
  #turns = 0;
  #speechStartMs = 0;
  #pingId = 0;
  #pongAt = 0;

  constructor(setup: AgentSetup) {
    this.#setup = setup;
    this.#line = setup.line;
  }

  open(): void {
    const { refusal, line } = this.#setup;
    if (refusal !== null) {
      line.close(POLICY, refusal);
      return;
    }
    line.send({
      type: 'conversation_initiation_metadata',
      conversation_initiation_metadata_event: {
        conversation_id: line.id('conv'),
        agent_output_audio_format: FORMAT_NAME,
        user_input_audio_format: FORMAT_NAME,
      },
    });
    this.#pongAt = line.now;
    line.after(PING_MS, () => this.#ping());
    const { session_expired_after: seconds } = line.dials.faults;
    const longest = seconds === null ? LONGEST_MS : seconds * 1000;
    line.after(longest, () =>
      this.#fail(1000, 'max_duration_exceeded', 'The conversation reached its longest duration.'),
    );
    this.#waitForInitiation = line.after(INITIATION_WAIT_MS, () => this.#initiate({}));
  }

  /** Billed by the time for which the conversation is open. */
  settle(openMs: number): void {
    this.#line.ledger.charge({ seconds: openMs / 1000 });
  }

  receiveGarbage(): void {
    this.#fail(
      POLICY,
      'invalid_message',
      'Received an invalid message: it is not a JSON object in a text frame.',
    );
  }

  /** What the service does with a message of no type that it knows is not known; here it is ignored. */
  receive(event: JsonObject): void {
    const audio = event['user_audio_chunk'];
    if (audio !== undefined) {
      this.#hear(audio);
      return;
    }
    switch (event['type']) {
      case 'conversation_initiation_client_data':
        this.#initiate(event);
        return;
      case 'pong':
        if (event['event_id'] === this.#pingId) this.#pongAt = this.#line.now;
        return;
      case 'user_message':
        this.#answerUser(asText(event['text']) ?? '');
        return;
      case 'multimodal_message':
        this.#answerUser(asText(member(event['text'], 'text')) ?? 'I have sent you a file.');
        return;
      case 'client_tool_result':
        this.#takeToolResult(event);
        return;
      default:
        return;
    }
  }

  #initiate(event: JsonObject): void {
    if (this.#initiation !== null) return;
    this.#configure(asObject(event['conversation_config_override']) ?? {});
    const first =
      asText(member(member(event['conversation_config_override'], 'agent'), 'first_message')) ?? GREETING;
    if (first !== '') this.#say(first);
  }

  #configure(override: JsonObject): void {
    this.#line.agenda.remove(this.#waitForInitiation);
    this.#initiation = override;
  }

  get #isTextOnly(): boolean {
    return member(this.#initiation?.['conversation'], 'text_only') === true;
  }

  // --- the user ----------------------------------------------------------------------------------------------------

  #hear(audio: JsonValue): void {
    const bytes = typeof audio === 'string' ? decodeBase64(audio) : null;
    if (bytes === null) {
      this.#fail(POLICY, 'invalid_message', 'user_audio_chunk must be base64.');
      return;
    }
    const turns: VoiceTurn[] = [];
    this.#activity.hear(toSpeechRate(bytes, FORMAT), SETTINGS, (turn) => turns.push(turn));
    for (const turn of turns) {
      if (turn.kind === 'started') {
        this.#speechStartMs = turn.atMs;
        this.#interrupt();
        continue;
      }
      const ms = turn.atMs - this.#speechStartMs - SETTINGS.silenceMs;
      if (ms < LEAST_SPEECH_MS) continue;
      const words = heardWords(this.#line.seed, this.#turns, ms);
      this.#line.send({
        type: 'user_transcript',
        user_transcription_event: { user_transcript: words, event_id: this.#nextEventId() },
      });
      this.#answerUser(words);
    }
  }

  #answerUser(text: string): void {
    // Who speaks at once is answered, not greeted.
    if (this.#initiation === null) this.#configure({});
    this.#interrupt();
    this.#turns += 1;
    if (this.#line.dials.faults.rate_limited) {
      this.#tell('llm_rate_limited', POLICY, 'The language model is overloaded.');
      return;
    }
    if (/\border status\b/i.test(text)) {
      this.#callTool(/\d+/.exec(text)?.[0] ?? '4417');
      return;
    }
    const prompt = asText(member(member(this.#initiation?.['agent'], 'prompt'), 'prompt')) ?? '';
    this.#say(answerText(this.#line.seed, this.#turns, text, prompt));
  }

  #interrupt(): void {
    const answer = this.#answer;
    this.#answer = null;
    const heard = answer?.cut() ?? null;
    if (heard === null || answer === null) return;
    this.#line.send({
      type: 'interruption',
      interruption_event: { event_id: this.#eventId, reason: 'user' },
    });
    this.#line.send({
      type: 'agent_response_correction',
      agent_response_correction_event: {
        original_agent_response: answer.text,
        corrected_agent_response: `${heard}...`,
        event_id: answer.eventId,
      },
    });
  }

  // --- the agent ---------------------------------------------------------------------------------------------------

  #say(text: string): void {
    this.#answer = new AgentAnswer({
      line: this.#line,
      text,
      voiceId: this.#setup.agentId,
      format: FORMAT,
      isTextOnly: this.#isTextOnly,
      nextEventId: () => this.#nextEventId(),
    });
  }

  #callTool(orderNumber: string): void {
    const id = this.#line.id('call');
    const timeout = this.#line.after(TOOL_WAIT_MS, () => {
      this.#tool = null;
      this.#say('I could not look that up just now.');
    });
    this.#tool = { id, timeout };
    this.#line.send({
      type: 'client_tool_call',
      client_tool_call: {
        tool_name: TOOL,
        tool_call_id: id,
        parameters: { order_number: orderNumber },
        event_id: this.#nextEventId(),
      },
    });
  }

  #takeToolResult(event: JsonObject): void {
    if (this.#tool === null || event['tool_call_id'] !== this.#tool.id) return;
    this.#line.agenda.remove(this.#tool.timeout);
    this.#tool = null;
    const result = asText(event['result']) ?? JSON.stringify(event['result'] ?? '');
    this.#say(event['is_error'] === true ? 'The tool failed.' : answerToTool(TOOL, result));
  }

  #nextEventId(): number {
    this.#eventId += 1;
    return this.#eventId;
  }

  #ping(): void {
    if (this.#line.now - this.#pongAt > PONG_WAIT_MS) {
      this.#fail(POLICY, 'transport_receive_timeout', 'The client has not answered for too long.');
      return;
    }
    this.#pingId = this.#nextEventId();
    this.#line.send({ type: 'ping', ping_event: { event_id: this.#pingId, ping_ms: null } });
    this.#line.after(PING_MS, () => this.#ping());
  }

  #tell(errorType: string, code: number, message: string): void {
    this.#line.send({
      type: 'error',
      error_event: { code, message, error_type: errorType, reason: errorType },
    });
  }

  #fail(code: number, errorType: string, message: string): void {
    this.#tell(errorType, code, message);
    this.#line.close(code, message);
  }
}
