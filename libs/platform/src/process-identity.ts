import { hostname } from 'node:os';
import manifest from '../package.json' with { type: 'json' };

/** What tells this process from every other, by the names of OpenTelemetry's semantic conventions. */
export interface ProcessIdentity {
  'service.namespace': string;
  'service.name': string;
  'service.version': string;
  'service.instance.id': string;
}

let described: ProcessIdentity | null = null;

/** As this process was described first. */
export const thisProcess = (): ProcessIdentity => described ?? describeProcess('muster');

/** Stable for the life of the process. `instance`: a name that it is known by already, such as a gateway's id. */
export function describeProcess(service: string, instance = `${hostname()}-${process.pid}`): ProcessIdentity {
  const identity = {
    'service.namespace': 'muster',
    'service.name': service,
    'service.version': manifest.version,
    'service.instance.id': instance,
  };
  described ??= identity;
  return identity;
}
