// Adds up the JSON reports of the test runs (one file each in the given directory) and prints
// "N passed, N failed". Exits 1 when anything failed, was skipped, or a run left no report.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const runs = 3; // unit, int, e2e
const directory = process.argv[2];
const reports = readdirSync(directory).map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')));
const files = reports.flatMap((report) => report.testResults);
const tests = files.flatMap((file) => file.assertionResults);

const passed = tests.filter((test) => test.status === 'passed').length;
const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed');
const failed = tests.filter((test) => test.status === 'failed').length;
// a file that cannot be loaded holds no tests
const unloadable = files.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
).length;

for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}\n`);
if (reports.length < runs) process.stdout.write(`only ${reports.length} of ${runs} test runs took place\n`);
process.stdout.write(`${passed} passed, ${failed + unloadable} failed\n`);
if (failed + unloadable > 0 || skipped.length > 0 || reports.length < runs) process.exit(1);
