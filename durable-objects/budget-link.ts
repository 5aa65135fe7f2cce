/**
 * A session's line to the directory that lets it in: asks for its place and renews it, tells what the session has spent,
 * and hears what the others have. The relay never waits for it, and a directory that fails is asked again.
 */
import {
  type Admission,
  type AdmissionTerms,
  dayOf,
  type Lease,
  type SpentBudget,
  type SpentByOthers,
} from '../protocol/admission.ts';
import { dollars } from '../protocol/money.ts';
import type { WebhookEvent } from '../protocol/webhooks.ts';
import { publicError } from '../protocol/errors.ts';
import { refuse } from '../protocol/refusal.ts';
import { Budget } from '../session/budget.ts';
import type { Limits } from '../session/limits.ts';

/** What the directory is asked and told; see `AdmissionStore`. */
export interface AdmissionDesk {
  admit(lease: Lease, terms: AdmissionTerms): Promise<Admission>;
  spent(lease: Lease, costNano: number | null): Promise<SpentByOthers>;
  left(lease: Lease, costNano: number | null): Promise<void>;
  announce(events: readonly WebhookEvent[]): Promise<void>;
}

export interface BudgetLinkOptions {
  /** A new stub for every call: after an exception the old one is of no use. */
  readonly directory: () => AdmissionDesk;
  readonly lease: Lease;
  readonly terms: AdmissionTerms;
  readonly limits: Pick<Limits, 'leaseRenewMs' | 'spendReportMs' | 'recorderRetryMs'>;
  /** What a session that is gone on with had cost, in nano-dollars; of a new one 0. */
  readonly costBefore: number;
  /** Of the session so far, in nano-dollars; null: not known. */
  readonly cost: () => number | null;
  /** The directory has said something new: the budget may be spent by now. */
  readonly heard: () => void;
  readonly report: (problem: string) => void;
}

/** How often a directory that fails is told of the end; after that the session's record tells it. */
const LAST_ATTEMPTS = 4;

export class BudgetLink {
  /** Null: only the number of sessions is limited. */
  readonly budget: Budget | null;
  readonly #options: BudgetLinkOptions;
  #session: Pick<BudgetLinkOptions, 'cost' | 'heard'>;
  #timer: { readonly due: number; readonly handle: ReturnType<typeof setTimeout> } | null = null;
  #isTelling = false;
  #isResting = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isOver = false;
  #failures = 0;

  constructor(options: BudgetLinkOptions) {
    this.#options = options;
    this.#session = options;
    const { budget } = options.terms;
    this.budget =
      budget === null
        ? null
        : new Budget(
            budget,
            { grown: () => this.#tellSoon(), spent: (spent, at) => void this.#announce(spent, at) },
            options.costBefore,
          );
  }

  /** The session is dialled elsewhere: what came of it so far cost nothing. */
  follow(session: Pick<BudgetLinkOptions, 'cost' | 'heard'>): void {
    this.#session = session;
  }

  /** The refusal, or null when the session may begin. */
  async admit(): Promise<Response | null> {
    const { directory, lease, terms, limits, report } = this.#options;
    try {
      const admission = await directory().admit(lease, terms);
      if (admission.kind === 'admitted') {
        this.budget?.heard(admission.spent);
        this.#tellWithin(limits.leaseRenewMs);
        return null;
      }
      const { retryAfterSeconds: wait } = admission;
      return refuse(admission.error, wait === null ? {} : { 'retry-after': String(wait) });
    } catch (error) {
      report(`the directory does not answer: ${String(error)}`);
      return refuse(publicError('storage_unavailable'));
    }
  }

  /** The session is over: its place is free, at its last cost. */
  async leave(costNano: number | null): Promise<void> {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer.handle);
    this.#timer = null;
    const { directory, lease } = this.#options;
    await this.#insist('the directory was not told of the end', () => directory().left(lease, costNano));
  }

  /** A directory that is being moved or started answers a moment later. */
  async #insist(problem: string, call: () => Promise<void>): Promise<void> {
    const { limits, report } = this.#options;
    for (let attempt = 1; attempt <= LAST_ATTEMPTS; attempt += 1) {
      try {
        await call();
        return;
      } catch (error) {
        if (attempt === LAST_ATTEMPTS) report(`${problem}: ${String(error)}`);
        else await new Promise((resolve) => setTimeout(resolve, limits.recorderRetryMs));
      }
    }
  }

  /** The session rests: its place may lapse, and nothing is told until it wakes. */
  rest(): void {
    this.#isResting = true;
    if (this.#timer !== null) clearTimeout(this.#timer.handle);
    this.#timer = null;
  }

  /** It dials: from here on it has a place again, and hears what the others have spent. */
  wake(): void {
    this.#isResting = false;
    if (this.#timer === null) this.#tellWithin(0);
  }

  /** Tells the gateway's webhooks of a budget that is spent: once a day, or once for a token's whole life. */
  async #announce({ budget, limitNano, spentNano }: SpentBudget, at: number): Promise<void> {
    const { directory, lease, terms } = this.#options;
    const token = budget === 'gateway_day' ? null : (terms.budget?.token ?? null);
    const key = [budget, token, budget === 'token' ? null : dayOf(at)].filter((each) => each !== null);
    const data = {
      session: { id: lease.session },
      budget: {
        name: budget,
        token,
        mode: terms.budget?.mode ?? null,
        limit_usd: dollars(limitNano),
        spent_usd: dollars(spentNano),
      },
    };
    const event = { type: 'budget.exceeded', key: key.join(' '), session: lease.session, at, data } as const;
    await this.#insist('the webhooks were not told of a budget that is spent', () =>
      directory().announce([event]),
    );
  }

  /** At once, so that the answer comes before the next response, but not more often than every so many milliseconds. */
  #tellSoon(): void {
    this.#tellWithin(Math.max(0, this.#toldAt + this.#options.limits.spendReportMs - Date.now()));
  }

  #tellWithin(ms: number): void {
    // What is to be told while a call is under way goes with the next one.
    if (this.#isOver || this.#isTelling || this.#isResting) return;
    const due = Date.now() + ms;
    if (this.#timer !== null) {
      if (this.#timer.due <= due) return;
      clearTimeout(this.#timer.handle);
    }
    this.#timer = { due, handle: setTimeout(() => void this.#tell(), ms) };
  }

  async #tell(): Promise<void> {
    const { directory, lease, limits, report } = this.#options;
    this.#timer = null;
    this.#isTelling = true;
    const told = this.#session.cost();
    this.#toldAt = Date.now();
    let next: number = limits.recorderRetryMs;
    try {
      const others = await directory().spent(lease, told);
      this.budget?.heard(others);
      this.#failures = 0;
      next = this.#session.cost() === told ? limits.leaseRenewMs : limits.spendReportMs;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1) report(`the directory was not told what was spent: ${String(error)}`);
    }
    this.#isTelling = false;
    this.#tellWithin(next);
    if (!this.#isOver) this.#session.heard();
  }
}
