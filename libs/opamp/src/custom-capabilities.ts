import { decode } from './decode.ts';
import { CustomCapabilities } from './opamp.ts';

/** The names of the custom messages an agent understands. Throws `MalformedMessage`. */
export function decodeCustomCapabilities(bytes: Uint8Array): string[] {
  return decode(CustomCapabilities, bytes, 'custom_capabilities').capabilities;
}
