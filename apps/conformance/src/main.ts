import { writeFile } from 'node:fs/promises';
import { allRows } from './rows/all-rows.ts';
import { BadArguments, readArguments, usage, type Arguments } from './command-line.ts';
import { isConforming, jsonReport, markdownTable, terminalTable } from './results-table.ts';
import { run } from './runner.ts';

process.exitCode = await main();

async function main(): Promise<number> {
  const wanted = read();
  if (wanted === null) return 2;
  const { target, rows, json, markdown } = wanted;
  const started = performance.now();
  let done = 0;
  const onResult = () => process.stderr.write(`\r${++done} done `);
  const results = await run({ rows, target, onResult });
  await target.operator?.cleanUp();
  process.stderr.write('\r');
  const seconds = Math.round((performance.now() - started) / 1_000);
  process.stdout.write(`${terminalTable(results)}; ${seconds} s\n`);
  if (json !== null) await writeFile(json, jsonReport(results));
  if (markdown !== null) await writeFile(markdown, markdownTable(results));
  return isConforming(results) ? 0 : 1;
}

function read(): Arguments | null {
  try {
    return readArguments(process.argv.slice(2), allRows);
  } catch (error) {
    if (!(error instanceof BadArguments)) throw error;
    process.stderr.write(`conformance: ${error.message}\n\n${usage}`);
    return null;
  }
}
