import { parseArgs } from 'node:util';
import { runProcess } from '@muster/platform/process';

const usage = `muster: keeps a fleet of OpenTelemetry collectors in the state you asked for

  muster start       everything in one process, with its own database
  muster cluster     what production runs, each part a process of its own, on this machine
  muster simulate    simulated agents, for any OpAMP server: see muster simulate --help
  muster migrate     brings the database at MUSTER_DATABASE_URL to the schema of this release, and ends
  muster demo        everything in one process, with a simulated fleet to look at
  muster deadletter  messages that could not be processed: see muster deadletter --help
  muster help        this text

Settings are environment variables: see docs/settings.md.
`;

const { positionals } = parseArgs({ allowPositionals: true, strict: false });
const command = positionals[0] ?? 'help';
const print = (text: string) => void process.stdout.write(text);
/** What the processes of a simulation are started with. */
const simulatorProcess = 'simulator-process';

// each command loads what it runs and nothing else: simulated agents need no server
switch (command) {
  case 'start':
    await runProcess(async () => {
      const { readAllInOneEnv } = await import('./env.ts');
      const env = readAllInOneEnv();
      const { startAllInOne } = await import('./all-in-one.ts');
      return startAllInOne(env, print);
    });
    break;
  case 'cluster':
    await runProcess(async () => {
      const { readClusterEnv } = await import('./env.ts');
      const env = readClusterEnv();
      const { startCluster } = await import('./cluster.ts');
      return startCluster(env, print);
    });
    break;
  case 'demo':
    await runProcess(async () => {
      const { readAllInOneEnv } = await import('./env.ts');
      const env = readAllInOneEnv();
      const { startDemo } = await import('./demo.ts');
      return startDemo(env, print, { path: process.argv[1]!, args: [simulatorProcess] });
    });
    break;
  case 'migrate': {
    const { migrate } = await import('./migrate.ts');
    await migrate(print);
    break;
  }
  case 'simulate':
    await simulate(process.argv.slice(process.argv.indexOf(command) + 1));
    break;
  case 'deadletter':
    await deadLetter(process.argv.slice(process.argv.indexOf(command) + 1));
    break;
  case simulatorProcess: {
    const { serveSimulator } = await import('@muster/simulator/simulator-process');
    serveSimulator();
    break;
  }
  case 'help':
    print(usage);
    break;
  default:
    process.stderr.write(`muster: there is no command ${JSON.stringify(command)}\n\n${usage}`);
    process.exit(2);
}

async function simulate(args: string[]): Promise<void> {
  const { readSimulateOptions, simulateUsage } = await import('./simulate-options.ts');
  const { startSimulation } = await import('./simulate.ts');
  if (args.includes('--help')) return print(simulateUsage);
  await runProcess(async () => {
    const options = readSimulateOptions(args, process.env);
    const stream = options.json ? process.stderr : process.stdout;
    const live = (text: string) => void stream.write(stream.isTTY ? `\r${text}\u001b[K` : `${text}\n`);
    const program = { path: process.argv[1]!, args: [simulatorProcess] };
    return startSimulation(options, { live, report: print }, program);
  });
}

async function deadLetter(args: string[]): Promise<void> {
  const { deadLetterUsage, runDeadLetterCommand } = await import('./deadletter.ts');
  if (args.includes('--help')) return print(deadLetterUsage);
  try {
    await runDeadLetterCommand(args, process.env, print);
  } catch (error) {
    const { describeFailure } = await import('@muster/platform/process');
    process.stderr.write(`muster: ${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}
