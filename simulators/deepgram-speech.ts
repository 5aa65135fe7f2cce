/** Simulated Deepgram v2/speak (Flux text to speech): speeches with ids, interruptions, and a report of what is billed. */
import { asCount, asText, type JsonObject, member } from '../protocol/json.ts';
import { AgendaSession } from './agenda-session.ts';
import type { SpeakSetup } from './deepgram-speak.ts';
import { drawLatencyMs } from './faults.ts';
import { charactersOf } from './ledger.ts';
import { SpokenQueue } from './spoken-queue.ts';
import { voiceNamed } from './speech.ts';

interface Speech {
  readonly id: string;
  text: string;
  flushed: boolean;
}

export class SpeechSession extends AgendaSession {
  readonly #setup: SpeakSetup;
  readonly #queue: SpokenQueue;
  #speech: Speech | null = null;
  /** What came while a speech was spoken: the next one's. */
  #held: ('flush' | { readonly text: string })[] = [];
  #closing = false;
  #totals = { audioMs: 0, characters: 0 };

  constructor(setup: SpeakSetup) {
    super(setup.seed, setup.dials);
    this.#setup = setup;
    this.#queue = new SpokenQueue(this.agenda, setup.dials.speed, setup.format, voiceNamed(setup.model, 1));
  }

  protected opened(): void {
    this.send({
      type: 'Connected',
      request_id: this.#setup.requestId,
      model_name: this.#setup.model,
      model_version: '2026-01-01.0',
      model_uuids: ['00000000-0000-4000-8000-000000000003'],
    });
  }

  protected heardAudio(): void {
    this.#fail('MESSAGE-0000', 'Binary messages are not supported.', 1003);
  }

  protected heardMessage(message: JsonObject | null): void {
    switch (message?.['type']) {
      case 'Speak':
        this.#speak(asText(message['text']));
        return;
      case 'Flush':
        this.#flush();
        return;
      case 'Interrupt':
        this.#interrupt(message);
        return;
      case 'Configure': {
        const speed = asCount(message['speed']);
        this.send({ type: 'ConfigureSuccess', applied: speed === undefined ? {} : { speed } });
        return;
      }
      case 'Close':
        this.#closing = true;
        this.#goOn();
        return;
      default:
        this.#fail('MESSAGE-0000', 'The message could not be parsed.', 1003);
    }
  }

  protected expired(): void {
    this.#fail('NET-0003', 'The connection was open for too long.', 1011);
  }

  /** Text of which no report was sent. */
  protected override settle(): void {
    const held = this.#held.map((each) => (each === 'flush' ? '' : each.text)).join('');
    this.ledger.charge({ characters: charactersOf((this.#speech?.text ?? '') + held) });
  }

  protected override failed(): void {
    this.#fail('NET-0000', 'Internal server error.', 1011);
  }

  #fail(code: string, description: string, closeCode: number): void {
    this.send({ type: 'Error', code, description });
    this.close(closeCode, code);
  }

  #speak(text: string | undefined): void {
    if (text === undefined) {
      this.#fail('DATA-0000', 'Speak needs a text.', 1008);
      return;
    }
    if (this.#speech?.flushed === true) {
      this.#held.push({ text });
      return;
    }
    if (this.#speech === null) {
      const hex = Array.from({ length: 12 }, () => this.random.below(16).toString(16)).join('');
      this.#speech = { id: `dg_sp_${hex}`, text: '', flushed: false };
      this.send({ type: 'SpeechStarted', speech_id: this.#speech.id });
    }
    this.#speech.text += text;
  }

  #flush(): void {
    const speech = this.#speech;
    if (speech === null) {
      this.send({ type: 'Warning', code: 'NO_ACTIVE_SPEECH', description: 'There is no text to speak.' });
      return;
    }
    if (speech.flushed) {
      if (this.#held.length > 0) this.#held.push('flush');
      return;
    }
    speech.flushed = true;
    this.#queue.say(
      {
        text: speech.text,
        latencyMs: drawLatencyMs(this.dials, this.random),
        audio: (bytes) => this.sendOutput(bytes),
        done: (audioMs) => {
          this.send({ type: 'Flushed', speech_id: speech.id });
          this.send({ type: 'SpeechMetadata', ...this.#bill(speech, audioMs) });
          this.#speech = null;
          this.#goOn();
        },
      },
      this.now,
    );
  }

  #interrupt(message: JsonObject): void {
    const speech = this.#speech;
    const spokenMs = this.#queue.stop();
    if (speech === null || spokenMs === null) {
      const description = 'There is nothing to interrupt.';
      this.send({ type: 'Warning', code: 'NO_AUDIO_GENERATED', description });
      return;
    }
    const playedMs = asCount(member(message['playback_offset'], 'value'));
    const metadata = this.#bill(speech, spokenMs);
    this.send({
      type: 'SpeechInterrupted',
      audio_played_ms: playedMs ?? this.#totals.audioMs,
      ...(playedMs === undefined ? {} : { text_spoken: '', text_remaining: speech.text }),
      metadata,
    });
    this.#speech = null;
    this.#goOn();
  }

  /** The next speech begins, or the end that was asked for comes. */
  #goOn(): void {
    const held = this.#speech?.flushed === true ? [] : this.#held;
    if (held.length > 0) this.#held = [];
    for (const each of held) {
      if (each === 'flush') this.#flush();
      else this.#speak(each.text);
    }
    if (!this.#closing) return;
    if (this.#speech === null) this.#finish();
    else this.#flush();
  }

  #bill(speech: Speech, audioMs: number): JsonObject {
    const characters = charactersOf(speech.text);
    const duration = Math.round(audioMs);
    this.#totals.audioMs += duration;
    this.#totals.characters += characters;
    this.ledger.charge({ characters });
    return {
      speech_id: speech.id,
      audio_duration_ms: duration,
      input_character_count: characters,
      billable_character_count: characters,
      controls_applied: { pronunciations_applied: 0, breaks_applied: 0, pronunciation_warnings: 0 },
    };
  }

  #finish(): void {
    this.send({
      type: 'SessionMetadata',
      total_audio_duration_ms: this.#totals.audioMs,
      total_input_character_count: this.#totals.characters,
      total_billable_character_count: this.#totals.characters,
    });
    this.close(1000, '');
  }
}
