// Builds one server process: its own code and the workspace's libs into one file, every
// published package left to node_modules. What it runs in threads is a file of its own beside it.
import { basename } from 'node:path';
import { defineConfig } from 'rolldown';

const bundled = ['@muster/', '@oxc-project/runtime']; // the latter holds the decorator helpers

const reports = { 'reports.worker': '../../libs/agents/src/reports.worker.ts' };
const texts = { 'texts.worker': '../../libs/configs/src/texts.worker.ts' };
const workers = {
  inventory: reports,
  configs: texts,
  rollouts: texts,
  api: texts,
  muster: { ...reports, ...texts },
};

export default defineConfig({
  input: { main: 'src/main.ts', ...workers[basename(process.cwd())] },
  platform: 'node',
  external: (id) => /^[^./]/.test(id) && !bundled.some((prefix) => id.startsWith(prefix)),
  tsconfig: '../../tsconfig.base.json',
  transform: { target: 'node22' },
  output: { dir: 'dist', format: 'esm', sourcemap: true, cleanDir: true },
});
