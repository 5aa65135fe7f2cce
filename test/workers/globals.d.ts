/** Tells `cloudflare:workers` what this project's Worker exports and is bound to. */
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import('../../worker/index.ts');
  }
  interface Env {
    SESSION: import('../../durable-objects/environment.ts').Env['SESSION'];
    RECORDER: import('../../durable-objects/environment.ts').Env['RECORDER'];
    DIRECTORY: import('../../durable-objects/environment.ts').Env['DIRECTORY'];
    DIRECTORY: import('../../durable-objects/environment.ts').Env['DIRECTORY'];
  }
}
