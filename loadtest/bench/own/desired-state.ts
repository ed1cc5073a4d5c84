import { spawnSync } from 'node:child_process';
import { repository } from '../child.ts';
import type { OwnFigure } from './own-figure.ts';

const agents = 100_000;
/** Seconds by what `loadtest/desired-state.ts` calls it. */
const goals: Record<string, number> = {
  'its selector changes for half of them': 2,
  'the same selector again': 2,
  'planning, one text for all': 2,
  'planning, a text for each of 10 regions': 2,
  '10000 different texts of 8 KiB with an overlay, CPU': 5,
};

/** What deciding costs for a large fleet, at the level of the database. */
export const desiredState: OwnFigure = async (_options, { print }) => {
  print(`\n### Decisions, ${agents} agents\n`);
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [`${repository}loadtest/desired-state.ts`, '--agents', String(agents), '--json'],
    { encoding: 'utf8' },
  );
  if (status !== 0) return print(`not measured: ${stderr.trim().split('\n').at(-1)}`);
  const { figures } = JSON.parse(stdout) as { figures: Record<string, number> };
  print('| figure | seconds | goal | |\n| --- | --- | --- | --- |');
  for (const [name, seconds] of Object.entries(figures)) {
    const goal = goals[name];
    const verdict = goal === undefined ? '' : seconds <= goal ? '✓' : '✗';
    print(`| ${name} | ${seconds.toFixed(3)} | ${goal ?? ''} | ${verdict} |`);
  }
};
