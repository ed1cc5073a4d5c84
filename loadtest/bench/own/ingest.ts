import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { repository } from '../child.ts';
import type { OwnFigure } from './own-figure.ts';

const script = `${repository}loadtest/ingest-against-copy.ts`;

/** From bus to upserted row, against COPY of the same rows into the same table. */
export const ingest: OwnFigure = async (_options, { print }) => {
  print('\n### Ingest against COPY\n');
  if (!existsSync(script)) return print(`not measured: there is no ${script}`);
  const { stdout, stderr, status } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  print(status === 0 ? stdout.trimEnd() : `not measured: ${stderr.trim().split('\n').at(-1)}`);
};
