/** A conversation by Google's own SDK: sends, and waits for what the server says. */
import {
  GoogleGenAI,
  type GoogleGenAIOptions,
  type LiveConnectConfig,
  type LiveServerMessage,
} from '@google/genai';
import type { Session } from '@google/genai';

type Predicate = (message: LiveServerMessage) => boolean;

export class LiveTalk {
  readonly messages: LiveServerMessage[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  #session: Session | null = null;
  #waiting: (() => void)[] = [];
  #taken = 0;

  static async open(
    options: GoogleGenAIOptions,
    config: LiveConnectConfig,
    model = 'sim-support',
  ): Promise<LiveTalk> {
    const talk = new LiveTalk();
    const callbacks = {
      onmessage: (message: LiveServerMessage) => {
        talk.messages.push(message);
        talk.#wake();
      },
      onclose: ({ code, reason }: CloseEvent) => {
        talk.closed = { code, reason };
        talk.#wake();
      },
    };
    const connected = new GoogleGenAI(options).live.connect({ model, config, callbacks });
    // Where the socket closes before setupComplete, the SDK's promise never settles.
    await Promise.race([connected.then((session) => (talk.#session = session)), talk.untilClosed()]);
    return talk;
  }

  get session(): Session {
    if (this.#session === null) throw new Error(`not connected: ${JSON.stringify(this.closed)}`);
    return this.#session;
  }

  say(text: string): void {
    this.session.sendClientContent({ turns: [{ role: 'user', parts: [{ text }] }], turnComplete: true });
  }

  /** The messages since the last call, up to the one that is waited for. */
  async until(predicate: Predicate): Promise<readonly LiveServerMessage[]> {
    for (;;) {
      const at = this.messages.findIndex((message, index) => index >= this.#taken && predicate(message));
      if (at !== -1) {
        const fresh = this.messages.slice(this.#taken, at + 1);
        this.#taken = at + 1;
        return fresh;
      }
      if (this.closed !== null) throw new Error(`closed: ${JSON.stringify(this.closed)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  turn(): Promise<readonly LiveServerMessage[]> {
    return this.until((message) => message.serverContent?.turnComplete === true);
  }

  async untilClosed(): Promise<void> {
    while (this.closed === null) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export function textOf(messages: readonly LiveServerMessage[]): string {
  return partsOf(messages)
    .map((part) => part.text ?? '')
    .join('');
}

/** Decoded bytes of the model's audio. */
export function audioBytes(messages: readonly LiveServerMessage[]): number {
  return partsOf(messages).reduce(
    (sum, part) => sum + Buffer.from(part.inlineData?.data ?? '', 'base64').length,
    0,
  );
}

function partsOf(messages: readonly LiveServerMessage[]) {
  return messages.flatMap((message) => message.serverContent?.modelTurn?.parts ?? []);
}

/** Prompt, response and thoughts of every snapshot. */
export function tokensOf(messages: readonly LiveServerMessage[]): number {
  return messages.reduce((sum, { usageMetadata: usage }) => {
    const { promptTokenCount = 0, responseTokenCount = 0, thoughtsTokenCount = 0 } = usage ?? {};
    return sum + promptTokenCount + responseTokenCount + thoughtsTokenCount;
  }, 0);
}
