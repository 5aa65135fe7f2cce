/** Whether a port can be listened on, asked before workerd is started: its own message names no way out. */
import { createServer } from 'node:net';
import { codeOf, StartError } from './start-error.ts';

/** Throws StartError when it cannot. */
export async function requirePort(host: string, port: number, setting: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    throw new StartError(sentence(codeOf(error), host, port, setting));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function sentence(code: string, host: string, port: number, setting: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another program. Stop that, or start Parley on another port: ${setting}=${another(port)} npm start`;
    case 'EACCES':
      return `Port ${port} may not be opened by this user. Use one above 1023: ${setting}=8787 npm start`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${host}. Set HOST to one of its own, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Port ${port} on ${host} cannot be opened (${code}). Set HOST and ${setting}.`;
  }
}

/** Another port worth a try, and a valid one. */
function another(port: number): number {
  return port + 10 <= 65_535 ? port + 10 : port - 10;
}
