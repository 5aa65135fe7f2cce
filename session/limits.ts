/** Every limit of a session, in one place. Each has a test at the limit and one past it. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

export const LIMITS = {
  /** Bytes of one WebSocket message: the platform's own (measured 2026-10-23), one more and it closes with 1009. */
  frameBytes: 32 * MIB,
  /** Client frames kept while no upstream is open. */
  pendingBytes: 4 * MIB,
  pendingFrames: 256,
  /** Unsent bytes to a reader that nobody outruns, at which the session reads no more until they have gone out. */
  holdFromBytes: MIB,
  /** The runtime's count of unsent bytes is asked for after so many more were sent. */
  askUnsentBytes: 64 * KIB,
  /** How long input is held at a time, from the first to the longest; then whoever else has business gets a turn. */
  holdMs: 10,
  holdMostMs: 160,
  /** A reader that is waited for and takes not a byte for this long is cut. */
  stalledMs: 10 * SECOND,
  /** Unsent bytes to a client that others outrun, where the runtime tells them (`bufferedAmount`). */
  clientBufferedBytes: 8 * MIB,
  /** Elsewhere: bytes sent since the client's last sign of life. */
  clientUnconfirmedBytes: 64 * MIB,
  /** Past it, the time in which a client is heard before it is cut. */
  clientHearingMs: SECOND,
  /** Nothing passes these, hearing or not: unsent bytes of one session, and bytes to a client without a sign of life. */
  unsentBytes: 64 * MIB,
  clientUnheardBytes: 256 * MIB,
  /** What one client of several may send, and by how much it may be ahead of that: a whole recording may come at once. */
  clientFramesPerSecond: 5000,
  clientBytesPerSecond: 16 * MIB,
  clientBurstMs: 10 * SECOND,
  /** Frames that have gone out and wait to be logged and read, and their characters or bytes. */
  waitingFrames: 32,
  waitingLength: 128 * KIB,
  /** While a conversation is restored: client frames that wait, as many bytes of them as before the first upstream. */
  restoringFrames: 4096,
  /** An upstream that was lost is dialled again so often, until one holds for so long. */
  redials: 5,
  upstreamHoldsMs: 30 * SECOND,
  /** The wait before the second such dial; it doubles each time, up to the longest, and half of it is by chance. */
  redialMs: 500,
  redialMostMs: 8 * SECOND,
  /** How long a new upstream may take to be told the conversation. */
  restoreMs: 5 * SECOND,
  /** How long before its end an upstream is replaced at the first quiet moment, and at the latest even without one. */
  rolloverAheadMs: 300 * SECOND,
  rolloverLastMs: 15 * SECOND,
  /** How often a quiet moment is looked for, and the wait after a successor that failed. */
  rolloverLookMs: SECOND,
  rolloverRetryMs: 15 * SECOND,
  /** Frames of a successor that waits for that moment. */
  earlyFrames: 16,
  /** Upstream frames kept for clients that come back to a named session, beyond its grace time by so much. */
  resumeBytes: 8 * MIB,
  resumeExtraMs: 60 * SECOND,
  /** A segment of the frame log, as one row: Cloudflare allows 2 MB. */
  segmentBytes: 256 * KIB,
  /** The log is flushed at this size, or this age, whichever is first. */
  flushBytes: 256 * KIB,
  flushMs: SECOND,
  /** Sessions flush up to this share earlier, so that they do not flush in step. */
  flushJitter: 0.25,
  /** How long after its first client's 101 a session's record is opened. */
  openRecordMs: 20,
  /**
   * One call to the recorder, or this share of what waits, whichever is more: storing it keeps the one thread busy, and the
   * frames of all sessions wait meanwhile.
   */
  recorderCallBytes: 256 * KIB,
  recorderCallShare: 0.25,
  /** Log bytes in memory while the recorder is behind; past it frames are relayed, not logged, and counted as a gap. */
  recorderBacklogBytes: 16 * MIB,
  /** How long a read waits for what a live session still has in memory. */
  settleMs: 2 * SECOND,
  /** Wait before the recorder is called again after a failure. */
  recorderRetryMs: SECOND,
  /** A dial that is not answered by then has failed. */
  dialMs: 10 * SECOND,
  /** The most that a connection may ask for: attempts of its dial, and the wait before the second (AI Gateway's own). */
  dialAttempts: 5,
  dialRetryMs: 5 * SECOND,
  /** Alternatives that a connection may name, to be dialled in turn when its own dial fails. */
  fallbacks: 5,
  /** What is passed on of the body of a refused upstream handshake. */
  refusalBodyBytes: 64 * KIB,
  /** How long a closed session waits for the usage of an open response. */
  usageWaitMs: 10 * SECOND,
  /** How often a live session is looked over. */
  watchMs: 15 * SECOND,
  /** An upstream that owes frames and is silent this long is noted, and cut at the second. */
  upstreamStalledMs: 30 * SECOND,
  upstreamSilentMs: 300 * SECOND,
  /** How long an ended session waits for its clients to answer the Close, before it lets go of their sockets. */
  closeWaitMs: 2 * SECOND,
  /** After that, time for the answers of calls that are under way: letting go of the object would cut them off. */
  releaseMs: 25,
  /** How often the recorder asks whether a session is still alive; each question keeps a session without clients. */
  heartbeatMs: 30 * SECOND,
  /** Up to this share earlier, so that sessions that began together are not looked after in step. */
  heartbeatJitter: 0.5,
  /** How often one that rests is looked after, which wakes it for about 10 s: 1 % of the time. */
  restLookMs: 900 * SECOND,
  /** What is kept of a session for its restoration is stored no more often than this. */
  checkpointMs: 5 * SECOND,
  /** How often a session renews its place among the live ones of its gateway, and for how long a place holds. */
  leaseRenewMs: 30 * SECOND,
  leaseMs: 100 * SECOND,
  /** What a session has spent is told at most so often. */
  spendReportMs: 250,
  /** How long the response that is running when a budget is spent may go on. */
  lastResponseMs: 60 * SECOND,
  /** When a client that found its gateway full is to try again. */
  slotRetryMs: 5 * SECOND,
  /** One message of the control channel. */
  controlBytes: 64 * KIB,
  /** Frames that a client may send against its role, within a time, before it is cut; and how often it is told of what was dropped. */
  forbiddenFrames: 32,
  forbiddenMs: 10 * SECOND,
  noticeMs: SECOND,
  /** Markers of one session. */
  marks: 10_000,
  /** Clients of whom it is remembered that their role was changed. */
  rememberedRoles: 256,
  /** Names of clients that find what is their own when they come back. Those that are attached are not counted. */
  rememberedOwners: 256,
  /** The floor is lost by silence, and after so long where others wait for it. */
  floorSilentMs: 15 * SECOND,
  floorLongestMs: 300 * SECOND,
  /** Running totals are told no more often than this. */
  usageTellMs: SECOND,
  /** How long before the longest duration of a session its clients are told. */
  endingAheadMs: 60 * SECOND,
  adapterStateBytes: 512 * KIB,
  /** Beside it, by setting: the user's sound, as base64. What is no item yet may be as much again; a row takes 2 MB in all. */
  restoredAudioBytes: 512 * KIB,
  /** Small records (turns, usage, transcripts) in memory while the recorder is behind. */
  recordsBacklog: 4096,
  transcriptCharacters: 64 * KIB,
  /** REST: events in one page, and bytes after which a page ends early. */
  pageEvents: 1000,
  pageBytes: 8 * MIB,
  /** How long the head of a long answer waits for its first piece. */
  headWaitMs: SECOND,
  /** Places in one session at which readers of its folded sound may go on; each holds an adapter's state. */
  heardPlaces: 48,
  pageSessions: 100,
  /** Answers with one session's sound that are under way at a time, and pixels of an outline. */
  soundReads: 16,
  peaksPixels: 20_000,
  /** Replays of one session at the same time; each holds one segment, and what its reader has not taken. */
  replaysAtOnce: 16,
  /** Names of frames that the client of a lockstep replay has sent ahead of what is awaited. */
  replayAhead: 1024,
  /** Ids of a re-driven session that are mapped, of each run. */
  redriveIds: 10_000,
  /** How long a re-driven client's audio stands still for an answer that has not begun: it may need more audio to begin. */
  redrivePatienceMs: 2 * SECOND,
  /** Frames that a replay sends in one go; then whoever else has business gets a turn. */
  replayBurst: 64,
  /** How soon a browser that lost a stream of events comes back, with the id of the last that it got. */
  streamRetryMs: 2 * SECOND,
  /** A comment keeps a stream of events open, and shows whether its reader is still there. */
  streamCommentMs: 15 * SECOND,
  /** Characters of all that was said, in one transcript: a day of talk without a pause has a tenth. */
  transcriptTotalCharacters: 16 * MIB,
  /** Cloudflare's log API: filters and values of one query, and what is shown of a request or response beside it. */
  logFilters: 50,
  logHeadBytes: 4 * KIB,
  /** Groups that one answer about usage may hold. */
  usageGroups: 1000,
  /** Sessions that one sweep deletes, and how many of them at the same time. */
  sweepSessions: 100,
  sweepAtOnce: 10,
  /** Between two sweeps: while there is more to do, and else at the least and at the most. */
  sweepAgainMs: SECOND,
  sweepLeastMs: 3600 * SECOND,
  sweepMostMs: 24 * 3600 * SECOND,
  /** Deliveries to the operator's own servers: how long an attempt may take, and how long the next one waits. */
  deliveryMs: 10 * SECOND,
  retryFirstMs: 2 * SECOND,
  retryMostMs: 3 * 3600 * SECOND,
  /** With the waits above about a day. */
  deliveryAttempts: 28,
  /** Webhooks: at the same time to one endpoint, how long one run goes on, and how many may wait in one gateway. */
  webhooksAtOnce: 8,
  webhookRunMs: 30 * SECOND,
  webhooksWaiting: 10_000,
  /** Of those that wait no more. */
  webhooksKept: 10_000,
  webhooksKeptMs: 7 * 24 * 3600 * SECOND,
  /** Spans of one session, and characters of one transcript in them. */
  traceSpans: 1000,
  traceTextCharacters: 4 * KIB,
  metadataTags: 5,
  metadataBytes: 4 * KIB,
  /** What is kept of a client's User-Agent. */
  userAgentCharacters: 256,
  tokenSeconds: 24 * 3600,
  requestBodyBytes: 64 * KIB,
  /** A gateway's settings, as JSON: they are read for each connection, and its prices go along to the session. */
  gatewaySettingsCharacters: 16 * KIB,
  /** Provider keys that one gateway stores. */
  gatewayKeys: 100,
  /** Sessions of one gateway that were created over REST and whose time has not run out. */
  plannedSessions: 1000,
  /** How long a connection waits for the directory of its gateway. */
  directoryMs: 5 * SECOND,
} as const;

export type Limits = { readonly [K in keyof typeof LIMITS]: number };
