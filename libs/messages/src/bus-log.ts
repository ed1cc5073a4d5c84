/** What the adapters need of a log; a pino logger is one. */
export interface BusLog {
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

/** Says nothing. */
export const silentBusLog: BusLog = { info() {}, warn() {}, error() {} };
