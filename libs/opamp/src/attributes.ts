import type { AnyValueFields, KeyValueFields } from './opamp.ts';

/** An AnyValue as JSON: whole numbers beyond 2^53 and non-finite numbers as text, bytes as base64, unset as null. */
export type AttributeValue =
  string | number | boolean | null | AttributeValue[] | { [key: string]: AttributeValue };

/** Attributes by key. Of a key sent twice the last counts. */
export type Attributes = Record<string, AttributeValue>;

/** A decoded 64-bit field: a Long, or a number where it fits. */
type Whole = number | { toNumber(): number; toString(): string };

/** A 64-bit whole number: as a number where that is exact, else as decimal text. */
export function wholeNumber(value: Whole | null | undefined): number | string {
  const number = typeof value === 'object' ? (value?.toNumber() ?? 0) : (value ?? 0);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** A 64-bit whole number as decimal text; "0" when unset. */
export function wholeNumberText(value: Whole | null | undefined): string {
  return String(value ?? 0);
}

/** A list of KeyValue as a JSON object. */
export function attributesOf(keyValues: readonly KeyValueFields[] | null | undefined): Attributes {
  // fromEntries makes own properties of every key, `__proto__` too.
  return Object.fromEntries((keyValues ?? []).map(({ key, value }) => [key ?? '', attributeValue(value)]));
}

function attributeValue(value: AnyValueFields | null | undefined): AttributeValue {
  if (typeof value?.stringValue === 'string') return value.stringValue;
  if (typeof value?.boolValue === 'boolean') return value.boolValue;
  if (value?.intValue != null) return wholeNumber(value.intValue);
  if (typeof value?.doubleValue === 'number') return finite(value.doubleValue);
  if (value?.bytesValue != null) return Buffer.from(value.bytesValue).toString('base64');
  if (value?.arrayValue != null) return (value.arrayValue.values ?? []).map(attributeValue);
  if (value?.kvlistValue != null) return attributesOf(value.kvlistValue.values);
  return null;
}

function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
