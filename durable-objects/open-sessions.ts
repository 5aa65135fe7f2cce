/**
 * The names of the sessions that live in this isolate, for the drain before a restart of `npm start`: plain workerd runs
 * all objects of a Worker in one isolate (measured 2026-10-23). On Cloudflare nothing drains, and nothing reads this.
 */
export const openSessions = new Set<string>();
