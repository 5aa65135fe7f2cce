/**
 * All that the broker knows about one provider. An adapter is a set of pure functions: no sockets, no clock, no
 * randomness, no logging. Its state is plain JSON, so it survives hibernation as it is.
 */
import type { JsonValue } from '../protocol/json.ts';
import type { Observation } from '../protocol/observations.ts';
import type { Carrier, ConnectRequest, History, Payload } from '../protocol/connect.ts';
import type { PublicError } from '../protocol/errors.ts';
import type { FieldRule } from '../protocol/redaction.ts';
import type { SoundEvent } from '../protocol/sound.ts';
import type { ReadAct } from './acts.ts';

export type { Act, ReadAct } from './acts.ts';
import type { Sharing } from './sharing.ts';

export type { Carrier, ConnectRequest, History, Payload };

/** A dial. `url` is http(s): workerd opens a WebSocket by `fetch` with `Upgrade`, and refuses ws(s) URLs there. */
export interface UpstreamRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly subprotocols: readonly string[];
  /** What the binding of `settings.binding` is run with, where the deployment has one: it answers as `url` would. */
  readonly binding?: readonly JsonValue[];
}

/** One upstream socket, once it is over. */
export interface SocketLife {
  readonly openMs: number;
  /** The user's audio that went up on it; null when some of it could not be measured. */
  readonly audioInMs: number | null;
}

export type Sender = { readonly side: 'upstream' } | { readonly side: 'client'; readonly client: string };

/** Frames of the broker's own making. */
export interface Outgoing {
  readonly upstream: readonly Payload[];
  readonly clients: readonly Payload[];
}

/** What one frame means. `state` is the same object when nothing in it changed. */
export interface Reading<S> {
  readonly state: S;
  readonly observations: readonly Observation[];
  /** Where the frame goes: across to the other side, or nowhere. Always `across` unless `intercepts(state)` held. */
  readonly route: 'across' | 'nowhere';
  /** Sent besides, such as the next step of a restoration. */
  readonly send?: Outgoing;
  /** True on the frame that completes a restoration: client frames held back may go now. */
  readonly restored?: true;
  /** When the provider says that this socket will end. */
  readonly expires?: { readonly inMs: number } | { readonly atMs: number };
}

/**
 * Finds the sound in a session's frames, when its record is read: both ways, as they were sent. Its state is small and
 * plain, and knows nothing that was not in the frames, but for what the URL said of formats.
 */
export interface SoundReader<T extends JsonValue = JsonValue> {
  /** Kept with the record, so there is no secret in it. */
  begin(request: Target): T;
  read(state: T, from: Sender['side'], payload: Payload): SoundReading<T>;
}

export interface SoundReading<T> {
  readonly state: T;
  readonly events: readonly SoundEvent[];
}

/** Rewrites the frames of one client that speaks an older dialect. Pure; null = the frame has no counterpart. */
export interface Translation {
  toUpstream(payload: Payload): Payload | null;
  toClient(payload: Payload): Payload | null;
}

export interface ProviderAdapter<S extends JsonValue = JsonValue> {
  readonly id: string;
  readonly aliases: readonly string[];
  /** Raise it when the state's shape changes; state saved under another number is dropped. */
  readonly stateVersion: number;

