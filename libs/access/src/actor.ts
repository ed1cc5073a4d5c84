/** Who does something, as the audit log shows it. */
export type Actor = `api-key:${string}` | `session:${string}` | 'system';
