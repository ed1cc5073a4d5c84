/** What agents have in common that is likely to fail together; see ADR 0015. */
export interface CohortKind {
  readonly type: string;
  readonly version: string;
  readonly os: string;
  readonly arch: string;
}

/** Alike for the same kind, and for no other. */
export function kindKey({ type, version, os, arch }: CohortKind): string {
  return JSON.stringify([type, version, os, arch]);
}
