import { parseArgs } from 'node:util';
import { runProcess } from '@muster/platform/process';
import { startAllInOne } from './all-in-one.ts';
import { startCluster } from './cluster.ts';
import { readAllInOneEnv, readClusterEnv } from './env.ts';

const usage = `muster: keeps a fleet of OpenTelemetry collectors in the state you asked for

  muster start     everything in one process, with its own database
  muster cluster   what production runs, each part a process of its own, on this machine
  muster help      this text

Settings are environment variables: see docs/settings.md.
`;

const { positionals } = parseArgs({ allowPositionals: true, strict: false });
const command = positionals[0] ?? 'help';
const print = (text: string) => void process.stdout.write(text);

switch (command) {
  case 'start':
    await runProcess(async () => startAllInOne(readAllInOneEnv(), print));
    break;
  case 'cluster':
    await runProcess(async () => startCluster(readClusterEnv(), print));
    break;
  case 'help':
    print(usage);
    break;
  default:
    process.stderr.write(`muster: there is no command ${JSON.stringify(command)}\n\n${usage}`);
    process.exit(2);
}
