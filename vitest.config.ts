import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const server = ['libs/*/src/**', 'apps/{gateway,inventory,configs,rollouts,api,muster,conformance}/src/**'];

/** A folder that gets one JSON report for each run: continuous integration adds them up. */
const reports = process.env['VITEST_REPORTS'];

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
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
