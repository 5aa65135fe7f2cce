import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { requirePort } from '../../../scripts/start/ports.ts';

describe('a port', () => {
  it('that is free is left free', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(requirePort('127.0.0.1', port, 'TLS_PORT')).rejects.toThrow(
      new RegExp(`^Port ${port} is in use by another program\\. Stop .*: TLS_PORT=[0-9]+ npm start$`),
    );
    await new Promise((resolve) => server.close(resolve));
    await requirePort('127.0.0.1', port, 'TLS_PORT');
    await requirePort('127.0.0.1', port, 'TLS_PORT');
  });

  it('on an address that this machine does not have names HOST', async () => {
    await expect(requirePort('203.0.113.7', 8787, 'PORT')).rejects.toThrow('Set HOST');
  });
});
