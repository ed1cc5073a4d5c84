import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const server = ['libs/*/src/**', 'apps/{gateway,inventory,configs,rollouts,api,muster,conformance}/src/**'];

/** A folder that gets one JSON report for each run: continuous integration adds them up. */
const reports = process.env['VITEST_REPORTS'];

/** Tests of the whole product. */
const outside = { include: ['e2e/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 180_000 };
/** Those of them that put load on it, and look at how long things take. */
const loads = ['e2e/storms/*.test.ts', 'e2e/load.test.ts'];

export default defineConfig({
  test: {
    reporters: reports
      ? ['default', ['json', { outputFile: `${reports}/${process.pid}.json` }]]
      : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [...server, 'apps/web/src/**'].map((glob) => `${glob}/*.test.{ts,tsx}`),
          exclude: ['**/*.int.test.ts'],
        },
      },
      {
        test: {
          name: 'int',
          include: server.map((glob) => `${glob}/*.int.test.ts`),
          globalSetup: ['libs/db/src/test-server.setup.ts'],
          // where e2e/real-collector/build.mjs leaves a current nats-server
          env: { MUSTER_BIN_DIR: process.env['MUSTER_BIN_DIR'] ?? resolve('.cache/bin') },
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // these wait more than they work
        test: { ...outside, name: 'e2e', exclude: loads, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        // these want the machine for themselves
        test: {
          ...outside,
          name: 'storms',
          include: loads,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
