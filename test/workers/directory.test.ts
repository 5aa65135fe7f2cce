import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { DirectoryStore } from '../../storage/directory-store.ts';

describe('P3 the directory, on the platform’s own SQLite', () => {
  it('P3 a database from before costs were kept gets their columns', async () => {
    await runInDurableObject(env.DIRECTORY.getByName('old'), (_directory, state) => {
      const { sql } = state.storage;
      const columns = () => [...sql.exec('PRAGMA table_info(session)')].map(({ name }) => name);
      for (const column of ['cost_nano', 'cost_complete'])
        sql.exec(`ALTER TABLE session DROP COLUMN ${column}`);
      expect(columns()).not.toContain('cost_nano');
      const store = new DirectoryStore(sql);
      expect(columns()).toEqual(expect.arrayContaining(['cost_nano', 'cost_complete']));
      expect(store.list({ ...EVERYTHING, minCostNano: 0 }, null, 1)).toEqual([]);
    });
  });
});

const EVERYTHING = {
  status: null,
  provider: null,
  model: null,
  endedReason: null,
  since: null,
  until: null,
  metadata: [],
};
