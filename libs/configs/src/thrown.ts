import { InvalidConfiguration, InvalidOverlay, InvalidTemplate } from './errors.ts';

const classes = { InvalidConfiguration, InvalidOverlay, InvalidTemplate } as const;

/** A refusal that can be sent to another thread. */
export interface Thrown {
  readonly class: keyof typeof classes;
  readonly message: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Null: it is no refusal of a text. */
export function toThrown(error: unknown): Thrown | null {
  for (const [name, type] of Object.entries(classes)) {
    if (error instanceof type)
      return { class: name as Thrown['class'], message: error.message, members: { ...error } };
  }
  return null;
}

/** The same refusal, as an instance of its class. */
export function fromThrown({ class: name, message, members }: Thrown): Error {
  const error = new Error(message);
  Object.setPrototypeOf(error, classes[name].prototype);
  return Object.assign(error, members);
}
