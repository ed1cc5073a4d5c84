import { MalformedMessage } from '@muster/opamp/errors';
import { decodeEffectiveConfig } from '@muster/opamp/effective-config';
import { EffectiveConfig } from '@muster/opamp/opamp';
import { findCredentials, redact, type CredentialFinding } from './credential-shapes.ts';

/** Where a credential was in what an agent reported. Line and column count from 1, columns in characters. */
export interface ConfigFinding {
  file: string;
  line: number;
  column: number;
  /** As in `CredentialFinding`. */
  kind: string;
}

/**
 * An EffectiveConfig with `[REDACTED:<kind>]` for each credential in its files, all else as it came; null:
 * it holds none. One that is malformed is searched as it is.
 */
export function redactEffectiveConfig(
  body: Uint8Array,
): { body: Uint8Array; findings: ConfigFinding[] } | null {
  // Byte for byte: what matters is ASCII. Most configs are clean, and not decoded.
  const whole = textOf(body);
  const found = findCredentials(whole);
  if (found.length === 0) return null;
  try {
    return redactFiles(body);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    const findings = found.map((finding) => placeOf('', whole, finding));
    return { body: Buffer.from(redact(whole, found), 'latin1'), findings };
  }
}

function redactFiles(body: Uint8Array): { body: Uint8Array; findings: ConfigFinding[] } | null {
  const findings: ConfigFinding[] = [];
  const files = decodeEffectiveConfig(body).map(({ name, body: file, contentType }) => {
    const text = textOf(file);
    const found = findCredentials(text);
    findings.push(...found.map((finding) => placeOf(name, text, finding)));
    const clean = found.length === 0 ? file : Buffer.from(redact(text, found), 'latin1');
    return [name, { body: clean, contentType }] as const;
  });
  if (findings.length === 0) return null;
  return {
    body: EffectiveConfig.encode({ configMap: { configMap: Object.fromEntries(files) } }).finish(),
    findings,
  };
}

function placeOf(file: string, text: string, { kind, start }: CredentialFinding): ConfigFinding {
  const before = text.slice(0, start);
  const lineStart = before.lastIndexOf('\n') + 1;
  const column = Buffer.from(before.slice(lineStart), 'latin1').toString().length + 1;
  return { file, line: before.split('\n').length, column, kind };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
