import { MalformedMessage } from './errors.ts';
import { WireReader, wireType } from './wire-reader.ts';

/** What an AvailableComponents says of itself, without its list being read. */
export interface AvailableComponentsScan {
  /** The agent's own hash of the list; empty when it sent none. A view of `body`. */
  hash: Uint8Array;
  /** False: the list was left out, the server has to ask for it (spec "AvailableComponents.components"). */
  listed: boolean;
}

/** Reads the top-level fields of an AvailableComponents. Throws `MalformedMessage`. */
export function scanAvailableComponents(body: Uint8Array): AvailableComponentsScan {
  const scan: AvailableComponentsScan = { hash: body.subarray(0, 0), listed: false };
  const reader = new WireReader(body, 0, body.length);
  while (!reader.done) {
    const tag = reader.tag();
    const field = Math.floor(tag / 8);
    if (field > 2) {
      reader.skip(tag & 7);
      continue;
    }
    if ((tag & 7) !== wireType.lengthDelimited) {
      throw new MalformedMessage('wire type does not fit', 'available_components');
    }
    const start = reader.stepOver();
    if (field === 1) scan.listed = true;
    else scan.hash = body.subarray(start, reader.position);
  }
  return scan;
}
