/**
 * What a client's socket carries through hibernation. It lives with the connection, and is on no disk: so it may hold the
 * key that the session is dialled with.
 */
import { type Carrier, type ConnectPlan, type ControlLevel, dialOf, type Role } from '../protocol/connect.ts';

/** The platform takes 16,384 bytes (measured 2026-10-23); its own form of the same value is a little longer than JSON. */
const MAX_CHARACTERS = 14_000;

export interface Key {
  readonly credential: string | null;
  readonly source: ConnectPlan['credentialSource'];
  readonly carrier: Carrier | null;
}

export interface Attachment {
  readonly parley: 3;
  readonly client: number;
  readonly role: Role;
  readonly highest: Role;
  readonly name: string | null;
  readonly control: ControlLevel;
  readonly signals: ConnectPlan['signals'];
  /** Null: it did not fit. */
  readonly key: Key | null;
}

/** What `provider` is dialled with by this plan; null: it does not name that one. */
export function keyOf(plan: ConnectPlan, provider: string): Key | null {
  const dialled = dialOf(plan, provider);
  if (dialled === null) return null;
  const { request, credentialSource } = dialled;
  return { credential: request.credential, source: credentialSource, carrier: request.carrier ?? null };
}

/** @param provider the one that serves the session */
export function attachmentOf(client: number, role: Role, plan: ConnectPlan, provider: string): Attachment {
  const attachment: Attachment = {
    parley: 3,
    client,
    role,
    highest: plan.highestRole,
    name: plan.client,
    control: plan.control,
    signals: plan.signals,
    key: keyOf(plan, provider),
  };
  return JSON.stringify(attachment).length <= MAX_CHARACTERS ? attachment : { ...attachment, key: null };
}

/** Null for a socket of another version of this code. */
export function readAttachment(socket: WebSocket): Attachment | null {
  // Whatever has this mark was written from an Attachment.
  const value = socket.deserializeAttachment() as { readonly parley?: unknown } | null;
  return value?.parley === 3 ? (value as Attachment) : null;
}
