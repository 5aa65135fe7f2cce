/** What was said of a session when it was created, over what a connection says. */
import { BrokerError } from '../protocol/errors.ts';
import type { Connection } from './connect.ts';

/**
 * What holds for a connection to a planned session: what was said when it was created, within the gateway's limits.
 * Throws BrokerError `session_other_provider` when the connection is to something else.
 */
export function asPlanned<T extends Pick<Connection, 'parameters' | 'settings' | 'adapter' | 'planned'>>(
  connection: T,
  model: string | null,
): { readonly connection: T; readonly maxClients: number | null } {
  const { parameters, settings, adapter, planned } = connection;
  if (planned === null) return { connection, maxClients: null };
  if (planned.provider !== adapter.id || planned.model !== model)
    throw new BrokerError('session_other_provider', {
      provider: planned.model === null ? planned.provider : `${planned.provider} (${planned.model})`,
    });
  const { metadata, max_clients, grace_seconds, idle_seconds, floor, on_controller_leave } = planned;
  const mostIdle = settings.PARLEY_IDLE_SECONDS === 0 ? Infinity : settings.PARLEY_IDLE_SECONDS;
  return {
    connection: {
      ...connection,
      parameters: {
        ...parameters,
        ...(metadata === undefined ? {} : { metadata }),
        ...(grace_seconds === undefined
          ? {}
          : { graceMs: Math.min(grace_seconds, settings.PARLEY_GRACE_SECONDS) * 1000 }),
        ...(idle_seconds === undefined ? {} : { idleMs: Math.min(idle_seconds, mostIdle) * 1000 }),
        ...(floor === undefined ? {} : { floor }),
        ...(on_controller_leave === undefined ? {} : { onControllerLeave: on_controller_leave }),
      },
    },
    maxClients: max_clients ?? null,
  };
}
