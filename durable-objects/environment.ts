/** The bindings of this deployment. Settings and secrets are read by name, through `parseSettings` and the adapters. */
import type { DirectoryObject } from './directory-object.ts';
import type { RecorderObject } from './recorder-object.ts';
import type { SessionObject } from './session-object.ts';

export interface Env {
  readonly SESSION: DurableObjectNamespace<SessionObject>;
  readonly RECORDER: DurableObjectNamespace<RecorderObject>;
  readonly DIRECTORY: DurableObjectNamespace<DirectoryObject>;
  readonly [setting: string]: unknown;
}
