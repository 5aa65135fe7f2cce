/** Gemini Live on Vertex AI: another host, another method, OAuth. */
import type { ConnectRequest } from './adapter.ts';
import { CARRIERS, geminiDialect, passedOn } from './gemini.ts';

const VERTEX_METHOD = 'ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent';
const VERTEX_GLOBAL = 'https://aiplatform.googleapis.com';

export const vertex = geminiDialect({
  id: 'google-vertex-ai',
  genAiName: 'gcp.vertex_ai',
  aliases: [],
  settings: {
    key: 'GOOGLE_VERTEX_API_KEY',
    baseUrl: 'GOOGLE_VERTEX_BASE_URL',
    defaultBaseUrl: VERTEX_GLOBAL,
  },
  carriers: CARRIERS,
  paths: /^ws\/google\.cloud\.aiplatform\.(v1|v1beta1)\.LlmBidiService\/BidiGenerateContent$/,
  defaultPath: VERTEX_METHOD,
  announcesHistory: false,
  dial: (request) => {
    const { path, query, credential } = request;
    const headers = { ...request.headers };
    // An API key (express mode) by its looks; anything else is an OAuth token.
    const isKey = credential !== null && /^(AIza|AQ\.)/.test(credential);
    if (credential !== null && isKey) headers['x-goog-api-key'] = credential;
    else if (credential !== null) headers['Authorization'] = `Bearer ${credential}`;
    const search = new URLSearchParams(passedOn(query, [LOCATION])).toString();
    const url = `${vertexHost(request)}/${path === '' ? VERTEX_METHOD : path}`;
    return { url: `${url}${search === '' ? '' : `?${search}`}`, headers, subprotocols: [] };
  },
});

/** Ours: the region to dial, which the client's own host name says when it dials Google. */
const LOCATION = 'location';

function vertexHost({ baseUrl, query }: ConnectRequest): string {
  const location = query.find(([name]) => name === LOCATION)?.[1] ?? 'global';
  // It becomes a part of a host name: nothing else may.
  if (baseUrl !== VERTEX_GLOBAL || location === 'global' || !/^[a-z]+(-[a-z]+\d+)?$/.test(location)) {
    return baseUrl;
  }
  return location.includes('-')
    ? `https://${location}-aiplatform.googleapis.com`
    : `https://aiplatform.${location}.rep.googleapis.com`;
}
