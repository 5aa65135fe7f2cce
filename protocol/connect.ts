/** What the edge hands to a session: one client's wish to connect, authenticated, authorised and size-checked. */

import type { AdmissionTerms } from './admission.ts';
import type { CustomCost } from './price-overrides.ts';
import type { Redaction } from './redaction.ts';
import type { PriceRow } from './prices.ts';
import type { TraceParent } from './trace-parent.ts';

/** A frame as the platform delivers it: text frames are strings, binary frames are ArrayBuffers. */
export type Payload = string | ArrayBuffer;

export interface SessionAddress {
  readonly account: string;
  readonly gateway: string;
  readonly id: string;
}

/**
 * The name of a session's objects. Each part carries its length, so no two triples share a name:
 * (a, b/c, d) and (a/b, c, d) would without.
 */
export function sessionObjectName(address: SessionAddress): string {
  return [address.account, address.gateway, address.id].map((part) => `${part.length}:${part}`).join('/');
}

export function directoryObjectName(account: string, gateway: string): string {
  return [account, gateway].map((part) => `${part.length}:${part}`).join('/');
}

/** The account and gateway that a directory is named after. */
export function readDirectoryObjectName(name: string): Pick<SessionAddress, 'account' | 'gateway'> {
  // Neither holds a colon or a slash; see Name in rest.ts.
  const [, account, gateway] = /^[0-9]+:([^/]*)\/[0-9]+:(.*)$/.exec(name) ?? [];
  if (account === undefined || gateway === undefined) throw new Error(`no directory is called ${name}`);
  return { account, gateway };
}

/** Where a client may put the provider's own key. */
export type Carrier =
  /** `schemes`: words that may stand before the key, such as Bearer. */
  | { readonly in: 'header'; readonly name: string; readonly schemes?: readonly string[] }
  | { readonly in: 'query'; readonly name: string }
  /** One value: the prefix and the key. */
  | { readonly in: 'subprotocol'; readonly prefix: string }
  /** Two values: the name, then the key. The name goes on being an offer. */
  | { readonly in: 'subprotocol-pair'; readonly name: string };

/** What a provider's adapter needs to dial. It is JSON, so that it can be kept. */
export type ConnectRequest = {
  /** Path after the provider's name, without a leading slash; '' for the short form. */
  readonly path: string;
  /** The client's query, in its order, without credentials and without the broker's own parameters. */
  readonly query: readonly (readonly [string, string])[];
  /** Client headers that the adapter asked for in `forwardHeaders`; names in lower case. */
  readonly headers: { readonly [name: string]: string };
  /** Subprotocols that the client offered, without those that carry a credential or a parameter of the broker. */
  readonly subprotocols: readonly string[];
  /** The provider's base URL, http(s), without a trailing slash. */
  readonly baseUrl: string;
  /** Null when the provider needs none (the built-in simulator). */
  readonly credential: string | null;
  /** Where the client had put the credential; absent for a stored key. */
  readonly carrier?: Carrier;
  /**
   * How much of what the user says is kept as sound, for a provider that must be told a conversation again: base64
   * characters. Absent: none.
   */
  readonly restoredAudioBytes?: number;
};

/** How waits between attempts grow. */
export const BACKOFFS = ['constant', 'linear', 'exponential'] as const;

/** From the most that a client may do to the least. */
export const ROLES = ['controller', 'speaker', 'observer'] as const;
export type Role = (typeof ROLES)[number];

/** Who may speak: all that have the role for it, mixed; or one at a time. */
export const FLOORS = ['open', 'single'] as const;
export type FloorMode = (typeof FLOORS)[number];

/** What becomes of a session whose last controller left while others are there. */
export const CONTROLLER_LEAVES = ['end', 'hand_over', 'wait'] as const;
export type OnControllerLeave = (typeof CONTROLLER_LEAVES)[number];

/** 0: no control channel; 2: with the frames of the other clients. */
export type ControlLevel = 0 | 1 | 2;
/** What a client that joins a running session is told of what was said before. */
export const HISTORIES = ['none', 'items'] as const;
export type History = (typeof HISTORIES)[number];
export type LogMode = 'full' | 'metadata' | 'none';

/** One provider's model, and how it is dialled. */
export interface DialPlan {
  readonly provider: string;
  readonly model: string | null;
  readonly request: ConnectRequest;
  readonly credentialSource: 'client' | 'stored' | 'none';
  /** How a stored key is replaced, for the day on which the provider refuses it. */
  readonly keyRemedy?: string;
  /** True: the built-in simulator plays the provider. */
  readonly simulated: boolean;
  /** The gateway's own prices for this provider, before the deployment's; absent: it has none. */
  readonly prices?: readonly PriceRow[];
}

