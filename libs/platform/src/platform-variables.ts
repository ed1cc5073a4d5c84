/** `tcp://10.0.0.1:4321`, with which Kubernetes and Docker say where a service is. */
const link = /^(tcp|udp|sctp):\/\/\S+:\d+$/;

/** What Kubernetes and Docker add to `<SERVICE>_PORT`, for one of its ports. */
const onePort = /^_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;

/**
 * Names of the variables that Kubernetes makes for every Service of the namespace (and Docker for a link): a
 * Service called `muster-rw` gives `MUSTER_RW_SERVICE_HOST` and `MUSTER_RW_PORT=tcp://…`, one called `muster-api`
 * a `MUSTER_API_PORT` that is no setting. They are known by coming together, so that a mistake in one variable
 * remains one.
 */
export function platformVariables(env: Readonly<Record<string, string | undefined>>): Set<string> {
  const names = Object.keys(env).filter((name) => env[name]);
  const services = names.flatMap((name) => {
    const service = /^(\w+?)(_SERVICE_HOST|_PORT_\d+_(TCP|UDP|SCTP))$/.exec(name)?.[1];
    return service !== undefined && isService(service, env) ? [service] : [];
  });
  return new Set(
    [...new Set(services)].flatMap((service) =>
      names.filter((name) => name.startsWith(service) && isOf(service, name, env[name]!)),
    ),
  );
}

function isService(service: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const kubernetes = env[`${service}_SERVICE_HOST`] && /^\d+$/.test(env[`${service}_SERVICE_PORT`] ?? '');
  return Boolean(kubernetes) || link.test(env[`${service}_PORT`] ?? '');
}

function isOf(service: string, name: string, value: string): boolean {
  const rest = name.slice(service.length);
  if (rest === '_PORT') return link.test(value);
  return rest === '_SERVICE_HOST' || /^_SERVICE_PORT(_[A-Z0-9_]+)?$/.test(rest) || onePort.test(rest);
}
