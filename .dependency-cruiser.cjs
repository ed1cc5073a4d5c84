// Which folder may import which. Rules of single files (which technology a file may import) are in
// oxlint.config.ts.
const capabilityOrder = ['rollouts', 'configs', 'agents'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-app-imports-an-app',
      comment: 'Only the all-in-one starts the others.',
      severity: 'error',
      from: { path: '^apps/(?!muster/)([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/($1/|api/src/schema\\.graphql)' },
    },
    { name: 'libs-do-not-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'web-stands-alone',
      comment: 'The browser talks to the API only; what is pure text may serve both.',
      severity: 'error',
      from: { path: '^apps/web/' },
      to: {
        path: '^(libs|apps)/',
        pathNot: '^(apps/(web/|api/src/schema\\.graphql)|libs/opamp/src/supervisor-yaml)',
      },
    },
    ...capabilityOrder.map((lib, index) => ({
      name: `${lib}-imports-only-what-it-stands-on`,
      severity: 'error',
      from: { path: `^libs/${lib}/` },
      to: { path: `^libs/(${['access', ...capabilityOrder.slice(0, index)].join('|')})/` },
    })),
    {
      name: 'messages-stand-at-the-bottom',
      severity: 'error',
      from: { path: '^libs/messages/' },
      to: { path: '^libs/(?!messages/|platform/)' },
    },
    {
      name: 'opamp-is-pure',
      severity: 'error',
      from: { path: '^libs/opamp/' },
      to: { path: '^libs/(?!opamp/)' },
    },
    {
      name: 'simulator-speaks-only-the-protocol',
      comment: 'An agent knows nothing of the server.',
      severity: 'error',
      from: { path: '^libs/simulator/' },
      to: { path: '^libs/(?!simulator/|opamp/)' },
    },
    {
      name: 'only-tools-simulate',
      severity: 'error',
      from: { path: '^(libs/(?!simulator/)|apps/(?!muster/))' },
      to: { path: '^libs/simulator/' },
    },
    {
      name: 'access-stands-alone',
      severity: 'error',
      from: { path: '^libs/access/' },
      to: { path: '^libs/(agents|configs|rollouts|opamp)/' },
    },
    {
      name: 'db-and-platform-know-no-capability',
      severity: 'error',
      from: { path: '^libs/(db|platform)/' },
      to: { path: '^libs/(agents|configs|rollouts|access|opamp)/' },
    },
    {
      name: 'gateway-has-no-database',
      severity: 'error',
      from: { path: '^apps/gateway/' },
      to: {
        path: '(^libs/(db|rollouts)/|\\.postgres\\.ts$|node_modules/(pg|kysely|bullmq)/)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|generated)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
