/** What a gateway's sessions used: over REST, and for Prometheus. */
import { directoryObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import { UsageQuery, type UsageShape } from '../protocol/rest.ts';
import { moneyShape, sumsShape } from '../protocol/summary-shape.ts';
import { LIMITS } from '../session/limits.ts';
import type { HourRange, UsageGroup, UsageGrouping } from '../storage/usage-store.ts';
import { parseQuery, timeRange } from './read-request.ts';
import { ok } from './respond.ts';
import type { RouteContext } from './routes.ts';

const HOUR_MS = 3_600_000;
const TAG_PREFIX = 'metadata.';

export async function getUsage({ request, env, account, gateway }: RouteContext): Promise<Response> {
  const query = parseQuery(UsageQuery, [...new URL(request.url).searchParams]);
  const grouping = groupingOf(query.group_by);
  const { since, until } = timeRange(query);
  const range: HourRange = {
    from: Math.floor((since ?? 0) / HOUR_MS),
    to: Math.ceil((until ?? Date.now() + 1) / HOUR_MS),
  };
  if (grouping.by === 'hour' && range.to - range.from > LIMITS.usageGroups) {
    throw new BrokerError('invalid_request', {
      problem: `group_by=hour needs a since, and at most ${LIMITS.usageGroups} hours up to until`,
    });
  }
  const directory = env.DIRECTORY.getByName(directoryObjectName(account, gateway));
  const groups = await directory.usage(grouping, range, LIMITS.usageGroups);
  return ok(groups.map(usageShape), { count: groups.length, cursor: null, per_page: LIMITS.usageGroups });
}

function groupingOf(text: string | undefined): UsageGrouping {
  switch (text) {
    case undefined:
      return { by: 'nothing' };
    case 'hour':
    case 'provider':
    case 'model':
      return { by: text };
    default:
      if (/^metadata\.[^"\\]+$/.test(text)) return { by: 'tag', key: text.slice(TAG_PREFIX.length) };
      throw new BrokerError('invalid_request', {
        problem:
          'group_by must be hour, provider, model or metadata.<key>, the key without quotes and backslashes',
      });
  }
}

function usageShape({ group, sessions, sums }: UsageGroup): UsageShape {
  return {
    group,
    sessions,
    ...sumsShape(sums),
    cost: moneyShape(sums.cost_known > 0 ? sums.cost_nano : null, sums.cost_incomplete === 0),
  };
}
