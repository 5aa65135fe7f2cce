/** The directory of one gateway: its sessions and its client tokens. Nothing on a frame's path ever waits for it. */
import { DurableObject } from 'cloudflare:workers';
import type { SessionSummary } from '../protocol/recording.ts';
import {
  DirectoryStore,
  type IssuedToken,
  type SessionCursor,
  type SessionFilter,
} from '../storage/directory-store.ts';
import type { Env } from './environment.ts';

export class DirectoryObject extends DurableObject<Env> {
  readonly #store: DirectoryStore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new DirectoryStore(ctx.storage.sql);
  }

  put(summary: SessionSummary): void {
    this.#store.put(summary);
  }

  remove(id: string, startedAt: number): void {
    this.#store.remove(id, startedAt);
  }

  list(filter: SessionFilter, cursor: SessionCursor | null, limit: number): SessionSummary[] {
    return this.#store.list(filter, cursor, limit);
  }

  putToken(token: Omit<IssuedToken, 'revoked'>): void {
    this.#store.putToken(token);
  }

  tokens(now: number, limit: number): IssuedToken[] {
    return this.#store.tokens(now, limit);
  }

  revoke(jti: string): boolean {
    return this.#store.revoke(jti);
  }

  isRevoked(jti: string): boolean {
    return this.#store.isRevoked(jti);
  }
}
