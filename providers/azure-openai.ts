/**
 * Azure OpenAI: OpenAI's realtime wire at an address of each customer's own, on two paths.
 *
 *     GA       {resource}/openai/v1/realtime?model=<deployment>                     no beta header; GA events
 *     preview  {resource}/openai/realtime?api-version=<v>&deployment=<deployment>   beta events; deprecated 2026-04-30
 *
 * Source: Microsoft's realtime-audio-websockets page (2026-01-29) and preview migration guide (2026-02-23).
 */
import type { ConnectRequest, ProviderAdapter, UpstreamRequest } from './adapter.ts';
import { BETA_HEADER, BETA_SUBPROTOCOL, betaTranslation } from './openai-beta.ts';
import { openaiDialect } from './openai.ts';
import type { OpenAIState } from './openai-state.ts';

const API_KEY = 'api-key';

const realtime = openaiDialect({
  id: 'azure-openai',
  genAiName: 'azure.ai.openai',
  aliases: [],
  settings: { key: 'AZURE_OPENAI_API_KEY', baseUrl: 'AZURE_OPENAI_BASE_URL', defaultBaseUrl: null },
});

/** Forms of each path; the short ones go where their query belongs. */
const SHORT = ['', 'realtime'];
const GA = ['openai/v1/realtime', 'v1/realtime'];
const PREVIEW = ['openai/realtime'];

export const azureOpenai: ProviderAdapter<OpenAIState> = {
  ...realtime,
  carriers: [
    { in: 'header', name: API_KEY },
    // The only place that a browser can fill.
    { in: 'query', name: API_KEY },
    ...realtime.carriers,
  ],
  forwardHeaders: [BETA_HEADER],
  modelOf: ({ query }) => valueOf(query, 'model') ?? valueOf(query, 'deployment') ?? null,
  accepts: (path) =>
    [...SHORT, ...GA, ...PREVIEW].includes(path)
      ? { ok: true }
      : { ok: false, suggestion: 'openai/v1/realtime' },
  standIn: {
    wire: 'openai-realtime',
    // The preview's clients speak the beta.
    askedOf: ({ path, query }) =>
      isPreview({ path, query }) ? null : (realtime.standIn?.askedOf({ path: '', query }) ?? null),
    targetOf: (model, asked) => ({ path: 'openai/v1/realtime', query: [['model', model], ...asked] }),
  },
  dial,
  // A client that signals the beta dialect speaks the preview's own wire.
  translation: (signals, dialled) => (isPreview(dialled) ? null : betaTranslation(signals)),
};

function isPreview({ path, query }: Pick<ConnectRequest, 'path' | 'query'>): boolean {
  if (!SHORT.includes(path)) return PREVIEW.includes(path);
  return valueOf(query, 'deployment') !== undefined;
}

/** The GA path is dialled as OpenAI is, but for address and key; the preview gets what the client said. */
function dial(request: ConnectRequest, state: OpenAIState): UpstreamRequest {
  // The setting may be the resource's address, or a base URL as Azure's SDKs have it.
  const resource = request.baseUrl.replace(/\/openai(?:\/v1)?$/, '');
  const { [BETA_HEADER]: beta, ...headers } = { ...request.headers, ...keyHeader(request.credential) };
  const subprotocols = request.subprotocols.filter(
    (each) => each === 'realtime' || each === BETA_SUBPROTOCOL,
  );
  if (!isPreview(request)) {
    const baseUrl = `${resource}/openai/v1`;
    return realtime.dial({ ...request, path: '', baseUrl, headers, subprotocols, credential: null }, state);
  }
  const query = new URLSearchParams();
  for (const [name, value] of request.query) query.append(name, value);
  return {
    url: `${resource}/openai/realtime?${query.toString()}`,
    headers: beta === undefined ? headers : { ...headers, [BETA_HEADER]: beta },
    subprotocols,
  };
}

/** A Microsoft Entra token is a JWT, and goes as a bearer; a key does not look like one. */
function keyHeader(credential: string | null): Record<string, string> {
  if (credential === null) return {};
  const isToken = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential);
  return isToken ? { Authorization: `Bearer ${credential}` } : { [API_KEY]: credential };
}

function valueOf(query: ConnectRequest['query'], name: string): string | undefined {
  return query.find(([each]) => each === name)?.[1];
}
