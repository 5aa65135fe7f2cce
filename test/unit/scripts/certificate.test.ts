import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { certificate } from '../../../scripts/start/certificate.ts';
import { temporaryDirectory } from './temporary.ts';

function dataDirectory(): string {
  const directory = temporaryDirectory();
  mkdirSync(`${directory}/tls`);
  return directory;
}

const parse = (file: string): X509Certificate => new X509Certificate(readFileSync(file));

describe('the certificate', () => {
  it('names this machine and the host, is no authority, and its key is for its owner alone', async () => {
    const { certFile, keyFile } = await certificate(dataDirectory(), '192.0.2.7');
    const cert = parse(certFile);
    expect(cert.checkHost('localhost')).toBe('localhost');
    for (const ip of ['127.0.0.1', '::1', '192.0.2.7']) expect(cert.checkIP(ip)).toBe(ip);
    expect(cert.ca).toBe(false);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  });

  it('is kept while it serves', async () => {
    const directory = dataDirectory();
    const { certFile } = await certificate(directory, '127.0.0.1');
    const before = readFileSync(certFile, 'utf8');
    await certificate(directory, '127.0.0.1');
    expect(readFileSync(certFile, 'utf8')).toBe(before);
  });

  it('is made anew for another host, when it is broken, and when it is not of this key', async () => {
    const directory = dataDirectory();
    const { certFile, keyFile } = await certificate(directory, '127.0.0.1');
    await certificate(directory, 'parley.example');
    expect(parse(certFile).checkHost('parley.example')).toBe('parley.example');

    writeFileSync(certFile, 'half of a certif');
    await certificate(directory, '127.0.0.1');
    const mended = parse(certFile).fingerprint256;

    const other = await certificate(dataDirectory(), '127.0.0.1');
    copyFileSync(other.keyFile, keyFile);
    await certificate(directory, '127.0.0.1');
    expect(parse(certFile).fingerprint256).not.toBe(mended);
  });
});
