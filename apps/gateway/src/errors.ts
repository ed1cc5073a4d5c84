/** The port for agents cannot be listened on. The message names host, port, cause and setting. */
export class PortTaken extends Error {
  readonly code = 'port-taken';
  readonly retryable = false;

  constructor(host: string, port: number, cause: string) {
    super(
      `cannot listen for agents on ${host} port ${port}: ${cause}; end what uses it or set MUSTER_OPAMP_PORT to another port`,
    );
  }
}
