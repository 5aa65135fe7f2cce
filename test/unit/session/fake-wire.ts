/** A wire that writes down what it is told, and an adapter that reads nothing unless a test says so. */
import type { CloseFrame } from '../../../protocol/close-codes.ts';
import type { Payload } from '../../../protocol/connect.ts';
import type { Ending } from '../../../protocol/recording.ts';
import type { ProviderAdapter } from '../../../providers/adapter.ts';
import { openai } from '../../../providers/openai.ts';
import { LIMITS, type Limits } from '../../../session/limits.ts';
import { Session } from '../../../session/session.ts';
import type { SessionPlan } from '../../../session/session-plan.ts';
import type { DeadlineName, Wire } from '../../../session/wire.ts';

export class FakeWire implements Wire {
  readonly log: string[] = [];
  readonly up: Payload[] = [];
  readonly toldSuccessor: Payload[] = [];
  readonly down = new Map<number, Payload[]>();
  readonly deadlines = new Map<DeadlineName, number>();
  readonly endings: Ending[] = [];
  readonly problems: string[] = [];
  upstreamOpen = true;
  /** Of every client, and of those that differ. */
  unsent: number | undefined = undefined;
  readonly unsentOf = new Map<number, number>();
  upstreamUnsent = 0;
  pingedAt: number | null = null;

  toUpstream(payload: Payload): boolean {
    if (!this.upstreamOpen) return false;
    this.up.push(payload);
    this.log.push('up');
    return true;
  }
  toClient(client: number, payload: Payload): void {
    this.down.set(client, [...(this.down.get(client) ?? []), payload]);
    this.log.push(`down ${client}`);
  }
  unsentTo(client: number): number | undefined {
    return this.unsentOf.get(client) ?? this.unsent;
  }
  unsentToUpstream(): number {
    return this.upstreamUnsent;
  }
  holdInput(ms: number): void {
    this.log.push(`hold ${ms}`);
  }
  lastPing(): number | null {
    return this.pingedAt;
  }
  closeUpstream(frame: CloseFrame): void {
    this.log.push(`close upstream ${frame.code}`);
  }
  roleChanged(client: number, role: string): void {
    this.log.push(`role ${client} ${role}`);
  }
  closeClient(client: number, frame: CloseFrame): void {
    this.log.push(`close ${client} ${frame.code}`);
  }
  dial(delayMs: number): void {
    this.log.push(`dial ${delayMs}`);
  }
  toSuccessor(payload: Payload): boolean {
    this.toldSuccessor.push(payload);
    return true;
  }
  promoteSuccessor(frame: CloseFrame): void {
    this.log.push(`promote ${frame.code}`);
    this.upstreamOpen = true;
  }
  dropSuccessor(): void {
    this.log.push('drop successor');
  }
  random(): number {
    return 0.5;
  }
  resting(): void {
    this.log.push('resting');
  }
  setDeadline(name: DeadlineName, at: number | null): void {
    if (at === null) this.deadlines.delete(name);
    else this.deadlines.set(name, at);
  }
  recorded(): void {
    this.log.push('recorded');
  }
  ended(ending: Ending): void {
    this.endings.push(ending);
  }
  isGatewayToken(text: string): boolean {
    return text.startsWith('ek_');
  }
  report(problem: string): void {
    this.problems.push(problem);
  }
}

export interface Harness {
  readonly wire: FakeWire;
  readonly session: Session;
}

export interface SessionOptions {
  readonly named?: boolean;
  readonly log?: SessionPlan['log'];
  readonly idleMs?: number;
  readonly maxLogBytes?: number;
  readonly redaction?: NonNullable<SessionPlan['redaction']>;
  readonly adapter?: Partial<ProviderAdapter>;
  readonly limits?: Partial<Limits>;
  readonly budget?: SessionPlan['budget'];
  readonly floor?: SessionPlan['floor'];
  readonly onControllerLeave?: SessionPlan['onControllerLeave'];
  readonly prices?: SessionPlan['prices'];
}

export function planOf(options: SessionOptions = {}): SessionPlan {
  return {
    named: options.named ?? false,
    log: options.log ?? 'full',
    graceMs: 120_000,
    idleMs: options.idleMs ?? 0,
    maxLogBytes: options.maxLogBytes ?? Number.POSITIVE_INFINITY,
    ...(options.redaction === undefined ? {} : { redaction: options.redaction }),
    maxSessionMs: 3_600_000,
    maxClients: 256,
    floor: options.floor ?? 'open',
    onControllerLeave: options.onControllerLeave ?? 'wait',
    budget: options.budget ?? null,
    prices: options.prices ?? {
      provider: 'openai',
      model: null,
      simulated: 'no',
      custom: null,
      overrides: [],
    },
    request: { path: '', query: [], headers: {}, subprotocols: [], baseUrl: 'https://x', credential: null },
  };
}

/** A session at time 0, not yet dialled. */
export function newSession(options: SessionOptions = {}): Harness {
  const wire = new FakeWire();
  const session = new Session(
    planOf(options),
    { ...openai, ...options.adapter },
    { ...LIMITS, ...options.limits },
    wire,
    0,
  );
  return { wire, session };
}

/** A session with one client, live at time 0. */
export function liveSession(options: SessionOptions = {}): Harness {
  const harness = newSession(options);
  harness.session.upstreamOpened(5, 0);
  harness.session.join(null, null, {}, 0);
  return harness;
}
