import { defineConfig } from 'vitest/config';

const server = ['libs/*/src/**', 'apps/{gateway,inventory,configs,rollouts,api,muster}/src/**'];

export default defineConfig({
  test: {
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
