/**
 * The floor of the same runtime: a Worker and a Durable Object that relay frames and do nothing else.
 * No credential, no session, no log, no limit. Plain JavaScript, because workerd serves it as it stands.
 */
export default {
  fetch(request, env) {
    return env.RELAY.get(env.RELAY.newUniqueId()).fetch(request);
  },
};

export class Relay {
  #context;
  #env;
  #upstream = null;

  constructor(context, env) {
    this.#context = context;
    this.#env = env;
  }

  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    if (pathname === '/healthz') return new Response('ok');
    const answer = await fetch(`${this.#env.UPSTREAM}${pathname}${search}`, {
      headers: { upgrade: 'websocket' },
    });
    const upstream = answer.webSocket;
    if (upstream === null) return answer;
    upstream.binaryType = 'arraybuffer';
    const { 0: outside, 1: client } = new WebSocketPair();
    upstream.addEventListener('message', ({ data }) => client.send(data));
    upstream.addEventListener('close', () => client.close(1000));
    upstream.accept();
    this.#upstream = upstream;
    this.#context.acceptWebSocket(client);
    return new Response(null, { status: 101, webSocket: outside });
  }

  webSocketMessage(_client, data) {
    this.#upstream?.send(data);
  }

  webSocketClose(client) {
    client.close(1000);
    this.#upstream?.close(1000);
  }
}
