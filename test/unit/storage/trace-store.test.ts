import { describe, expect, it } from 'vitest';
import { TraceStore } from '../../../storage/trace-store.ts';
import { memoryDatabase } from '../../support/sqlite.ts';

describe('how far a trace’s export has come', () => {
  it('P3 is kept for each life of a session, and asking makes no table in a wiped database', () => {
    const database = memoryDatabase();
    const store = new TraceStore(database);
    expect(store.progress(1_000)).toEqual({ attempts: 0, nextAt: 0 });
    expect(database.exec('SELECT name FROM sqlite_master').toArray()).toEqual([]);
    store.note(1_000, { attempts: 1, nextAt: 5_000 });
    store.note(1_000, { attempts: 2, nextAt: null });
    expect(store.progress(1_000)).toEqual({ attempts: 2, nextAt: null });
    expect(store.progress(2_000)).toEqual({ attempts: 0, nextAt: 0 });
  });
});
