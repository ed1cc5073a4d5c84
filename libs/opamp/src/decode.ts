import { MalformedMessage } from './errors.ts';

/** A generated message class, as far as decoding goes. */
interface MessageClass<T> {
  decode(bytes: Uint8Array): T;
}

/**
 * Decodes a sub-message. Throws `MalformedMessage` for broken bytes and text that is not UTF-8, and for
 * messages nested more than 100 deep, which the generated code refuses before it could exhaust the stack.
 */
export function decode<T>(type: MessageClass<T>, bytes: Uint8Array, field: string): T {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw new MalformedMessage(error instanceof Error ? error.message : 'cannot be read', field);
  }
}