export interface ConnectPlan extends DialPlan {
  readonly session: SessionAddress;
  /** What is dialled in its place, in order, when the dial fails; absent: nothing. All of it speaks one wire. */
  readonly fallback?: readonly DialPlan[];
  /** How many were dialled in vain before this one; absent: none. */
  readonly step?: number;
  /** True when the client chose the id by `parley-session`: then it may join, and may come back. */
  readonly named: boolean;
  /** False for a credential that may only observe: it joins what is there, and has nothing dialled. */
  readonly mayOpen: boolean;
  /** The models whose sessions the client's credential may join; null: any. */
  readonly mayJoin: readonly string[] | null;
  readonly role: Role | null;
  /** The most that its credential allows. */
  readonly highestRole: Role;
  readonly floor: FloorMode;
  readonly onControllerLeave: OnControllerLeave;
  /** `parley-after`: how many upstream frames of this session the client has received already; null: it does not resume. */
  readonly after: number | null;
  /** `parley-epoch`: which life of the session it counted them in; null: it does not know. */
  readonly epoch: number | null;
  /** `parley-client`: what it calls itself; a client that comes back under its name takes the place of its old socket. */
  readonly client: string | null;
  /** It asked for the control channel. */
  readonly control: ControlLevel;
  /** `parley-history` */
  readonly history: History;
  readonly userAgent: string | null;
  /** Every offered subprotocol and header that tells the client's dialect; no credentials among them. */
  readonly signals: {
    readonly headers: Readonly<Record<string, string>>;
    readonly subprotocols: readonly string[];
  };
  /** How to answer an offer of subprotocols (design 3.4). */
  readonly offer: SubprotocolOffer;
  readonly log: LogMode;
  /** What is taken out of frames before they are stored; absent: nothing. */
  readonly redaction?: Redaction;
  /** Bytes of the frame log after which no more is stored. */
  readonly maxLogBytes: number;
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
  readonly eventId: string | null;
  /** `parley-redrive-of`: the session whose client's side this one repeats. */
  readonly redriveOf?: string | null;
  readonly traceParent: TraceParent | null;
  /** What the connection says that its session costs, in place of any list. */
  readonly customCost: CustomCost | null;
  readonly dialTimeoutMs: number;
  /** How the first dial is tried again: `most` times in all; the wait before the second, ms. */
  readonly attempts: {
    readonly most: number;
    readonly delayMs: number;
    readonly backoff: (typeof BACKOFFS)[number];
  };
  readonly graceMs: number;
  /** Without a frame for so long, the upstream is closed until a client speaks; 0: it is never. */
  readonly idleMs: number;
  readonly maxSessionMs: number;
  readonly maxClients: number;
  /** Of the session itself, as it was created; absent: it has none. */
  readonly ownMaxClients?: number;
  /** What a new session must be let in by; null: nothing is limited. */
  readonly admission: AdmissionTerms | null;
}

export interface SubprotocolOffer {
  /** Offered values that carry no secret, in the client's order. */
  readonly open: readonly string[];
  /**
   * A credential as it was offered, when every offered value carries one: the gateway's own, else the first. It goes back
   * to nobody but the client that sent it.
   */
  readonly lastResort: string | null;
}

/** How a plan dials `provider`: itself, or by one of its alternatives. Null: it does not name it. */
export function dialOf(plan: ConnectPlan, provider: string): DialPlan | null {
  return [plan, ...(plan.fallback ?? [])].find((each) => each.provider === provider) ?? null;
}

/** The plan whose next alternative takes the place of what was dialled; null: there is none. */
export function nextPlan(plan: ConnectPlan): ConnectPlan | null {
  const { fallback: [next, ...fallback] = [], keyRemedy: _remedy, prices: _prices, ...kept } = plan;
  return next === undefined ? null : { ...kept, ...next, fallback, step: (plan.step ?? 0) + 1 };
}

/**
 * The one value to answer with, or null for none: the upstream's choice if it was offered, else the first that carries
 * no secret, else a credential as the last resort (browsers fail when an offer goes unanswered).
 */
export function chooseSubprotocol(offer: SubprotocolOffer, upstreamChoice: string | null): string | null {
  if (upstreamChoice !== null && offer.open.includes(upstreamChoice)) return upstreamChoice;
  return offer.open[0] ?? offer.lastResort;
}

/** Models with this prefix are played by the built-in simulator of the named provider's protocol. */
export const SIMULATED_MODEL = 'sim-';

/** Names the provider whose simulator is dialled; set on the broker's own request, within this deployment. */
export const SIMULATED_HEADER = 'parley-simulated';

const PLAN_HEADER = 'parley-plan';

/**
 * The request that carries a plan to its session. It is made anew, with nothing of the client's request in it: what
 * clients send can never be taken for a plan.
 */
export function planRequest(plan: ConnectPlan): Request {
  return new Request('https://session.parley.internal/connect', {
    headers: { Upgrade: 'websocket', [PLAN_HEADER]: encodeURIComponent(JSON.stringify(plan)) },
  });
}

export function readPlan(request: Request): ConnectPlan {
  // Only planRequest() writes this header, and only the edge can reach a session.
  return JSON.parse(decodeURIComponent(request.headers.get(PLAN_HEADER) ?? 'null')) as ConnectPlan;
}
