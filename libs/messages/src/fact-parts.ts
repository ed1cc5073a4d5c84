import type { ReportFrame } from './report-frame.ts';
import type { AgentsChanged, Facts } from './vocabulary.ts';

/** The smallest facts that say the same in the same order: one for each report, or for each agent. */
export function partsOfFact<S extends keyof Facts>(subject: S, fact: Facts[S]): Facts[S][] {
  if (subject === 'reports') {
    const { gateway, reports } = fact as ReportFrame;
    return reports.map((report) => ({ gateway, reports: [report] }) as Facts[S]);
  }
  if (subject === 'agents.changed') {
    return (fact as AgentsChanged).agents.map((agent) => ({ agents: [agent] }) as Facts[S]);
  }
  return [fact];
}

/** The one agent that a fact is about, as UUID text; null: none, several, or it cannot be told. */
export function agentOfFact<S extends keyof Facts>(subject: S, fact: Facts[S]): string | null {
  if (subject === 'reports') {
    const { reports } = fact as ReportFrame;
    const uid = reports[0]?.instanceUid;
    return reports.length === 1 && uid?.length === 16 ? uuidText(uid) : null;
  }
  if (subject === 'agents.changed') {
    const { agents } = fact as AgentsChanged;
    return agents.length === 1 ? agents[0]!.uid : null;
  }
  return subject === 'agents.reidentified' ? (fact as Facts['agents.reidentified']).uid : null;
}

function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
