/** What a gateway allows of new sessions, and what its sessions may spend. Money is in nano-dollars. */
import { publicError, type PublicError } from './errors.ts';
import { dollars } from './money.ts';

/** By the UTC day: of the whole gateway, and of one client token. `token`: of that token, for as long as it is good. */
export const BUDGETS = ['gateway_day', 'token_day', 'token'] as const;
export type BudgetName = (typeof BUDGETS)[number];

/** The limits that are set; a plan without any has no terms. */
export interface AdmissionTerms {
  readonly maxSessions: number | null;
  readonly sessionsPerMinute: number | null;
  /** Null: no budget is set, or none is looked at. */
  readonly budget: BudgetTerms | null;
}

export interface BudgetTerms {
  /** What happens when a budget is spent: it is written down, or the session ends and no other begins. */
  readonly mode: 'warn' | 'enforce';
  /** `jti` of the client token that the spending counts to; null: the admin token, which has no budget of its own. */
  readonly token: string | null;
  readonly limits: Readonly<Partial<Record<BudgetName, number>>>;
}

/** What one gateway's directory knows a live session by. */
export interface Lease {
  readonly session: string;
  /** By the session's own clock, in ms since the epoch: tells apart the lives of a session whose name is used again. */
  readonly askedAt: number;
}

/** What was spent by all but one session, as the directory knew it. */
export interface SpentByOthers {
  /** Days since the epoch, UTC. */
  readonly day: number;
  readonly nano: Readonly<Record<BudgetName, number>>;
  /** Of what the one has cost itself, the part that was counted to earlier days; null: nothing is known of it. */
  readonly ownBefore: number | null;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly spent: SpentByOthers }
  | {
      readonly kind: 'refused';
      readonly error: PublicError;
      /** Null: waiting does not help. */
      readonly retryAfterSeconds: number | null;
    };

export const DAY_MS = 86_400_000;

/** The UTC day of a time in ms since the epoch. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** A budget that has nothing left. */
export interface SpentBudget {
  readonly budget: BudgetName;
  readonly limitNano: number;
  readonly spentNano: number;
}

const WORDS: Readonly<Record<BudgetName, { readonly budget: string; readonly next: string }>> = {
  gateway_day: {
    budget: 'Daily budget',
    next: 'Resets 00:00Z; raise PARLEY_BUDGET_USD_PER_DAY, or budget_usd_per_day of the gateway',
  },
  token_day: {
    budget: 'Daily token budget',
    next: 'Resets 00:00Z; raise PARLEY_BUDGET_USD_PER_DAY_PER_TOKEN, or budget_usd_per_day_per_token of the gateway',
  },
  token: { budget: 'Token budget', next: 'Mint a token with a higher max_cost_usd' },
};

/** The error, its sentence filled. */
export function budgetExceeded({ budget, limitNano, spentNano }: SpentBudget): PublicError {
  return publicError('budget_exceeded', {
    ...WORDS[budget],
    limit: shortDollars(limitNano),
    spent: shortDollars(spentNano),
  });
}

/** With cents, and further digits only where there are any: $25.00, $0.0125. */
function shortDollars(nano: number): string {
  return `$${dollars(nano).replace(/(\.[0-9]{2}[0-9]*?)0+$/, '$1')}`;
}
