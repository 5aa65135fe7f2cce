/** Finds secrets in bytes: as they are, and in the forms in which they might have been kept. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';

/** For which a server that is at work on a database is waited for. */
const BUSY_MS = 5_000;

/** The secrets that are somewhere in `haystack`. */
export function secretsIn(haystack: Buffer, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => formsOf(secret).some((form) => haystack.includes(form)));
}

/**
 * `[file, secrets in it]` for each file under `directory`: in its bytes, and in what is stored compressed. A server may
 * be at work on them: one that it deletes meanwhile is not among them.
 */
export function secretsByFile(directory: string, secrets: readonly string[]): [string, string[]][] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => `${directory}/${name}`)
    .flatMap((name) => {
      const bytes = bytesOf(name);
      return bytes === null ? [] : [[name, secretsIn(bytes, secrets)]];
    });
}

/** Null for what is no file, or is none any more. */
function bytesOf(name: string): Buffer | null {
  try {
    return statSync(name).isFile() ? Buffer.concat([readFileSync(name), ...inflated(name)]) : null;
  } catch (error) {
    if (existsSync(name)) throw error;
    return null;
  }
}

/** The segments of a session's log that were stored compressed, as they were before. */
function inflated(file: string): Buffer[] {
  if (!file.endsWith('.sqlite')) return [];
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  try {
    // What is written meanwhile is in all of what is read here, or in none of it.
    database.exec('BEGIN');
    const tables = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'segment'").all();
    if (tables.length === 0) return [];
    const rows = database.prepare("SELECT data FROM segment WHERE codec = 'deflate'").all();
    return rows.map(({ data }) => inflateRawSync(data as Uint8Array)); // a BLOB column
  } finally {
    database.close();
  }
}

function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  // Base64 of a longer text shows it at one of three alignments; the ends depend on what is around it.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  const texts = [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return texts.map((text) => Buffer.from(text));
}
