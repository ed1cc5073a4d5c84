import type { FirstCredentials } from './first-credentials.ts';

/** What a person reads when Muster is up. Secrets appear at the start that made them, never again. */
export function banner(
  at: { ui: string; opamp: string[]; dataDir: string },
  first: FirstCredentials,
): string {
  const lines = [
    '',
    'Muster is ready.',
    '',
    `  Web UI and API   ${at.ui}`,
    `  OpAMP            ${at.opamp.join('  ')}`,
    `  Data             ${at.dataDir}`,
    '',
  ];
  if (first.adminKey !== null) {
    lines.push(
      `  Admin key        ${first.adminKey.token}`,
      `                   shown once; kept in ${first.adminKey.file}`,
      '',
    );
  }
  if (first.supervisor !== null) {
    lines.push(
      'To enrol a collector, put this beside opampsupervisor and otelcol as supervisor.yaml',
      `(kept in ${first.supervisor.file}):`,
      '',
      ...first.supervisor.yaml
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`),
      '',
      'and run:',
      '',
      '    ./opampsupervisor --config supervisor.yaml',
      '',
    );
  }
  lines.push('Ctrl-C stops it.', '');
  return lines.join('\n');
}
