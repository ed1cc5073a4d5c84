/** Bytes that are not the protobuf message they should be. The message tells an agent's author what and where. */
export class MalformedMessage extends Error {
  readonly code = 'malformed-message';
  readonly retryable = false;
  /** The field it was found in, in the words of the .proto file; absent when the framing itself is broken. */
  readonly field: string | undefined;

  constructor(reason: string, field?: string) {
    super(field === undefined ? reason : `${field}: ${reason}`);
    this.field = field;
  }
}
