/**
 * An hour of voice, written straight into the database of a session's recorder, as if it had been recorded: both sides at
 * once, without a pause, at 24 kHz, which is the most that a session of that length holds.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Ending, Opening } from '../protocol/recording.ts';
import { SegmentWriter } from '../protocol/segment.ts';

const RATE = 24_000;
const USER_MS = 20;
const MODEL_MS = 100;
const SEGMENT_BYTES = 256 * 1024;

/** @returns bytes of the log */
export function writeVoice(dataDir: string, session: string, minutes: number): number {
  const database = databaseOf(dataDir, session);
  const row = database.prepare('SELECT opening, ending FROM session').get() as {
    opening: string;
    ending: string;
  }; // its columns
  // Only ever written from these.
  const opening = JSON.parse(row.opening) as Opening;
  const ending = JSON.parse(row.ending) as Ending;
  const startedAt = Date.now() - minutes * 60_000;
  database.exec('DELETE FROM segment; BEGIN');
  const bytes = writeSegments(database, startedAt, minutes * 60_000);
  database
    .prepare('UPDATE session SET opening = ?, ending = ?')
    .run(
      JSON.stringify({ ...opening, startedAt }),
      JSON.stringify({ ...ending, at: startedAt + minutes * 60_000 }),
    );
  database.exec('COMMIT');
  database.close();
  return bytes;
}

function databaseOf(dataDir: string, session: string): DatabaseSync {
  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.sqlite')) continue;
    const database = new DatabaseSync(join(entry.parentPath, entry.name));
    try {
      const found = database.prepare('SELECT opening FROM session').get() as { opening?: string } | undefined; // its column
      if (found?.opening?.includes(`"id":"${session}"`) === true) return database;
    } catch {
      // Another object's database, which has no such table.
    }
    database.close();
  }
  throw new Error(`no database of ${session} under ${dataDir}`);
}

function writeSegments(database: DatabaseSync, startedAt: number, durationMs: number): number {
  const writer = new SegmentWriter(SEGMENT_BYTES);
  const insert = database.prepare(
    'INSERT INTO segment (number, first_seq, last_seq, first_at, last_at, codec, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const user = JSON.stringify({ type: 'input_audio_buffer.append', audio: voice(USER_MS) });
  const model = JSON.stringify({
    type: 'response.output_audio.delta',
    event_id: 'event_1',
    response_id: 'resp_1',
    item_id: 'item_1',
    output_index: 0,
    content_index: 0,
    delta: voice(MODEL_MS),
  });
  let seq = 0;
  let bytes = 0;
  const store = (): void => {
    for (const { number, firstSeq, lastSeq, firstAt, lastAt, data } of writer.take()) {
      insert.run(number, firstSeq, lastSeq, firstAt, lastAt, 'raw', data);
      bytes += data.length;
    }
  };
  for (let ms = 0; ms < durationMs; ms += USER_MS) {
    const at = startedAt + ms;
    const frame = { at, translated: false };
    writer.append((seq += 1), { ...frame, direction: 'up', client: 1, payload: user }, true);
    if (ms % MODEL_MS === 0)
      writer.append((seq += 1), { ...frame, direction: 'down', client: 0, payload: model }, true);
    if (writer.bytes > SEGMENT_BYTES) store();
  }
  store();
  return bytes;
}

function voice(ms: number): string {
  const samples = Int16Array.from({ length: (RATE * ms) / 1000 }, (_, n) => ((n * 7919) % 30_000) - 15_000);
  return Buffer.from(samples.buffer).toString('base64');
}
