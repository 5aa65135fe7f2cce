/**
 * What one session knows of its budgets. It adds its own cost to what the others have spent, so that it stops at the
 * response that crosses a line without asking anybody; what the others spend meanwhile, the directory tells.
 */
import {
  budgetExceeded,
  BUDGETS,
  type BudgetName,
  type BudgetTerms,
  dayOf,
  type SpentBudget,
  type SpentByOthers,
} from '../protocol/admission.ts';
import type { Bookkeeping } from './bookkeeping.ts';
import { type Cause, closeOf, parleyEnds } from './causes.ts';
import type { Wire } from './wire.ts';

const NOTHING: SpentByOthers['nano'] = { gateway_day: 0, token_day: 0, token: 0 };

export interface News {
  /** The cost has grown: the directory is to be told. */
  readonly grown: () => void;
  /** A budget has nothing left. */
  readonly spent: (spent: SpentBudget, now: number) => void;
}

export class Budget {
  readonly mode: BudgetTerms['mode'];
  readonly #limits: BudgetTerms['limits'];
  readonly #news: News;
  #others: Pick<SpentByOthers, 'day' | 'nano'> = { day: 0, nano: NOTHING };
  /** This session's own cost so far, and the part of it that was known before this day began. */
  #cost: number;
  #costBeforeToday: number;
  readonly #told = new Set<BudgetName>();

  /** @param cost of a session that is gone on with: to this day belongs what the directory says, and what is still to come */
  constructor(terms: Pick<BudgetTerms, 'mode' | 'limits'>, news: News, cost = 0) {
    this.#cost = cost;
    this.#costBeforeToday = cost;
    this.mode = terms.mode;
    this.#limits = terms.limits;
    this.#news = news;
  }

  /** What the directory says of the others. Answers may come late, and in any order. */
  heard(others: SpentByOthers): void {
    this.#reach(others.day);
    const known = this.#others;
    const isToday = others.day === known.day;
    if (isToday && others.ownBefore !== null) this.#costBeforeToday = others.ownBefore;
    const newest = (name: BudgetName): number =>
      name === 'token' || isToday ? Math.max(known.nano[name], others.nano[name]) : known.nano[name];
    this.#others = {
      day: known.day,
      nano: { gateway_day: newest('gateway_day'), token_day: newest('token_day'), token: newest('token') },
    };
  }

  /**
   * The budgets that are spent and were not yet told.
   *
   * @param cost of this session so far; one that is not known yet is null, and counts nothing
   */
  look(cost: number | null, now: number): readonly SpentBudget[] {
    this.#reach(dayOf(now));
    if (cost !== null && cost > this.#cost) {
      this.#cost = cost;
      this.#news.grown();
    }
    const spent: SpentBudget[] = [];
    for (const budget of BUDGETS) {
      const limitNano = this.#limits[budget];
      if (limitNano === undefined || this.#told.has(budget)) continue;
      const spentNano = this.#others.nano[budget] + this.#ownPart(budget);
      if (spentNano < limitNano) continue;
      this.#told.add(budget);
      spent.push({ budget, limitNano, spentNano });
      this.#news.spent({ budget, limitNano, spentNano }, now);
    }
    return spent;
  }

  #ownPart(budget: BudgetName): number {
    return budget === 'token' ? this.#cost : Math.max(0, this.#cost - this.#costBeforeToday);
  }

  /** A new day begins with what is known: nobody has spent anything on it. */
  #reach(day: number): void {
    if (day <= this.#others.day) return;
    this.#costBeforeToday = this.#cost;
    this.#others = { day, nano: { ...NOTHING, token: this.#others.nano.token } };
  }
}

/** Writes down what is spent; the cause to end the session for, unless it may go on. */
export function overBudget(
  budget: Budget | null,
  books: Pick<Bookkeeping, 'costNano' | 'record'>,
  wire: Pick<Wire, 'report'>,
  now: number,
): Cause | null {
  if (budget === null) return null;
  const spent = budget.look(books.costNano, now);
  const [first] = spent;
  if (first === undefined) return null;
  const verdict = budget.mode === 'enforce' ? 'ended' : 'warned';
  for (const { budget: name, limitNano, spentNano } of spent) {
    books.record('budget', { budget: name, limit_nano: limitNano, spent_nano: spentNano, verdict }, now);
  }
  const error = budgetExceeded(first);
  if (verdict === 'ended') return parleyEnds(error.code, closeOf(error));
  wire.report(`budget: ${error.message}`);
  return null;
}
