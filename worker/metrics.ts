/**
 * Prometheus' text format for one gateway, out of its directory: counts since the directory was made. A deployment's
 * gateways have a directory each, and nobody knows them all, so there is no page for the whole of a deployment.
 */
import { withGateway } from '../protocol/gateway-settings.ts';
import type { ProviderTotals } from '../storage/usage-store.ts';
import type { Configuration } from './configuration.ts';
import { directoryOf, ownSettings } from './gateway.ts';
import type { RouteContext } from './routes.ts';

/** Of the gateway as a whole. */
interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Null: there is none. */
  readonly value: number | null;
}

interface Sample {
  /** Names and values out of a fixed set: no model, no id, nothing that a client chose. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: (totals: ProviderTotals) => readonly Sample[];
}

const NANO = 1_000_000_000;

const one = (value: number): readonly Sample[] => [{ labels: {}, value }];

const METRICS: readonly Metric[] = [
  {
    name: 'parley_sessions_live',
    type: 'gauge',
    help: 'Sessions that have not ended.',
    samples: ({ live }) => one(live),
  },
  {
    name: 'parley_sessions_total',
    type: 'counter',
    help: 'Sessions that began.',
    samples: ({ sessions }) => one(sessions),
  },
  {
    name: 'parley_session_seconds_total',
    type: 'counter',
    help: 'Duration of the sessions that have ended.',
    samples: ({ sums }) => one(sums.duration_ms / 1000),
  },
  {
    name: 'parley_turns_total',
    type: 'counter',
    help: 'Responses of the provider that are over.',
    samples: ({ sums }) => one(sums.turns),
  },
  {
    name: 'parley_interruptions_total',
    type: 'counter',
    help: 'Responses that were cut off by the user.',
    samples: ({ sums }) => one(sums.interruptions),
  },
  {
    name: 'parley_errors_total',
    type: 'counter',
    help: 'Errors that the provider sent.',
    samples: ({ sums }) => one(sums.errors),
  },
  {
    name: 'parley_audio_seconds_total',
    type: 'counter',
    help: 'Audio that was relayed, where its format is known.',
    samples: ({ sums }) => [
      { labels: { direction: 'in' }, value: sums.audio_in_ms / 1000 },
      { labels: { direction: 'out' }, value: sums.audio_out_ms / 1000 },
    ],
  },
  {
    name: 'parley_tokens_total',
    type: 'counter',
    help: 'Tokens by the provider’s own reports. Cached ones are part of the input, reasoning of the output.',
    samples: ({ sums }) =>
      (
        [
          'input_text',
          'input_audio',
          'input_image',
          'cached_text',
          'cached_audio',
          'cached_image',
          'output_text',
          'output_audio',
          'output_image',
          'reasoning',
        ] as const
      ).map((kind) => ({ labels: { kind }, value: sums[kind] })),
  },
  {
    name: 'parley_billed_seconds_total',
    type: 'counter',
    help: 'Seconds, with providers that bill by them.',
    samples: ({ sums }) => one(sums.seconds),
  },
  {
    name: 'parley_billed_characters_total',
    type: 'counter',
    help: 'Characters, with providers that bill by them.',
    samples: ({ sums }) => one(sums.characters),
  },
  {
    name: 'parley_billed_requests_total',
    type: 'counter',
    help: 'Requests, with providers that bill by them.',
    samples: ({ sums }) => one(sums.requests),
  },
  {
    name: 'parley_billed_items_total',
    type: 'counter',
    help: 'Items of conversations, with providers that bill by them.',
    samples: ({ sums }) => one(sums.items),
  },
  {
    name: 'parley_cost_dollars_total',
    type: 'counter',
    help: 'Cost of what has a known price, in US dollars.',
    samples: ({ sums }) => one(sums.cost_nano / NANO),
  },
];

export async function getMetrics({ env, settings, account, gateway }: RouteContext): Promise<Response> {
  const directory = directoryOf(env, account, gateway);
  const [totals, spentToday, { settings: stored }] = await Promise.all([
    directory.totals(),
    directory.spentToday(),
    directory.gateway(null, null),
  ]);
  const text = [
    ...METRICS.map((metric) => written(metric, totals)),
    ...gauges(withGateway(settings, ownSettings(stored)), spentToday).map(writtenGauge),
  ];
  return new Response(text.join(''), {
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
  });
}

/** @param settings those that hold in the gateway */
function gauges(settings: Configuration, spentToday: number): readonly Gauge[] {
  const budget = settings.PARLEY_BUDGET_MODE === 'off' ? null : settings.PARLEY_BUDGET_USD_PER_DAY;
  return [
    {
      name: 'parley_sessions_limit',
      help: 'Sessions that may be live at once.',
      value: settings.PARLEY_MAX_SESSIONS,
    },
    {
      name: 'parley_budget_dollars',
      help: 'What may be spent on a UTC day.',
      value: budget === null ? null : budget / NANO,
    },
    {
      name: 'parley_budget_spent_dollars',
      help: 'What was spent on this UTC day by sessions that have a budget.',
      // Tokens have budgets where the gateway has none.
      value: budget === null && spentToday === 0 ? null : spentToday / NANO,
    },
  ];
}

function writtenGauge({ name, help, value }: Gauge): string {
  return value === null ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}

function written({ name, type, help, samples }: Metric, totals: readonly ProviderTotals[]): string {
  const lines = totals.flatMap((each) =>
    samples(each).map(({ labels, value }) => {
      const all = Object.entries({ provider: each.group ?? '', ...labels });
      return `${name}{${all.map(([label, text]) => `${label}="${text}"`).join(',')}} ${value}`;
    }),
  );
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}
