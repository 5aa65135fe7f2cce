/** What a session knows of its beginning. */
import type { ConnectPlan } from '../protocol/connect.ts';
import type { Budget } from './budget.ts';
import type { PriceBasis } from './cost.ts';

export type SessionPlan = Pick<
  ConnectPlan,
  | 'named'
  | 'log'
  | 'redaction'
  | 'maxLogBytes'
  | 'graceMs'
  | 'idleMs'
  | 'maxSessionMs'
  | 'request'
  | 'floor'
  | 'onControllerLeave'
  | 'maxClients'
> & {
  readonly prices: PriceBasis;
  /** Null: there is none. */
  readonly budget: Budget | null;
};
