/** Bytes that are not the protobuf message they should be. The message tells an agent's author what and where. */
export class MalformedMessage extends Error {
  readonly code = 'malformed-message';
  readonly retryable = false;
  /** The field it was found in, in the words of the .proto file; absent when the framing itself is broken. */
  readonly field: string | undefined;
  /** Who sent it, as far as was read; null: not known. */
  instanceUid: Uint8Array | null = null;

  constructor(reason: string, field?: string) {
    super(field === undefined ? reason : `${field}: ${reason}`);
    this.field = field;
  }
}

/** A message that may be what it should be, but is more than the server takes: of bytes, parts, fields or files. */
export class MessageOverLimit extends MalformedMessage {}
