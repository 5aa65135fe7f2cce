/**
 * The self-signed certificate for the wss port: several official SDKs insist on `wss:`. Made once with the well-kept
 * `selfsigned`, and kept beside the data.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

export async function certificate(dir: string, host: string): Promise<Certificate> {
  const files = { certFile: `${dir}/tls/cert.pem`, keyFile: `${dir}/tls/key.pem` };
  if (isUsable(files)) return files;
  const names = [...new Set(['localhost', '127.0.0.1', '::1', host])];
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'rsa',
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
  });
  writeFileSync(files.keyFile, key, { mode: 0o600 });
  writeFileSync(files.certFile, cert);
  return files;
}

function isUsable({ certFile, keyFile }: Certificate): boolean {
  if (!existsSync(certFile) || !existsSync(keyFile)) return false;
  try {
    const { validTo } = new X509Certificate(readFileSync(certFile));
    return Date.parse(validTo) - Date.now() > RENEW_BEFORE_DAYS * DAY_MS;
  } catch {
    // Not a certificate any more: a new one is made in its place.
    return false;
  }
}
