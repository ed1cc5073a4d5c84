import { z } from 'zod';

/** Schemas that the OpenAPI document names; `named` puts them in. */
export const apiSchemas = z.registry<{ id: string }>();

/** Gives a schema its name in the OpenAPI document. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  apiSchemas.add(schema, { id });
  return schema;
}

export const dateTime = z.iso.datetime();
export const textMap = z.record(z.string(), z.string());
export const anyJson = z.unknown();

/** A page of a list. */
export function pageSchema<S extends z.ZodType>(id: string, item: S) {
  return named(id, z.object({ items: z.array(item), next: z.string().nullable() }));
}

/** An RFC 3339 time as answers hold it. */
export function toDateTime(date: Date): string;
export function toDateTime(date: Date | null): string | null;
export function toDateTime(date: Date | null): string | null {
  return date && date.toISOString();
}
