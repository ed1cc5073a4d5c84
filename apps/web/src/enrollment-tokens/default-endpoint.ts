const opampPort = 4320;

/** Where agents most likely reach the gateway: this page's host, on the OpAMP port. */
export function defaultEndpoint(location: { protocol: string; hostname: string }): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.hostname}:${opampPort}/v1/opamp`;
}
