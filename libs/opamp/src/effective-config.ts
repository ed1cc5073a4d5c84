import { decode } from './decode.ts';
import { EffectiveConfig as Message } from './opamp.ts';

/** One file of a configuration; `body` is any bytes and may be a view of the message it came in. */
export interface ConfigFile {
  /** May be empty: a single file needs no name. */
  name: string;
  body: Uint8Array;
  /** MIME type, or empty. */
  contentType: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The files of an EffectiveConfig, by name. Throws `MalformedMessage`. */
export function decodeEffectiveConfig(bytes: Uint8Array): ConfigFile[] {
  const files = Object.entries(decode(Message, bytes, 'effective_config').configMap?.configMap ?? {});
  return files
    .map(([name, file]) => ({
      name,
      body: file.body ?? new Uint8Array(),
      contentType: file.contentType ?? '',
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A file's body as text, or null when it is not UTF-8. */
export function configFileText(body: Uint8Array): string | null {
  try {
    return utf8.decode(body);
  } catch {
    return null;
  }
}
