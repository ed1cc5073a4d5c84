// Runs the conformance suite against an all-in-one Muster and against the reference library's server, and
// writes the comparison into docs/opamp.md. Needs a build and Go: npm run conformance:matrix.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outdated, unexplained } from '@muster/app-conformance/exceptions';
import { withMatrix } from '@muster/app-conformance/matrix';
import type { RowResult } from '@muster/app-conformance/runner';
import { freePort } from '@muster/platform/local-server';
import { maxMessageBytes, runAgainst, runAll, startForConformance } from './harness/conformance.ts';
import { Child } from './harness/child.ts';
import { repository, userEnvironment } from './harness/muster.ts';

const page = join(repository, 'docs/opamp.md');
const token = 'conformance';

build();
const reference = await runReference();
const muster = await runMuster();
writeFileSync(page, withMatrix(readFileSync(page, 'utf8'), muster, reference));
for (const line of unexplained(muster)) {
  process.stderr.write(`without a reason in apps/conformance/src/exceptions.ts: ${line}\n`);
}
for (const number of outdated(muster)) {
  process.stderr.write(`in apps/conformance/src/exceptions.ts, yet met: ${number}\n`);
}

function build(): void {
  const script = join(repository, 'e2e/real-collector/build.mjs');
  const { status } = spawnSync(process.execPath, [script, 'reference-server'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

async function runReference(): Promise<RowResult[]> {
  const address = `127.0.0.1:${await freePort()}`;
  const program = join(repository, '.cache/bin/reference-server');
  const child = await Child.start(program, ['-listen', address, '-token', token], {
    cwd: repository,
    env: userEnvironment(),
  });
  try {
    while (!child.output.includes('ready') && child.running)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return await runAll({ url: new URL(`ws://${address}/v1/opamp`), token, operator: null, maxMessageBytes });
  } finally {
    await child.killTree();
  }
}

async function runMuster(): Promise<RowResult[]> {
  const muster = await startForConformance();
  try {
    return await runAgainst(muster);
  } finally {
    await muster.dispose();
  }
}
