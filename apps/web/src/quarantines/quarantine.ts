/** A version that is not offered where it failed, until someone lifts this. */
export interface Quarantine {
  id: string;
  scope: 'agent' | 'cohort';
  /** Null: a cohort. */
  agent: { uid: string; name: string } | null;
  /** Null: an agent. */
  cohort: { type: string; version: string; os: string; arch: string } | null;
  fleet: string | null;
  /** What is not offered, in any rendering. */
  versions: { configuration: string; version: number }[];
  reason: string;
  since: string;
  liftedAt: string | null;
  liftedBy: string | null;
}
