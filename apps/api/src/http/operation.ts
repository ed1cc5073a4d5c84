import type { z } from 'zod';

/** One call of the REST API, as the OpenAPI document tells it. Paths are below /api/v1, parameters in braces. */
export interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: string;
  id: string;
  summary: string;
  tag: string;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status of success; 204 has no content. */
  status: number;
  answer?: z.ZodType;
  /** Needs no credential. */
  open?: boolean;
}
