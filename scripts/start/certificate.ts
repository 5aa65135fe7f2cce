/**
 * The self-signed certificate for the wss port: several official SDKs insist on `wss:`. Made once with the well-kept
 * `selfsigned`, and kept beside the data.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { generate } from 'selfsigned';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

const DAY_MS = 86_400_000;
/** Clients on Apple systems refuse a longer one. */
const VALID_DAYS = 820;
const RENEW_BEFORE_DAYS = 14;

/** @param host the address that Parley listens on; a certificate kept from before that does not name it is replaced */
export async function certificate(dir: string, host: string): Promise<Certificate> {
  const files = { certFile: `${dir}/tls/cert.pem`, keyFile: `${dir}/tls/key.pem` };
  const names = [...new Set(['localhost', '127.0.0.1', '::1', host])];
  if (isUsable(files, names)) return files;
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'rsa',
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
    extensions: [
      // Not an authority: whoever trusts it trusts this server alone, and clients on rustls refuse a server that shows
      // an authority's certificate (CaUsedAsEndEntity; measured with workerd as the client, 2026-11-24).
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
  });
  // `mode` is for a file that is new.
  rmSync(files.keyFile, { force: true });
  writeFileSync(files.keyFile, key, { mode: 0o600 });
  writeFileSync(files.certFile, cert);
  return files;
}

function isUsable({ certFile, keyFile }: Certificate, names: readonly string[]): boolean {
  if (!existsSync(certFile) || !existsSync(keyFile)) return false;
  try {
    const cert = new X509Certificate(readFileSync(certFile));
    return (
      Date.parse(cert.validTo) - Date.now() > RENEW_BEFORE_DAYS * DAY_MS &&
      !cert.ca &&
      cert.checkPrivateKey(createPrivateKey(readFileSync(keyFile))) &&
      names.every((name) => (isIP(name) === 0 ? cert.checkHost(name) : cert.checkIP(name)) !== undefined)
    );
  } catch {
    // Not a certificate any more: a new one is made in its place.
    return false;
  }
}