  /**
   * The deployment's settings for this provider: the names of its key (null: it takes none) and base URL, and the base URL
   * without one: the provider's own, `SIMULATED_BASE_URL`, or null where each deployment has its own.
   */
  readonly settings: {
    readonly key: string | null;
    readonly baseUrl: string;
    /** `{NAME}` stands for the setting of that name. Null: there is none, and the base URL must be set. */
    readonly defaultBaseUrl: string | null;
    /** A Workers binding that opens this provider's sockets without a key. */
    readonly binding?: string;
  };
  /** What OpenTelemetry's GenAI conventions call it, where that is not its id. */
  readonly genAiName?: string;
  /** The id of the adapter whose wire this one speaks under another name; its simulator plays this one too. */
  readonly dialect?: string;
  /**
   * Fields of frames, both ways, whose text is a piece of a text that goes on elsewhere: deltas, interim results, single words.
   * Patterns cannot see what is cut in two, so with patterns none of it is stored: what is whole comes in other frames, or in
   * the transcripts that `read` observes.
   */
  readonly streamedText: readonly FieldRule[];
  /** In the order in which they are tried. */
  readonly carriers: readonly Carrier[];
  /** The only client headers that may reach the provider; lower case. */
  readonly forwardHeaders: readonly string[];
  /** Client headers that `translation` looks at; lower case. Being here forwards none of them. */
  readonly signalHeaders: readonly string[];
  /** The model named by a request, for token limits, the record and the price; null when it names none. */
  modelOf(target: Target): string | null;
  /** Paths that this provider serves; anything else is a 404 before any dial. `suggestion` names the nearest. */
  accepts(
    path: string,
    query?: ConnectRequest['query'],
  ): { readonly ok: true } | { readonly ok: false; readonly suggestion: string };
  /** Optional. True where the provider may be dialled without a key: it wants none, or takes it in a frame. */
  keyless?(target: Target): boolean;
  /**
   * One frame in the provider's own error shape, for clients that cannot read a refused upgrade. Null where the provider
   * has none and only closes.
   */
  errorFrame(error: PublicError, target?: Target): Payload | null;

  /** Optional: headers of a refused upgrade that are passed on beside the common ones; lower case. */
  readonly refusalHeaders?: readonly string[];
  /**
   * Optional: the close code for a client that cannot read a refused upgrade, in place of 44xx: where the provider's SDK
   * would come back at once after any other.
   */
  readonly refusalClose?: number;

