import type { Environment } from '../providers/registry.ts';
import type { SessionStore } from '../storage/session-store.ts';
import type { Changes } from './changes.ts';

/** A record, and what its reader asks of it. */
export interface Reading {
  /** Of the edge, which checked it: `headers` and the query are what the edge put there, and no credential is among them. */
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly store: SessionStore;
  /** Of the deployment: custom providers are looked up in it. */
  readonly env: Environment;
  /** For views that follow a live session. */
  readonly changes: Changes;
}