  /** State before the first frame. */
  begin(request: ConnectRequest): S;
  /** Where and how to dial. */
  dial(request: ConnectRequest, state: S): UpstreamRequest;
  /**
   * What clients' frames do on the socket of this request, for clients that may not do everything. Asked before a frame goes
   * up, on the client's own frame, of clients that are not in control; never throws. What is not certain is `unknown`.
   */
  acts(request: ConnectRequest): ReadAct;
  /** Reads one frame. Never throws: what it cannot read is observed as nothing. */
  read(state: S, from: Sender, payload: Payload): Reading<S>;
  /**
   * True while `read` decides where frames go (during a restoration). Otherwise the frame is sent before it is read:
   * that is what keeps reading off the hot path.
   */
  intercepts(state: S): boolean;
  /**
   * Called on each opening of an upstream socket. First time: sends nothing, and is complete. Later: what clients must
   * be told of the break, and the first step of restoring the conversation; `read` takes the further steps.
   */
  restore(state: S): { readonly state: S; readonly send: Outgoing; readonly complete: boolean };
  /**
   * Optional fast path: what a frame says that need not be parsed, such as audio. Returns null when that is not certain;
   * `read` then decides. A skimmed frame goes across, and never changes the state.
   */
  skim?(state: S, from: Sender, payload: Payload): readonly Observation[] | null;
  /**
   * Optional: the translation that this client needs, by how it connected and what was dialled. Null: it speaks the wire
   * of that dial.
   */
  translation?(signals: ClientSignals, dialled: ConnectRequest): Translation | null;
  /**
   * Optional: a client frame of which a provider takes only the first, such as the one that sets a session up. A later one
   * does not go up; its sender gets `answer` instead, as the provider would have answered the first.
   */
  readonly once?: { matches(payload: Payload): boolean; readonly answer: Payload | null };
  /**
   * Optional: what keeps the provider while no client is attached. `answer`: to a frame that wants one. `every`: a frame
   * sent when nothing has gone up for so long, if this request's socket needs one.
   */
  readonly unattended?: {
    answer?(payload: Payload): Payload | null;
    every?(request: ConnectRequest): { readonly ms: number; readonly payload: Payload } | null;
  };
  /**
   * Optional: what a client that joins a running session must get first, as the first client did; with `items` followed by the
   * conversation so far, where the provider has events for that.
   */
  greeting?(state: S, history: History): readonly Payload[];
  /** Optional: how several clients share the socket. Without it everyone gets everything, and all that is sent goes up. */
  readonly sharing?: Sharing<S>;
  /**
   * Optional: for providers that take a key in a frame. `up` goes to the provider: without what `isGatewayToken` knows.
   * `log` is what is stored and read: without any key. Null: the frame holds none.
   */
  withoutKeys?(
    payload: Payload,
    isGatewayToken: (text: string) => boolean,
  ): { readonly up: Payload; readonly log: Payload } | null;
  /** Optional: what lets another model, or another provider of the same wire, be dialled in place of this one. */
  readonly standIn?: StandIn;
  /** Optional: REST calls of the provider's SDKs that lead to its socket. */
  readonly rest?: RestProxy;
  /**
   * Optional: the ids that a provider's frame introduces and a client's frames may refer to. A conversation that runs anew has
   * others; those of one kind are taken for each other by their place.
   */
  madeIds?(payload: Payload): readonly MadeId[];
  /** True while the provider owes frames (a response is open): the upstream must not be closed, and must not be silent. */
  owes(state: S): boolean;
  /**
   * Optional: what is still to be counted and told when the session ends, such as audio since the last transcript, or a
   * response whose end is not on the wire. Called once for each socket, after its last frame was read; on a further socket
   * `restore` begins after it: what was told here must not be told again.
   */
  atEnd?(state: S, life: SocketLife): readonly Observation[];
  /**
   * Optional: what an open provider is told before its socket is closed here, such as a request for the bill. Null: nothing,
   * or it was told already. It is read as a client's frame is, and what the provider owes then is waited for, within bounds.
   */
  farewell?(state: S): Payload | null;
  /**
   * Optional: for providers whose sockets end after a time. `longestMs`: that time, where it is known from the start and not
   * told by `expires`. `closesFirst`: the conversation can move only once its old socket is closed.
   */
  readonly succession?: { longestMs?(state: S): number | null; readonly closesFirst?: boolean };
  /**
   * Optional: false while something is under way that `restore` could not bring along, such as a sentence that the user has
   * begun. Asked only while the provider owes nothing. Default: true.
   */
  settled?(state: S): boolean;
  /** Optional: for providers whose frames carry sound. */
  readonly sound?: SoundReader;
  /** Optional. Whether the conversation may go on, on a new socket, after this close. Default: 1001, 1006, 1011-1013. */
  resumable?(code: number, reason: string, state: S): boolean;
}

/** For wires whose model is in the URL. */
export interface StandIn {
  /** What the frames are: providers of one wire can stand in for each other, and no client notices. */
  readonly wire: string;
  /** What a request asks besides its model; null where another model or provider could not serve it. */
  askedOf(target: Target): ConnectRequest['query'] | null;
  /** The request for `model`, which asks `asked` besides. */
  targetOf(model: string, asked: ConnectRequest['query']): Target;
}

export interface MadeId {
  readonly kind: string;
  readonly id: string;
}

/** What a client asked for. */
export type Target = Pick<ConnectRequest, 'path' | 'query'>;

/**
 * A GET that is passed on to the provider with its key, and whose answer is rewritten so that the socket it names is
 * opened here.
 */
export interface RestProxy {
  matches(path: string): boolean;
  /** Headers that carry the key. */
  headers(credential: string): Readonly<Record<string, string>>;
  /**
   * @param gatewayUrl ws(s) URL of this provider at this gateway, without a trailing slash
   * @param token opens the socket here: whoever dials it may be able to send nothing but the URL
   */
  rewrite(body: string, gatewayUrl: string, token: string): string;
}

/** How a client introduced itself; what tells an older dialect from the current one. */
export interface ClientSignals {
  readonly headers: { readonly [name: string]: string };
  readonly subprotocols: readonly string[];
}
